// For the pages of the reference: light, dark, or as the system has it (the choice is the one that the guides
// keep), and the way back to the guides.
(() => {
  const kept = () => { try { return localStorage.getItem("theme") || "auto"; } catch { return "auto"; } };
  const show = (theme) => {
    const root = document.documentElement;
    const dark = theme === "dark" || (theme === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);
    root.classList.toggle("dark-mode", dark);
    root.classList.toggle("light-mode", !dark);
  };
  show(kept());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => show(kept()));
  addEventListener("DOMContentLoaded", () => {
    const place = document.getElementById("projectname");
    if (!place) return;
    const home = document.createElement("a");
    home.href = "../index.html";
    home.append(...place.childNodes);
    place.append(home);
    const button = document.createElement("button");
    button.id = "theme";
    button.title = "Light or dark";
    button.textContent = "◐";
    button.onclick = () => {
      const next = document.documentElement.classList.contains("dark-mode") ? "light" : "dark";
      try { localStorage.setItem("theme", next); } catch { /* for this page only, then */ }
      show(next);
    };
    place.append(button);
  });
})();
