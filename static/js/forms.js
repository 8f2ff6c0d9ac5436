// Suggestions while typing, files dropped on a field, choices that stay, demo sign-ins, forms sent only once.

// --- Suggestions: an ARIA combobox over an address that answers <li role="option" data-value="…"> ---

const waiting = new WeakMap();

function parts(input) {
  const box = input.closest("[data-combobox]");
  return { list: document.getElementById(input.getAttribute("aria-controls")), said: box.querySelector("[data-combobox-said]") };
}

function hide(input) {
  const { list } = parts(input);
  list.hidden = true;
  input.setAttribute("aria-expanded", "false");
  input.removeAttribute("aria-activedescendant");
}

function point(input, option) {
  const { list } = parts(input);
  for (const each of list.children) each.setAttribute("aria-selected", String(each === option));
  if (!option) return input.removeAttribute("aria-activedescendant");
  input.setAttribute("aria-activedescendant", option.id);
  option.scrollIntoView({ block: "nearest" });
}

async function suggest(input) {
  const { list, said } = parts(input);
  waiting.get(input)?.abort();
  const typed = input.value.trim();
  if (typed.length < 2) return hide(input);
  const control = new AbortController();
  waiting.set(input, control);
  try {
    const address = new URL(input.dataset.suggestUrl, location.href);
    address.searchParams.set("q", typed);
    const answer = await fetch(address, { signal: control.signal, headers: { "HX-Request": "true" } });
    if (!answer.ok || answer.redirected) return hide(input);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    list.replaceChildren(...page.body.children);
  } catch {
    return;
  }
  [...list.children].forEach((option, at) => (option.id = `${list.id}-${at}`));
  const found = list.children.length;
  list.hidden = found === 0;
  input.setAttribute("aria-expanded", String(found > 0));
  input.removeAttribute("aria-activedescendant");
  said.textContent = found ? `${found} suggestion${found === 1 ? "" : "s"}` : "No suggestions";
}

function pick(input, option) {
  input.value = option.dataset.value;
  hide(input);
  input.focus();
  input.dispatchEvent(new Event("change", { bubbles: true }));
}

let typing;

document.addEventListener("input", (event) => {
  if (!event.target.matches("[data-suggest-url]")) return;
  clearTimeout(typing);
  typing = setTimeout(() => suggest(event.target), 180);
});

document.addEventListener("keydown", (event) => {
  const input = event.target;
  if (!input.matches?.("[data-suggest-url]")) return;
  const { list } = parts(input);
  const options = [...list.children];
  const at = options.findIndex((option) => option.id === input.getAttribute("aria-activedescendant"));
  if (event.key === "Escape" && !list.hidden) {
    event.preventDefault();
    hide(input);
  } else if (event.key === "Enter" && !list.hidden && at >= 0) {
    event.preventDefault();
    pick(input, options[at]);
  } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    if (list.hidden) return suggest(input);
    const step = event.key === "ArrowDown" ? 1 : -1;
    point(input, options[(at + step + options.length + (at < 0 && step < 0 ? 1 : 0)) % options.length]);
  }
});

document.addEventListener("pointerdown", (event) => {
  const option = event.target.closest?.("[data-combobox] [role=option]");
  if (!option) return;
  event.preventDefault();
  pick(option.closest("[data-combobox]").querySelector("[data-suggest-url]"), option);
});

document.addEventListener("focusout", (event) => {
  if (event.target.matches?.("[data-suggest-url]")) hide(event.target);
});

// --- Files ---

const UNITS = ["bytes", "KB", "MB", "GB"];

function size(bytes) {
  const step = bytes < 1000 ? 0 : Math.min(3, Math.floor(Math.log10(bytes) / 3));
  return `${(bytes / 1000 ** step).toFixed(step ? 1 : 0)} ${UNITS[step]}`;
}

function tell(zone) {
  const input = zone.querySelector("input[type=file]");
  const file = input.files[0];
  const most = Number(zone.dataset.mostBytes || 0);
  const heavy = file && most && file.size > most;
  input.setCustomValidity(heavy ? `This file is larger than ${size(most)}.` : "");
  zone.classList.toggle("has-file", Boolean(file));
  zone.classList.toggle("is-invalid", Boolean(heavy));
  zone.querySelector("[data-dropzone-chosen]").textContent = file
    ? `${file.name} (${size(file.size)})${heavy ? `: larger than ${size(most)}` : ""}`
    : "";
}

document.addEventListener("change", (event) => {
  const zone = event.target.closest?.("[data-dropzone]");
  if (zone) tell(zone);
});

for (const kind of ["dragenter", "dragover", "dragleave", "drop"]) {
  document.addEventListener(kind, (event) => {
    const zone = event.target.closest?.("[data-dropzone]");
    if (!zone) return;
    event.preventDefault();
    zone.classList.toggle("is-over", kind === "dragenter" || kind === "dragover");
    if (kind !== "drop" || !event.dataTransfer.files.length) return;
    zone.querySelector("input[type=file]").files = event.dataTransfer.files;
    tell(zone);
  });
}

// --- Sending ---

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post" || form.dataset.many !== undefined) return;
  if (form.dataset.sent === "yes") return event.preventDefault();
  form.dataset.sent = "yes";
  event.submitter?.classList.add("is-busy");
});
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  for (const busy of document.querySelectorAll(".is-busy")) busy.classList.remove("is-busy");
});

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-sign-in-as]");
  if (!button) return;
  const form = document.querySelector("form[data-sign-in]");
  form.querySelector("[name=login]").value = button.dataset.signInAs;
  form.querySelector("[name=password]").value = button.dataset.signInWith;
  form.requestSubmit();
});

// --- A choice that is still there when the page is loaded again: it goes into the address ---

function keepChoices() {
  const address = new URL(location.href);
  for (const choice of document.querySelectorAll("[data-in-address]:checked")) address.searchParams.set(choice.name, choice.value);
  if (address.href !== location.href) history.replaceState(history.state, "", address);
}

document.addEventListener("change", keepChoices);
// What was checked from the beginning has not changed.
document.addEventListener("submit", keepChoices);
