"use strict";
(() => {
  const form = document.getElementById("filters");
  if (!form) return;
  const changes = [...document.querySelectorAll("article.change")];
  const selects = [...form.querySelectorAll("select")];
  const text = document.getElementById("f-text");
  const shown = document.getElementById("shown");
  const unfold = document.getElementById("unfold");
  const apply = () => {
    const words = text.value.toLowerCase().split(/\s+/).filter(Boolean);
    let n = 0;
    for (const change of changes) {
      const said = change.textContent.toLowerCase();
      const fits = selects.every((s) => s.selectedIndex === 0 || change.dataset[s.dataset.filter] === s.value)
        && words.every((word) => said.includes(word));
      change.hidden = !fits;
      if (fits) n += 1;
    }
    shown.textContent = n === changes.length ? `All ${n} are shown.` : `${n} of ${changes.length} are shown.`;
    document.getElementById("none").hidden = n > 0;
  };
  form.hidden = false;
  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(apply));
  unfold.addEventListener("click", () => {
    const open = unfold.getAttribute("aria-pressed") !== "true";
    for (const details of document.querySelectorAll("details")) details.open = open;
    unfold.setAttribute("aria-pressed", String(open));
    unfold.textContent = open ? "Fold all" : "Unfold all";
  });
  apply();
})();
