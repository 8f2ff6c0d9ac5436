// Runs before the first paint, so that a dark page never flashes light.
(() => {
  let chosen = "auto";
  try {
    chosen = localStorage.getItem("coterie-theme") || "auto";
  } catch {
    // Storage may be forbidden; the system's own scheme is then followed.
  }
  const dark = chosen === "dark" || (chosen === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset.bsTheme = dark ? "dark" : "light";
})();
