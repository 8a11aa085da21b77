// Has the parts of a page that keep up (dashboard.js) renewed when something has happened, without
// waiting for their time. A page in the background has no stream open, and is renewed when it is
// looked at again. Nothing is taken away from whoever is doing something with a part.
"use strict";
(() => {
  const AGAIN_MS = 30000; // after a stream that was refused: all places are taken, or signed out
  const LATER_MS = 2000; // while somebody is busy with a part
  const parts = () => [...document.querySelectorAll("[data-refresh][id]")];
  if (!window.EventSource || !parts().length) return;
  let source = null;
  let newest = null;
  let isRenewing = false;
  let isStale = false;
  const timers = {};

  const isBusy = (part) =>
    part.contains(document.activeElement) ||
    document.querySelector("details[open].action, .chart-tip") !== null ||
    part.querySelector("details[open]:not([data-opened])") !== null ||
    String(getSelection()) !== "";

  const renew = async () => {
    clearTimeout(timers.later);
    if (isRenewing || document.hidden) return;
    if (parts().some(isBusy)) {
      timers.later = setTimeout(renew, LATER_MS);
      return;
    }
    isRenewing = true;
    isStale = false;
    try {
      const response = await fetch(location.href, { headers: { Accept: "text/html" }, redirect: "error" });
      if (!response.ok) return;
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      for (const part of parts().filter((each) => !isBusy(each))) {
        const newer = page.getElementById(part.id);
        if (newer) part.replaceWith(document.adoptNode(newer));
      }
    } catch {
      // Away for a moment: the page stays as it is, and dashboard.js asks again.
    } finally {
      isRenewing = false;
      if (isStale) renew();
    }
  };

  const open = () => {
    clearTimeout(timers.open);
    if (document.hidden || source) return;
    source = new EventSource("/dashboard/changes");
    source.addEventListener("change", (event) => {
      const isNews = newest !== null && newest !== event.data;
      newest = event.data;
      if (!isNews) return;
      isStale = true;
      renew();
    });
    source.addEventListener("error", () => {
      if (source?.readyState !== EventSource.CLOSED) return; // the browser connects again
      close();
      timers.open = setTimeout(open, AGAIN_MS);
    });
  };
  const close = () => {
    clearTimeout(timers.open);
    source?.close();
    source = null;
  };

  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  addEventListener("pagehide", close);
  addEventListener("pageshow", open);
  open();
})();
