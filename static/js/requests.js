// What every htmx request carries, what is said when one fails, and the live part of background runs.
const FAILED = {
  403: "You may not do that here.",
  404: "This is no longer there.",
  413: "That is too large.",
  429: "That was too often. Please wait a moment.",
  503: "Coterie cannot do that right now. Please try again in a moment.",
  507: "There is no space left on the server. Nothing was saved.",
};

function toast(text, level = "info") {
  const place = document.querySelector("[data-toasts]");
  if (!place) return;
  const note = document.createElement("div");
  note.className = `toast-note toast-${level}`;
  const words = document.createElement("p");
  words.textContent = text;
  const close = document.createElement("button");
  close.type = "button";
  close.className = "btn-close";
  close.setAttribute("aria-label", "Dismiss");
  close.addEventListener("click", () => note.remove());
  note.append(words, close);
  place.append(note);
  if (level !== "danger") setTimeout(() => note.remove(), 8000);
}

function csrf() {
  return document.querySelector("input[name=csrfmiddlewaretoken]")?.value || document.body.dataset.csrf || "";
}

document.addEventListener("htmx:configRequest", (event) => {
  if (event.detail.verb !== "get") event.detail.headers["X-CSRFToken"] = csrf();
  else if (event.detail.elt.closest("form[method=get]")) {
    // Empty filters would only make the address long.
    for (const [name, value] of [...event.detail.formData.entries()]) if (value === "") event.detail.formData.delete(name);
  }
});

document.addEventListener("htmx:beforeSwap", (event) => {
  // A session that ended answers with the sign-in page, which must not land inside a fragment.
  const answered = new URL(event.detail.xhr.responseURL || location.href, location.href);
  const signIn = document.querySelector("meta[name=sign-in]")?.content;
  if (!signIn || answered.pathname !== signIn || location.pathname === signIn) return;
  event.detail.shouldSwap = false;
  location.assign(`${signIn}?next=${encodeURIComponent(location.pathname + location.search)}`);
});

document.addEventListener("htmx:responseError", (event) => {
  const status = event.detail.xhr.status;
  toast(FAILED[status] || "Something went wrong on our side. Please try again.", "danger");
});
document.addEventListener("htmx:sendError", () => toast("No connection to Coterie. We keep trying.", "danger"));
document.addEventListener("toast", (event) => toast(event.detail.text, event.detail.level));

document.addEventListener("htmx:afterSwap", (event) => {
  const live = event.target.closest?.("[data-run-live]");
  if (live) announce(live);
});

function announce(live) {
  // Each quarter and each change of phase is read out; every second would be noise.
  const head = live.querySelector("[data-announce]");
  const said = live.closest("[data-run]")?.querySelector("[data-run-said]");
  if (!head || !said) return;
  const quarter = head.dataset.percent ? Math.floor(Number(head.dataset.percent) / 25) * 25 : null;
  const text = quarter ? `${head.dataset.announce}, ${quarter} percent` : head.dataset.announce;
  if (said.textContent !== text) said.textContent = text;
}
