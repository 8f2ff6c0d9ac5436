// Native dialogs, questions before a form is sent, names typed to confirm, copying.
document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-opens]");
  if (opener) {
    event.preventDefault();
    document.getElementById(opener.dataset.opens)?.showModal();
  }
  if (event.target.closest("[data-closes]")) event.target.closest("dialog")?.close();
  if (event.target.matches?.("dialog.dialog")) closeFromOutside(event);
  const copier = event.target.closest("[data-copy], [data-copy-from]");
  if (copier) copy(copier);
  for (const menu of document.querySelectorAll("details[data-closes-outside][open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const menu = document.querySelector("details[data-closes-outside][open]");
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});

// What is explained beside a word is put away by Escape, and comes back when one returns to the word.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const word of document.querySelectorAll(".metric-name:is(:hover, :focus)")) word.classList.add("is-dismissed");
});
for (const back of ["focusin", "pointerover"]) {
  document.addEventListener(back, (event) => event.target.closest?.(".metric-name")?.classList.remove("is-dismissed"));
}

function closeFromOutside(event) {
  const box = event.target.getBoundingClientRect();
  const inside = event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom;
  if (!inside) event.target.close();
}

async function copy(button) {
  const source = button.dataset.copyFrom ? document.getElementById(button.dataset.copyFrom) : null;
  const text = source ? (source.value ?? source.textContent).trim() : button.dataset.copy;
  const label = button.querySelector("[data-copy-label]") || button;
  const before = label.textContent;
  try {
    await navigator.clipboard.writeText(text);
    label.textContent = "Copied";
  } catch {
    label.textContent = "Press Ctrl+C";
    if (source) getSelection().selectAllChildren(source);
  }
  setTimeout(() => (label.textContent = before), 2000);
}

// --- A question before a form is sent: data-confirm on the form or on its button ---

document.addEventListener("submit", (event) => {
  const asking = event.submitter?.closest("[data-confirm]") || event.target.closest("[data-confirm]");
  if (!asking || event.target.dataset.confirmed === "yes") return;
  event.preventDefault();
  event.stopImmediatePropagation();
  ask(asking, event.target, event.submitter);
}, true);

function ask(asking, form, submitter) {
  const box = document.createElement("dialog");
  box.className = "dialog";
  box.setAttribute("aria-labelledby", "question");
  const question = document.createElement("p");
  question.id = "question";
  question.className = "dialog-question";
  question.textContent = asking.dataset.confirm;
  const no = button("Cancel", "btn btn-ghost-secondary");
  const yes = button(asking.dataset.confirmLabel || submitter?.textContent.trim() || "Continue", "btn btn-danger");
  const buttons = document.createElement("div");
  buttons.className = "dialog-buttons";
  buttons.append(no, yes);
  box.append(question, buttons);
  document.body.append(box);
  no.addEventListener("click", () => box.close());
  yes.addEventListener("click", () => {
    form.dataset.confirmed = "yes";
    box.close();
    form.requestSubmit(submitter || undefined);
    delete form.dataset.confirmed;
  });
  box.addEventListener("close", () => box.remove());
  box.showModal();
  no.focus();
}

function button(text, css) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = css;
  made.textContent = text;
  return made;
}

// --- The name typed to confirm: the server checks it again ---

function weigh(form) {
  const typed = form.querySelector("[data-typed-input]").value.trim();
  form.querySelector("[data-typed-button]").disabled = typed !== form.dataset.typedConfirm.trim();
}

document.addEventListener("input", (event) => {
  const form = event.target.closest("[data-typed-confirm]");
  if (form) weigh(form);
});
for (const form of document.querySelectorAll("[data-typed-confirm]")) weigh(form);
