// Choosing rows: all of a page, a count, and a bar of what can be done with them.
function rows() {
  return [...document.querySelectorAll("[data-select-row]")];
}

function show() {
  const bar = document.querySelector("[data-selection-bar]");
  if (!bar) return;
  const all = rows();
  const chosen = all.filter((row) => row.checked);
  bar.classList.toggle("is-shown", chosen.length > 0);
  bar.inert = chosen.length === 0;
  const count = chosen.length.toLocaleString("en");
  const noun = bar.dataset.noun || "rows";
  bar.querySelector("[data-selection-count]").textContent = chosen.length ? `${count} ${noun} chosen` : "";
  for (const head of document.querySelectorAll("[data-select-all]")) {
    head.checked = chosen.length > 0 && chosen.length === all.length;
    head.indeterminate = chosen.length > 0 && chosen.length < all.length;
  }
  for (const row of all) row.closest("tr")?.classList.toggle("is-chosen", row.checked);
}

let last = null;

document.addEventListener("click", (event) => {
  const row = event.target.closest?.("[data-select-row]");
  if (row && event.shiftKey && last?.isConnected) {
    const all = rows();
    const [from, to] = [all.indexOf(last), all.indexOf(row)].sort((a, b) => a - b);
    for (const between of all.slice(from, to + 1)) between.checked = row.checked;
  }
  if (row) last = row;
  if (event.target.closest("[data-selection-clear]")) {
    for (const each of rows()) each.checked = false;
  }
  if (row || event.target.closest("[data-selection-clear]")) show();
});

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-select-all]")) {
    for (const row of rows()) row.checked = event.target.checked;
  }
  if (event.target.matches("[data-select-all], [data-select-row]")) show();
});

document.addEventListener("htmx:afterSettle", (event) => {
  show();
  // Typing in a search box replaces the list silently: say how many are left.
  if (!event.detail.requestConfig?.elt.matches("input[type=search]")) return;
  const said = document.querySelector("[data-said]");
  const count = document.querySelector(".pager-count");
  said.textContent = count ? count.textContent : "Nothing found";
});
addEventListener("pageshow", show);
show();
