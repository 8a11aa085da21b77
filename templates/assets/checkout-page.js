// The checkout's states: sends the payment once, shows where it stands, tells the page around it.
"use strict";
(() => {
  const SEND_AGAIN_MS = [500, 1000, 2000, 4000]; // after a send that nobody answered
  const ANSWER_MS = 20000;
  const OFFLINE_MS = 120000;
  const SHOWN_MS = 600; // a state stays so long at least, or it only flickers
  const SLOW_MS = 12000;
  const LEAVE_MS = 4000; // the receipt, before the shop's own page
  const TIMER_MS_MAX = 2 ** 31 - 2000; // longer ones would run at once
  const PASSING = [409, 502, 503, 504];
  const FIELD_OF = { "card.number": "card_number", "card.cvv": "card_cvv", card: "card_number" };

  const root = document.getElementById("checkout");
  const known = JSON.parse(document.getElementById("checkout-data").textContent);
  const texts = Object.assign({ networks: known.networks }, known.texts);
  const byId = (id) => document.getElementById(id);

  // The bank's frame has come back to this page inside of it: the page around shows what follows.
  if (isNested()) return;

  const form = new PaymentForm(byId("payment-form"), texts);
  const shop = new Shop(known);
  const timers = {};
  let customer = null;
  let live = null;
  let key = null; // of an attempt whose answer is not known yet
  let isBusy = false;
  let shownAt = 0;

  function isNested() {
    try {
      return window.parent !== window && window.parent.document.getElementById("checkout") !== null;
    } catch {
      return false; // a shop's page, which is not ours to look at
    }
  }

  // States

  function show(view) {
    if (root.dataset.view === view) return;
    root.dataset.view = view;
    shownAt = performance.now();
    for (const section of root.querySelectorAll("[data-when]")) {
      section.hidden = !section.dataset.when.split(" ").includes(view);
    }
    if (view !== "challenge") byId("challenge-frame").replaceChildren();
    byId("unknown-note").hidden = view !== "unknown";
    note("");
    clearTimeout(timers.slow);
    if (view === "processing") timers.slow = setTimeout(() => note(texts.slow), SLOW_MS);
    const title = root.querySelector("[data-when]:not([hidden]) h1");
    title.focus({ preventScroll: true });
    document.title = `${title.textContent} · ${known.shop}`;
    window.scrollTo({ top: 0 });
  }

  /** Do it when what is shown has been seen. */
  function whenSeen(then) {
    clearTimeout(timers.seen);
    timers.seen = setTimeout(then, Math.max(0, SHOWN_MS - (performance.now() - shownAt)));
  }

  function note(text) {
    byId("waiting-note").textContent = text;
    byId("waiting-note").hidden = !text;
  }

  function showProcessing(method) {
    for (const hint of root.querySelectorAll("[data-for]")) {
      hint.hidden = (hint.dataset.for === "upi") !== (method === "upi");
    }
    show("processing");
  }

  /** The address with this payment in it, so that whoever comes back sees where it stands. */
  function addressWith(paymentId) {
    const address = new URL(location.href);
    address.pathname = "/checkout"; // it may have been /success or /failure
    address.searchParams.set("order_id", known.orderId);
    if (paymentId) address.searchParams.set("payment_id", paymentId);
    else address.searchParams.delete("payment_id");
    return address;
  }

  /** Something else happened to the order: the server knows what is to be shown. */
  function startAnew() {
    location.replace(addressWith(null));
  }

  // Paying

  async function pay() {
    if (isBusy || !form.isRight()) return;
    isBusy = true;
    key = key || newKey();
    const members = Object.assign({ order_id: known.orderId }, form.members());
    if (customer) members.customer = customer;
    if (members.save || members.token_id) {
      members.customer_signature = known.kept.customer_signature; // the shop's word for who this is
    }
    form.say("");
    showProcessing(members.method);
    const answer = await send(JSON.stringify(members));
    isBusy = false;
    if (!answer) return backToForm([], texts.unreachable); // the key stays: it may have arrived
    if (answer.status === 201) return begun(answer.content);
    refused(answer.status, (answer.content && answer.content.error) || {});
  }

  function newKey() {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  /** Status and content of the answer; null when there was none, however often it was sent. */
  async function send(body) {
    for (const wait of [...SEND_AGAIN_MS, null]) {
      await connected();
      const answer = await sendOnce(body);
      if (answer && !PASSING.includes(answer.status)) return answer;
      if (wait === null) return null;
      await pause(wait);
    }
  }

  const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

  /** Offline there is no use in trying: wait for the connection, for a while. */
  async function connected() {
    if (navigator.onLine) return;
    note(texts.offline);
    const back = new Promise((done) => window.addEventListener("online", done, { once: true }));
    await Promise.race([back, pause(OFFLINE_MS)]);
    note("");
  }

  async function sendOnce(body) {
    const patience = new AbortController();
    const timer = setTimeout(() => patience.abort(), ANSWER_MS);
    try {
      const response = await fetch("/api/v1/payments/public", {
        method: "POST",
        headers: { "Content-Type": "application/json", "Idempotency-Key": key },
        body,
        signal: patience.signal,
      });
      return { status: response.status, content: await response.json() };
    } catch {
      return null;
    } finally {
      clearTimeout(timer);
    }
  }

  function begun(payment) {
    key = null;
    form.clear();
    follow(payment.id);
    heard(payment);
  }

  function refused(status, error) {
    // 422: an earlier send with this key did arrive. Otherwise: paid, or under way in another tab.
    if (status === 422 || status === 404 || error.reason === "invalid_state") return startAnew();
    if (status < 500) key = null; // else it may have been accepted before something broke
    const metadata = error.metadata || {};
    const fields = [error.field, ...(metadata.errors || []).map((each) => each.field)];
    const names = fields.filter(Boolean).map((name) => {
      return FIELD_OF[name] || (name.startsWith("card.expiry") ? "card_expiry" : name);
    });
    backToForm(names, texts[`form.${textOf(status, error.reason)}`]);
  }

  function textOf(status, reason) {
    if (reason === "too_many_declines") return "declines";
    if (reason === "no_processor") return "closed";
    return status === 429 ? "often" : status >= 500 ? "busy" : "refused";
  }

  function backToForm(names, text) {
    show("ready");
    form.refuse(names, text);
  }

  // Following

  function follow(paymentId) {
    history.replaceState(null, "", addressWith(paymentId));
    if (live) live.stop();
    live = new LivePayment(paymentId, heard, (isLost) => {
      if (isLost) note(navigator.onLine ? texts.slow : texts.offline);
      else if (byId("waiting-note").textContent === texts.offline) note("");
    });
  }

  function heard(payment) {
    const { status } = payment;
    clearTimeout(timers.seen); // what was to be shown next is old by now
    if (status === "pending" || status === "processing") showProcessing(payment.method);
    else if (status === "unknown") show("unknown");
    else if (status === "requires_action") whenSeen(() => challenge(payment));
    else whenSeen(() => ended(payment));
  }

  function ended(payment) {
    if (payment.status === "success") succeeded(payment);
    else if (payment.status === "failed") failed(payment);
    else show("voided");
  }

  function challenge(payment) {
    const action = payment.next_action || {};
    if (!action.url || byId("challenge-frame").childElementCount) return show("challenge");
    const address = new URL(action.url, location.href);
    if (!/^https?:$/.test(address.protocol)) return show("challenge");
    const link = byId("challenge-link");
    const isOurs = address.origin === location.origin;
    for (const [name, value] of Object.entries(isOurs ? known.kept : {})) {
      address.searchParams.set(name, value);
    }
    show("challenge");
    link.href = address.href;
    link.parentElement.hidden = isOurs;
    if (!isOurs) link.target = "_top"; // other banks do not let themselves be framed
    else byId("challenge-frame").append(bankFrame(address));
  }

  function bankFrame(address) {
    const frame = document.createElement("iframe");
    frame.title = byId("challenge-title").textContent;
    frame.dataset.testId = "challenge-frame";
    frame.src = address.href;
    frame.addEventListener("load", () => {
      let path = "";
      try {
        path = frame.contentWindow.location.pathname;
      } catch {
        return; // on somebody else's page
      }
      if (!path.startsWith("/checkout") || root.dataset.view !== "challenge") return;
      show("processing");
      live.ask();
    });
    return frame;
  }

  function succeeded(payment) {
    const fill = (name, text) => (root.querySelector(`[data-fill="${name}"]`).textContent = text);
    fill("payment-id", payment.id);
    fill("instrument", instrumentOf(payment));
    fill("date", timeOf(payment.created_at));
    show("success");
    afterSuccess(payment);
  }

  function instrumentOf({ method, card_network, card_last4, vpa, bank, wallet }) {
    if (method === "card") return `${known.networks[card_network] || ""} •••• ${card_last4 || ""}`.trim();
    return vpa || known.names[bank || wallet] || bank || wallet || "";
  }

  function timeOf(moment) {
    const { lang } = document.documentElement; // as the page is written, in the shopper's region
    const language = navigator.languages.find((each) => each.startsWith(lang)) || lang;
    const form = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
    return form.format(new Date(moment));
  }

  /** Tell the shop, or lead there. */
  async function afterSuccess(payment) {
    const returnUrl = await shop.saySuccess(payment);
    if (!returnUrl) return;
    const link = byId("return-link");
    link.href = returnUrl;
    link.hidden = false;
    // Whoever came back with the back button wanted to see this page.
    const [navigation] = performance.getEntriesByType("navigation");
    if (timers.leave || (navigation && navigation.type === "back_forward")) return;
    byId("leaving").textContent = texts.leaving;
    byId("leaving").hidden = false;
    timers.leave = setTimeout(() => location.assign(returnUrl), LEAVE_MS);
  }

  function failed(payment) {
    const { reasons } = known;
    byId("failed-reason").textContent =
      reasons[payment.error_reason] || reasons[payment.error_code] || reasons.PAYMENT_FAILED;
    show("failed");
    shop.sayFailure(payment);
  }

  function tryAgain(event) {
    event.preventDefault();
    if (live) live.stop();
    live = null;
    history.replaceState(null, "", addressWith(null));
    show("ready");
    form.focusFirst();
  }

  // The page around

  function prefill() {
    const given = shop.takePrefill();
    if (!given) return;
    customer = given.customer;
    form.prefill(given.method, given.name);
  }

  function takeLogoAway() {
    const logo = byId("logo");
    if (!logo) return;
    if (logo.complete && !logo.naturalWidth) logo.remove();
    logo.addEventListener("error", () => logo.remove());
  }

  /** Back in this tab: another one may have paid meanwhile. */
  async function lookAtOrder() {
    const isAsking = () => root.dataset.view === "ready" && !isBusy;
    if (document.visibilityState === "hidden" || !isAsking()) return;
    try {
      const response = await fetch(addressWith(null), { method: "HEAD", cache: "no-store" });
      const view = response.headers.get("Checkout-View");
      if (view && view !== "ready" && isAsking()) startAnew();
    } catch {
      // not connected: paying will tell
    }
  }

  function start() {
    byId("payment-form").addEventListener("submit", (event) => {
      event.preventDefault();
      pay();
    });
    const retry = byId("retry-button");
    retry.addEventListener("click", tryAgain);
    retry.addEventListener("keydown", (event) => event.key === " " && tryAgain(event));
    byId("print-button").hidden = false;
    byId("print-button").addEventListener("click", () => window.print());
    for (const link of root.querySelectorAll("[data-language]")) {
      link.addEventListener("click", () => {
        const address = new URL(location.href);
        address.searchParams.set("lang", link.dataset.language);
        link.href = address.href;
      });
    }
    for (const time of root.querySelectorAll("time[data-local]")) {
      time.textContent = timeOf(time.dateTime);
    }
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !event.defaultPrevented) shop.say("close_modal");
    });
    document.addEventListener("visibilitychange", lookAtOrder);
    const left = known.expiresAt ? Date.parse(known.expiresAt) - Date.now() : Infinity;
    if (left < TIMER_MS_MAX) setTimeout(lookAtOrder, Math.max(left, 0) + 1000);
    window.addEventListener("pagehide", () => clearTimeout(timers.leave));
    window.addEventListener("pageshow", (event) => event.persisted && location.reload());
    takeLogoAway();
    prefill();
    const { payment, view } = known;
    if (view === "success") afterSuccess(payment);
    else if (view === "failed") failed(payment);
    else if (payment && view !== "voided") {
      follow(payment.id);
      heard(payment);
    }
    shop.say("checkout_ready");
  }

  start();
})();
