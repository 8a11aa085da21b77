// Writes times in the zone of who reads them; the exact UTC stays in the title.
"use strict";
(() => {
  const language = document.documentElement.lang;
  const format = new Intl.DateTimeFormat([navigator.language, language], {
    dateStyle: "medium",
    timeStyle: "short",
  });
  for (const element of document.querySelectorAll("time[data-local]")) {
    element.textContent = format.format(new Date(element.dateTime));
  }
})();
