// Copies what a button names. Without it texts can be marked and copied by hand.
"use strict";
(() => {
  const SAID_MS = 2000;
  if (!navigator.clipboard) return;
  for (const button of document.querySelectorAll("[data-copy]")) {
    const label = button.querySelector("span");
    const text = label.textContent;
    button.hidden = false;
    label.setAttribute("aria-live", "polite");
    button.addEventListener("click", async () => {
      const source = document.getElementById(button.dataset.copy);
      await navigator.clipboard.writeText(source.value ?? source.textContent);
      label.textContent = "Copied";
      setTimeout(() => {
        label.textContent = text;
      }, SAID_MS);
    });
  }
})();
