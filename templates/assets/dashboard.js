// What makes the dashboard more comfortable; every page works without it.
"use strict";
(() => {
  // Charts: what stands in the table beside them, where the pointer is.
  const rowsOf = (body) => document.getElementById(`${body.dataset.chart}-table`)?.tBodies[0].rows ?? [];
  const hide = (body) => body.querySelectorAll(".chart-tip, .chart-mark").forEach((each) => each.remove());
  const show = (body, pointer) => {
    const plot = body.querySelector(".chart-plot").getBoundingClientRect();
    const rows = rowsOf(body);
    const number = Math.floor(((pointer - plot.left) / plot.width) * rows.length);
    hide(body);
    if (number < 0 || number >= rows.length) return;
    const names = [...document.getElementById(`${body.dataset.chart}-table`).tHead.rows[0].cells].slice(1);
    const tip = document.createElement("div");
    tip.className = "chart-tip";
    const label = document.createElement("strong");
    label.textContent = rows[number].cells[0].textContent;
    tip.append(label);
    [...rows[number].cells].slice(1).forEach((cell, index) => {
      const line = document.createElement("span");
      const name = document.createElement("span");
      const value = document.createElement("span");
      name.textContent = names[index].textContent;
      value.textContent = cell.textContent;
      line.append(name, value);
      tip.append(line);
    });
    const mark = document.createElement("div");
    mark.className = "chart-mark";
    body.append(mark, tip);
    const frame = body.getBoundingClientRect();
    const x = plot.left - frame.left + ((number + 0.5) / rows.length) * plot.width;
    mark.style.setProperty("left", `${x}px`);
    mark.style.setProperty("height", `${plot.height}px`);
    const left = Math.min(Math.max(x + 12, 0), frame.width);
    const fits = left + tip.offsetWidth <= frame.width;
    tip.style.setProperty("left", `${fits ? left : Math.max(0, x - 12 - tip.offsetWidth)}px`);
    tip.style.setProperty("top", "8px");
  };
  document.addEventListener("pointermove", (event) => {
    const body = event.target.closest?.("[data-chart]");
    document.querySelectorAll("[data-chart]").forEach((each) => each !== body && hide(each));
    if (body) show(body, event.clientX);
  });
  document.addEventListener("pointerleave", () => document.querySelectorAll("[data-chart]").forEach(hide));

  // A form that does something is sent once.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("[data-once]")) return;
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "true";
    form.querySelectorAll("button").forEach((button) => button.setAttribute("aria-busy", "true"));
  });
  addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    document.querySelectorAll("[data-sent]").forEach((form) => {
      delete form.dataset.sent;
      form.querySelectorAll("button").forEach((button) => button.removeAttribute("aria-busy"));
    });
  });

  // Menus of buttons close when one clicks elsewhere or presses Escape.
  const openMenus = () => document.querySelectorAll("details.action[open]");
  document.addEventListener("click", (event) => {
    openMenus().forEach((each) => each.contains(event.target) || each.removeAttribute("open"));
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    openMenus().forEach((each) => {
      each.removeAttribute("open");
      each.querySelector("summary").focus();
    });
  });

  // Parts of a page that keep up by themselves, while somebody looks and does nothing with them.
  // What the page itself has opened (data-opened) is nobody's doing.
  const busy = (part) =>
    document.hidden ||
    openMenus().length > 0 ||
    part.contains(document.activeElement) ||
    part.querySelector("details[open]:not([data-opened]), .chart-tip") !== null ||
    String(getSelection()) !== "";
  const renew = async (parts) => {
    try {
      const response = await fetch(location.href, { headers: { Accept: "text/html" }, redirect: "error" });
      if (!response.ok) return;
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      for (const part of parts) {
        const newer = page.getElementById(part.id);
        if (newer && !busy(part)) part.replaceWith(document.adoptNode(newer));
      }
    } catch {
      // Away for a moment: the page stays as it is, and the next time comes.
    }
  };
  const refresh = async (id) => {
    const part = document.getElementById(id);
    if (!part?.dataset.refresh) return;
    if (!busy(part)) await renew([part]);
    const seconds = Number(document.getElementById(id)?.dataset.refresh);
    if (seconds > 0) setTimeout(refresh, seconds * 1000, id);
  };
  // Whoever was not known to be in this zone when the page was made sees it again in it.
  const zoned = [...document.querySelectorAll("[data-zone][id]")];
  const kept = document.cookie.split("; ").find((each) => each.startsWith("zone="))?.slice(5);
  if (kept && zoned.some((each) => each.dataset.zone !== kept)) renew(zoned);
  document.querySelectorAll("[data-refresh][id]").forEach((part) => {
    setTimeout(refresh, Number(part.dataset.refresh) * 1000, part.id);
  });
})();
