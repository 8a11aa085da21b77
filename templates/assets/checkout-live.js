// Follows a payment until it has ended: by server-sent events, and by asking where they fail or
// stay silent. Each answer is the whole payment, so nothing is lost when some are.
"use strict";
const LivePayment = (() => {
  const SILENT_MS = 4000; // without an event for so long, ask
  const ASK_MS = [1000, 2000, 3000, 5000]; // between questions; the last one goes on
  const OFTEN = 60; // questions; after that a bank that is silent is asked slowly
  const SLOWLY_MS = 30000;
  const ASKED_MAX = 3000; // about a day: the shop is told by its webhook
  const STREAM_AGAIN_MS = 15000;
  const FINAL = ["success", "failed", "cancelled", "expired"];

  return class LivePayment {
    /** `tell` gets the payment each time it is known, `tellLost` whether nobody can be reached. */
    constructor(id, tell, tellLost) {
      this.id = id;
      this.tell = tell;
      this.tellLost = tellLost;
      this.asked = 0;
      this.isOver = false;
      this.wake = () => document.visibilityState !== "hidden" && this.ask();
      window.addEventListener("online", this.wake);
      window.addEventListener("offline", this.wake);
      document.addEventListener("visibilitychange", this.wake);
      this.listen();
      this.askLater(SILENT_MS);
    }

    listen() {
      if (this.isOver || !window.EventSource) return;
      this.source = new EventSource(`/checkout/payments/${this.id}/events`);
      this.source.addEventListener("payment", (event) => {
        this.askLater(SILENT_MS * 5); // the stream speaks: ask only when it falls silent
        this.heard(JSON.parse(event.data));
      });
      this.source.addEventListener("error", () => {
        // The browser connects again by itself unless it was refused; meanwhile we ask.
        this.askLater(ASK_MS[0]);
        if (this.source.readyState === EventSource.CLOSED && !this.isOver) {
          setTimeout(() => this.listen(), STREAM_AGAIN_MS);
        }
      });
    }

    askLater(milliseconds) {
      clearTimeout(this.timer);
      if (!this.isOver) this.timer = setTimeout(() => this.ask(), milliseconds);
    }

    async ask() {
      if (this.isOver || this.asked >= ASKED_MAX) return;
      const quick = ASK_MS[Math.min(this.asked, ASK_MS.length - 1)];
      const wait = this.asked < OFTEN ? quick : SLOWLY_MS;
      this.asked += 1;
      this.askLater(wait + SILENT_MS); // in case this one hangs
      try {
        const response = await fetch(`/api/v1/payments/${this.id}/public`, { cache: "no-store" });
        if (!response.ok) throw new Error(String(response.status));
        this.heard(await response.json());
      } catch {
        if (!this.isOver) this.tellLost(true);
      }
      this.askLater(wait);
    }

    heard(payment) {
      if (this.isOver || payment.id !== this.id) return;
      this.tellLost(false);
      if (FINAL.includes(payment.status)) this.stop();
      this.tell(payment);
    }

    stop() {
      this.isOver = true;
      clearTimeout(this.timer);
      if (this.source) this.source.close();
      window.removeEventListener("online", this.wake);
      window.removeEventListener("offline", this.wake);
      document.removeEventListener("visibilitychange", this.wake);
    }
  };
})();
