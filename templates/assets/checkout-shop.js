// The shop behind the payment: what it knows of the shopper, what it is told, where it waits.
"use strict";
const Shop = (() => {
  const AGAIN_MS = [500, 1000, 2000, 4000];
  const PREFILL = { name: 255, email: 255, contact: 64 }; // the most characters of each

  return class Shop {
    constructor(known) {
      this.known = known;
      this.isFramed = window.parent !== window;
      this.told = new Set();
    }

    /** Each message once for each payment; to the origin that the server found to be the shop's. */
    say(type, data) {
      const origin = this.known.parentOrigin;
      if (!origin || !this.isFramed) return;
      const about = `${type} ${data ? data.paymentId : ""}`;
      if (type !== "close_modal" && this.told.has(about)) return;
      this.told.add(about);
      window.parent.postMessage(data ? { type, data } : { type }, origin);
    }

    sayFailure(payment) {
      this.say("payment_failed", {
        code: payment.error_code || "PAYMENT_FAILED",
        description: payment.error_description || "Payment processing failed",
        reason: payment.error_reason || "payment_failed",
        orderId: this.known.orderId,
        paymentId: payment.id,
      });
    }

    /** Tell of a success, with the signature that the shop's server verifies; where it leads. */
    async saySuccess(payment) {
      const result = await this.resultOf(payment.id);
      if (!result || !result.signature) return null;
      const { paymentId, orderId, signature, returnUrl } = result;
      this.say("payment_success", { paymentId, orderId, signature });
      return this.isFramed ? null : returnUrl;
    }

    async resultOf(paymentId) {
      const query = new URLSearchParams({ payment_id: paymentId, order_id: this.known.orderId });
      if (this.known.kept.key) query.set("key", this.known.kept.key);
      for (const wait of [...AGAIN_MS, null]) {
        try {
          const response = await fetch(`/checkout/result?${query}`, { cache: "no-store" });
          if (response.ok) return await response.json();
          if (response.status < 500) return null;
        } catch {
          // not connected: again
        }
        if (wait !== null) await new Promise((done) => setTimeout(done, wait));
      }
      return null;
    }

    /** `#prefill=<JSON>` from checkout.js: a fragment is sent to nobody. Null without one. */
    takePrefill() {
      const text = new URLSearchParams(location.hash.slice(1)).get("prefill");
      let given = null;
      try {
        given = text && JSON.parse(text);
      } catch {
        // written by somebody else
      }
      if (!given) return null;
      if (!this.isFramed) history.replaceState(null, "", location.pathname + location.search);
      const value = (name) => (typeof given[name] === "string" ? given[name].trim() : "");
      const customer = {};
      for (const [name, charactersMax] of Object.entries(PREFILL)) {
        if (value(name)) customer[name] = value(name).slice(0, charactersMax);
      }
      const isKnown = Object.keys(customer).length > 0;
      return { method: value("method"), name: value("name"), customer: isKnown ? customer : null };
    }
  };
})();
