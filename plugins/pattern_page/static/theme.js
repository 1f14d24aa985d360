// Light or dark theme: the one chosen in Airflow, which stores it as "theme", or the system's.

const dark = matchMedia("(prefers-color-scheme: dark)");

function apply() {
  const chosen = localStorage.getItem("theme");
  const theme = chosen === "dark" || chosen === "light" ? chosen : dark.matches ? "dark" : "light";
  document.documentElement.dataset.theme = theme;
}

export function followTheme() {
  apply();
  dark.addEventListener("change", apply);
  window.addEventListener("storage", apply);
}
