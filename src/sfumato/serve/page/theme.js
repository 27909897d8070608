// Not a module: it runs before the first paint, so that a chosen theme does not flash.
try {
  const chosen = localStorage.getItem("sfumato.theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch {
  // storage is forbidden: the system's theme stays
}
