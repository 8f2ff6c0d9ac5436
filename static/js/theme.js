// Light, dark, or as the system has it: the choice stays in this browser.
const KEY = "coterie-theme";
const system = matchMedia("(prefers-color-scheme: dark)");

function chosen() {
  try {
    return localStorage.getItem(KEY) || "auto";
  } catch {
    return "auto";
  }
}

function remember(choice) {
  try {
    localStorage.setItem(KEY, choice);
  } catch {
    // The choice then lasts for this page only.
  }
}

function apply(choice) {
  const theme = choice === "auto" ? (system.matches ? "dark" : "light") : choice;
  if (document.documentElement.dataset.bsTheme === theme) return;
  document.documentElement.dataset.bsTheme = theme;
  document.dispatchEvent(new CustomEvent("coterie:theme"));
}

for (const input of document.querySelectorAll("[data-theme-choice]")) input.checked = input.value === chosen();

document.addEventListener("change", (event) => {
  if (!event.target.matches("[data-theme-choice]")) return;
  remember(event.target.value);
  apply(event.target.value);
});
system.addEventListener("change", () => apply(chosen()));
