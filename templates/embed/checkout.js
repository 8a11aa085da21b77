/*!
 * checkout.js: opens the gateway's checkout over a shop's own page. Apache-2.0.
 * How to use it: docs/checkout.md. Types: /checkout.d.ts, beside this file.
 *
 * What the frame is told: /checkout?order_id&embedded=true&key&origin[&theme][&color]
 * [&customer_signature], and behind it #prefill=<JSON>. Names and addresses stand in the fragment
 * because a browser sends that to nobody: they reach no access log and no Referer.
 *
 * What the frame says, by postMessage, to that origin only:
 *   {type: "checkout_ready"}                                it works: take the waiting sign away
 *   {type: "payment_success", data: {paymentId, orderId, signature}}
 *   {type: "payment_failed", data: {code, description, reason, orderId, paymentId?}}
 *   {type: "close_modal"}                                   also when Escape was pressed inside it
 */
(function () {
  "use strict";

  const FRAME_MS = 20000; // from opening to a page that is there
  const READY_MS = 5000; // from a page that is there to one that works
  const RECEIPT_MS = 4000; // a success stays in sight before the modal goes
  const METHODS = ["upi", "card", "netbanking", "wallet"];
  const MODES = ["light", "dark", "auto"];
  const CALLBACKS = ["onSuccess", "onFailure", "onClose"];
  const REQUIRED = ["key", "orderId"].concat(CALLBACKS);
  const OPTIONAL = ["theme", "prefill", "customerSignature"];

  const TEXTS = {
    en: {
      title: "Payment",
      secure: "Secure checkout",
      close: "Close",
      loading: "Opening secure checkout…",
      failed: "The payment page did not open",
      advice: "You have not been charged. Check your connection and try again.",
      retry: "Try again",
    },
    hi: {
      title: "भुगतान",
      secure: "सुरक्षित भुगतान",
      close: "बंद करें",
      loading: "सुरक्षित भुगतान पेज खुल रहा है…",
      failed: "भुगतान पेज नहीं खुला",
      advice: "आपसे कोई राशि नहीं ली गई है। अपना कनेक्शन जाँचें और फिर कोशिश करें।",
      retry: "फिर कोशिश करें",
    },
  };

  // The values of the checkout's own tokens.css and dark.css.
  const LIGHT = `color-scheme: light; --paper: #fff; --ink: #101828; --quiet: #4d5769;
    --hover: #f1f3f6; --line: #e2e6ec; --accent: #2646d8;`;
  const DARK = `color-scheme: dark; --paper: #141922; --ink: #eff2f7; --quiet: #aab4c4;
    --hover: #1a202b; --line: #28303d; --accent: #93a9ff;`;
  // `all: initial` and doubled classes keep the shop's own styles out. Not for paths, whose
  // drawing it would take away too.
  const STYLES = `
    .pgw.pgw, .pgw.pgw :not(path) {
      all: initial; box-sizing: border-box; color: inherit;
      font: 400 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
    }
    .pgw.pgw {
      ${LIGHT}
      position: fixed; inset: 0; margin: auto; width: 440px; height: min(820px, 100% - 32px);
      display: flex; flex-direction: column; overflow: hidden; overscroll-behavior: contain;
      color: var(--ink); background: var(--paper);
      border: 1px solid transparent; border-radius: 16px;
      box-shadow: 0 24px 64px rgba(8, 12, 24, .32), 0 4px 12px rgba(8, 12, 24, .16);
      animation: pgw-in .2s ease-out;
    }
    .pgw.pgw::backdrop { background: rgba(10, 14, 24, .6); animation: pgw-fade .2s ease-out; }
    .pgw.pgw .pgw-bar {
      display: flex; flex: none; align-items: center; gap: 8px; height: 52px;
      padding: 0 4px 0 20px; border-bottom: 1px solid var(--line); color: var(--quiet);
    }
    .pgw.pgw .pgw-name { flex: 1; font-size: 14px; font-weight: 500; }
    .pgw.pgw svg {
      width: 16px; height: 16px; fill: none; stroke: currentColor; stroke-width: 2px;
      stroke-linecap: round; stroke-linejoin: round;
    }
    .pgw.pgw button {
      display: inline-flex; align-items: center; justify-content: center;
      cursor: pointer; border-radius: 10px;
    }
    .pgw.pgw button:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
    .pgw.pgw .pgw-close { width: 44px; height: 44px; }
    .pgw.pgw .pgw-close:focus-visible { outline-offset: -4px; }
    .pgw.pgw .pgw-close:hover { background: var(--hover); color: var(--ink); }
    .pgw.pgw .pgw-close svg { width: 20px; height: 20px; }
    .pgw.pgw .pgw-body { position: relative; display: block; flex: 1; min-height: 0; }
    .pgw.pgw iframe { display: block; width: 100%; height: 100%; border: 0; }
    .pgw.pgw .pgw-note {
      position: absolute; inset: 0; display: flex; flex-direction: column; gap: 12px;
      align-items: center; justify-content: center; padding: 32px; text-align: center;
      color: var(--quiet); background: var(--paper);
    }
    .pgw.pgw .pgw-wheel {
      display: block; width: 32px; height: 32px; border-radius: 50%;
      border: 3px solid var(--line); border-top-color: var(--accent);
      animation: pgw-turn .8s linear infinite;
    }
    .pgw.pgw .pgw-head { font-size: 18px; font-weight: 600; color: var(--ink); }
    .pgw.pgw .pgw-retry {
      min-height: 44px; margin-top: 8px; padding: 0 24px;
      font-weight: 600; color: var(--paper); background: var(--ink);
    }
    .pgw.pgw [hidden] { display: none; }
    .pgw.pgw.pgw-dark { ${DARK} }
    @media (prefers-color-scheme: dark) { .pgw.pgw.pgw-auto { ${DARK} } }
    @media (max-width: 520px), (max-height: 480px) {
      .pgw.pgw {
        width: 100%; height: 100%; max-width: none; max-height: none; border: 0; border-radius: 0;
        padding: env(safe-area-inset-top) env(safe-area-inset-right) 0 env(safe-area-inset-left);
      }
    }
    @media (prefers-reduced-motion: reduce) {
      .pgw.pgw, .pgw.pgw::backdrop, .pgw.pgw .pgw-wheel { animation: none; }
    }
    @keyframes pgw-in { from { opacity: 0; transform: translateY(12px); } }
    @keyframes pgw-fade { from { opacity: 0; } }
    @keyframes pgw-turn { to { transform: rotate(1turn); } }`;

  const script = document.currentScript;
  const page = script && /^https?:/.test(script.src) ? new URL("checkout", script.src) : null;
  let sheet = null;
  let locks = 0;
  let unlock = null;

  const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
  const isText = (value) => typeof value === "string" && value !== "";
  const isMissing = (value) => value === undefined || value === null;

  // Options

  /** The options with nothing missing; else one error that names everything that is wrong. */
  function checked(options) {
    const given = isObject(options) ? options : {};
    const missing = REQUIRED.filter((name) => isMissing(given[name]));
    const wrong = missing.length ? ["missing options: " + missing.join(", ")] : [];
    const must = (holds, text) => holds || wrong.push(text);
    for (const name of REQUIRED.filter((each) => !missing.includes(each))) {
      const isCallback = CALLBACKS.includes(name);
      if (isCallback) must(typeof given[name] === "function", name + " must be a function");
      else must(isText(given[name]), name + " must be a string with something in it");
    }
    must(!/^secret_/.test(given.key), "key must be the key's id, its secret stays on your server");
    const theme = isMissing(given.theme) ? {} : checkedTheme(given.theme, must);
    const prefill = isMissing(given.prefill) ? {} : checkedPrefill(given.prefill, must);
    const word = given.customerSignature;
    const isWord = isMissing(word) || /^[0-9a-f]{64}$/.test(word);
    must(isWord, "customerSignature must be a hex HMAC-SHA256, made on your server");
    must(page, "checkout.js must be loaded from the gateway, with a classic script tag");
    if (wrong.length) throw new TypeError("PaymentGateway: " + wrong.join("; "));
    warnOfUnknown(given);
    return Object.assign({}, given, { theme, prefill });
  }

  function warnOfUnknown(given) {
    const known = REQUIRED.concat(OPTIONAL);
    const unknown = Object.keys(given).filter((name) => !known.includes(name));
    if (unknown.length) console.warn("PaymentGateway: unknown options: " + unknown.join(", "));
  }

  function checkedTheme(theme, must) {
    const { mode, color } = isObject(theme) ? theme : { mode: theme };
    const isColor = isMissing(color) || /^#[0-9a-f]{6}$/i.test(color);
    must(isMissing(mode) || MODES.includes(mode), "theme must be one of " + MODES.join(", "));
    must(isColor, "theme.color must be a colour such as #1d4ed8");
    return { mode, color };
  }

  function checkedPrefill(prefill, must) {
    must(isObject(prefill), "prefill must be an object");
    for (const name of isObject(prefill) ? Object.keys(prefill) : []) {
      const value = prefill[name];
      if (name === "method") {
        must(METHODS.includes(value), "prefill.method must be one of " + METHODS.join(", "));
      } else if (["name", "email", "contact"].includes(name)) {
        must(typeof value === "string", "prefill." + name + " must be a string");
      } else {
        // It might be card data, which has no business on a shop's page.
        must(false, "prefill takes name, email, contact and method, not " + name);
      }
    }
    return Object.assign({}, prefill);
  }

  /** The address of the checkout, embedded in this page or, for old browsers, on its own. */
  function addressOf(options, isEmbedded) {
    const address = new URL(page.href);
    const set = (name, value) => isMissing(value) || address.searchParams.set(name, value);
    set("order_id", options.orderId);
    if (isEmbedded) set("embedded", "true");
    set("key", options.key);
    if (isEmbedded) set("origin", window.origin);
    set("theme", options.theme.mode);
    set("color", options.theme.color);
    set("customer_signature", options.customerSignature);
    if (Object.keys(options.prefill).length) {
      address.hash = "prefill=" + encodeURIComponent(JSON.stringify(options.prefill));
    }
    return address.href;
  }

  // The page around

  /** Styles through CSSOM: a shop's Content-Security-Policy need not allow them. */
  function addStyles() {
    if (!("adoptedStyleSheets" in document)) {
      const style = { id: "pgw-styles", nonce: script.nonce || "" };
      if (!document.getElementById(style.id)) document.head.append(make("style", style, STYLES));
      return;
    }
    if (!sheet) {
      sheet = new CSSStyleSheet();
      sheet.replaceSync(STYLES);
    }
    if (!document.adoptedStyleSheets.includes(sheet)) {
      document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
    }
  }

  /** Several modals share one lock. */
  function lockScrolling() {
    locks += 1;
    if (locks > 1) return;
    const root = document.documentElement;
    const set = (name, value, priority) => root.style.setProperty(name, value, priority);
    const hasBar = root.clientWidth < window.innerWidth;
    const names = hasBar ? ["overflow", "scrollbar-gutter"] : ["overflow"];
    const before = names.map((name) => [
      name,
      root.style.getPropertyValue(name),
      root.style.getPropertyPriority(name),
    ]);
    if (hasBar) set("scrollbar-gutter", "stable"); // or the page would jump sideways
    set("overflow", "hidden", "important");
    unlock = () => before.forEach((each) => set(...each));
  }

  function unlockScrolling() {
    locks -= 1;
    if (locks === 0) unlock();
  }

  // The modal

  function make(name, properties, ...children) {
    const made = document.createElement(name);
    for (const key of Object.keys(properties)) {
      if (key in made) made[key] = properties[key];
      else made.setAttribute(key, properties[key]);
    }
    made.append(...children);
    return made;
  }

  function icon(drawing) {
    const space = "http://www.w3.org/2000/svg";
    const svg = document.createElementNS(space, "svg");
    const path = document.createElementNS(space, "path");
    svg.setAttribute("viewBox", "0 0 24 24");
    svg.setAttribute("aria-hidden", "true");
    path.setAttribute("d", drawing);
    svg.append(path);
    return svg;
  }

  function button(className, testId, label, ...children) {
    const names = { type: "button", className, "data-test-id": testId };
    return make("button", Object.assign(names, label ? { "aria-label": label } : {}), ...children);
  }

  /** The modal's elements. The Tab key meets the two guards at its ends and is turned back. */
  function build(mode) {
    const wanted = navigator.languages.map((tag) => tag.slice(0, 2).toLowerCase());
    const lang = wanted.find((tag) => tag in TEXTS) || "en";
    const text = TEXTS[lang];
    const parts = {
      title: text.title,
      first: make("span", { tabIndex: 0 }),
      last: make("span", { tabIndex: 0 }),
      close: button("pgw-close", "close-modal-button", text.close, icon("M6 6l12 12M18 6L6 18")),
      retry: button("pgw-retry", "modal-retry-button", "", text.retry),
      loading: make("div", { className: "pgw-note", "data-test-id": "modal-loading" }),
      error: make("div", { className: "pgw-note", "data-test-id": "modal-error", hidden: true }),
      body: make("div", { className: "pgw-body" }),
      dialog: make("dialog", { className: "pgw pgw-" + (mode || "auto"), lang }),
    };
    const head = make("span", { className: "pgw-head" }, text.failed);
    const name = make("span", { className: "pgw-name" }, text.secure);
    const lock = icon("M7 11V8a5 5 0 0 1 10 0v3M5 11h14v9H5z");
    const bar = make("div", { className: "pgw-bar" }, lock, name, parts.close);
    parts.loading.setAttribute("role", "status");
    parts.loading.append(make("span", { className: "pgw-wheel" }), text.loading);
    parts.error.setAttribute("role", "alert");
    parts.error.append(head, text.advice, parts.retry);
    parts.body.append(parts.loading, parts.error);
    parts.dialog.setAttribute("data-test-id", "payment-modal");
    parts.dialog.setAttribute("aria-label", text.title);
    parts.dialog.append(parts.first, bar, parts.body, parts.last);
    const id = "payment-gateway-modal"; // the first one's, when several are open
    if (!document.getElementById(id)) parts.dialog.id = id;
    return parts;
  }

  /** One opening, from `show` until `close`. */
  class Opening {
    /** `ended` is called when the modal is gone, just before `onClose`. */
    constructor(options, ended) {
      this.options = options;
      this.ended = ended;
      this.parts = build(options.theme.mode);
      this.told = new Set();
      this.isReady = this.isOver = false;
      this.receive = this.receive.bind(this);
    }

    show() {
      const { dialog, first, last, close, retry } = this.parts;
      this.before = document.activeElement;
      close.addEventListener("click", () => this.close());
      retry.addEventListener("click", () => this.load());
      first.addEventListener("focus", () => (this.isFailed ? retry : this.frame).focus());
      last.addEventListener("focus", () => close.focus());
      dialog.addEventListener("cancel", (event) => {
        event.preventDefault();
        this.close();
      });
      dialog.addEventListener("close", () => this.close()); // some browsers do not ask first
      window.addEventListener("message", this.receive);
      close.autofocus = true;
      addStyles();
      this.load();
      (document.body || document.documentElement).append(dialog);
      lockScrolling();
      dialog.showModal();
    }

    /** Load the page into a new frame: an old one that shows an error may not try again. */
    load() {
      const old = this.frame;
      this.frame = make("iframe", {
        src: addressOf(this.options, true),
        title: this.parts.title,
        allow: "payment",
        referrerPolicy: "strict-origin",
        "data-test-id": "payment-iframe",
      });
      // A refused page "loads" too; only the page itself can say that it works.
      this.frame.addEventListener("load", () => {
        if (!this.isReady && !this.isFailed) this.wait(READY_MS, () => this.fail());
      });
      this.note("loading");
      this.wait(FRAME_MS, () => this.fail());
      if (old) old.remove();
      this.parts.body.prepend(this.frame);
      this.parts.close.focus({ preventScroll: true });
    }

    wait(milliseconds, then) {
      clearTimeout(this.timer);
      this.timer = setTimeout(then, milliseconds);
    }

    /** Cover the frame with one of the notes, or with none. */
    note(name) {
      this.isFailed = name === "error";
      this.parts.loading.hidden = name !== "loading";
      this.parts.error.hidden = !this.isFailed;
    }

    fail() {
      const hint = "may " + window.origin + " embed it, and does its key fit the order?";
      console.error("PaymentGateway: the checkout did not answer; " + hint);
      this.note("error");
      this.parts.retry.focus();
    }

    ready() {
      if (this.isReady) return;
      this.isReady = true;
      clearTimeout(this.timer);
      this.note("");
      this.frame.focus();
    }

    receive({ source, origin, data: message }) {
      const isOurs = source && source === this.frame.contentWindow && origin === page.origin;
      if (!isOurs || !isObject(message)) return;
      const { type, data } = message;
      if (type === "close_modal") this.close();
      else if (type === "checkout_ready") this.ready();
      else if (!isObject(data) || data.orderId !== this.options.orderId) return;
      else if (type === "payment_success") this.succeed(data);
      else if (type === "payment_failed") this.refuse(data);
    }

    succeed({ paymentId, orderId, signature }) {
      if (this.told.has("onSuccess") || ![paymentId, signature].every(isText)) return;
      this.ready();
      this.wait(RECEIPT_MS, () => this.close());
      this.tell("onSuccess", { paymentId, orderId, signature });
    }

    refuse({ code, description, reason, orderId, paymentId }) {
      if (this.told.has("onSuccess") || ![code, description, reason].every(isText)) return;
      const payment = isText(paymentId) ? { paymentId } : {};
      this.ready();
      this.tell("onFailure", Object.assign({ code, description, reason, orderId }, payment));
    }

    /** Call a callback, the first time in this opening. */
    tell(name, ...values) {
      if (this.told.has(name)) return;
      this.told.add(name);
      const callback = this.options[name];
      try {
        callback(...values);
      } catch (fault) {
        // The shop's own mistake: its console and its error reports see it, the modal goes on.
        setTimeout(() => {
          throw fault;
        });
      }
    }

    close() {
      if (this.isOver) return;
      this.isOver = true;
      const { dialog } = this.parts;
      clearTimeout(this.timer);
      window.removeEventListener("message", this.receive);
      if (dialog.open) dialog.close();
      dialog.remove();
      unlockScrolling();
      const { before } = this;
      if (before && before.isConnected) before.focus({ preventScroll: true });
      this.ended();
      this.tell("onClose");
    }
  }

  window.PaymentGateway = class PaymentGateway {
    constructor(options) {
      const settings = checked(options);
      let opening = null;

      /** Show the checkout; does nothing when it is open already. */
      this.open = () => {
        if (opening && !opening.parts.dialog.isConnected) opening.close(); // the shop removed it
        if (opening) return;
        if (!/^https?:/.test(window.origin)) {
          throw new Error("PaymentGateway: the page must come from an http or https address");
        }
        if (!window.HTMLDialogElement) {
          location.assign(addressOf(settings, false));
          return;
        }
        opening = new Opening(settings, () => (opening = null));
        opening.show();
      };

      /** Take the checkout away. A payment under way goes on: your webhook tells how it ended. */
      this.close = () => {
        if (opening) opening.close();
      };
    }
  };
})();
