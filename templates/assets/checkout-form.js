// The form: formats what is typed, and says beside a field what is wrong with it. Not before it was
// left for the first time; from then on with every key, so that the message goes as soon as it may.
"use strict";
const PaymentForm = (() => {
  const VPA = /^[a-zA-Z0-9._-]+@[a-zA-Z0-9]+$/;
  const FIELDS = {
    upi: ["vpa"],
    card: ["card_number", "card_expiry", "card_cvv", "card_holder_name"],
    netbanking: ["bank"],
    wallet: ["wallet"],
  };
  const SECRET = ["card_number", "card_expiry", "card_cvv"];

  return class PaymentForm {
    constructor(form, texts) {
      this.form = form;
      this.texts = texts;
      this.watched = new Set(); // fields that were left once
      this.pay = form.querySelector("#pay");
      form.addEventListener("change", (event) => {
        if (event.target.name === "method") this.choose();
      });
      for (const input of form.querySelectorAll(".input, .select, [name=wallet]")) this.watch(input);
      this.choose();
    }

    get method() {
      const chosen = this.form.querySelector("[name=method]:checked");
      return chosen ? chosen.value : "";
    }

    /** Its fields; a saved card has none. */
    get fields() {
      return FIELDS[this.method] || [];
    }

    /** Show the fields of the chosen method, the pay button behind them. */
    choose() {
      this.form.dataset.method = this.method;
      const fields = this.form.querySelector(`[data-fields="${this.method}"]`);
      (fields || this.form).append(this.pay);
      this.say("");
    }

    watch(input) {
      const format = { card_number: "number", card_expiry: "date", card_cvv: "code" }[input.name];
      input.addEventListener("input", (event) => {
        if (format) this[format](input, event);
        if (this.watched.has(input.name)) this.check(input.name);
        else this.mark(input.name, "");
      });
      input.addEventListener("blur", () => {
        if (!this.valueOf(input.name)) return; // nobody is told off for passing by
        this.watched.add(input.name);
        this.check(input.name);
      });
      if (input.value && format) this[format](input, {}); // the browser has filled it in already
    }

    number(input) {
      const before = Cards.digitsOf(input.value.slice(0, input.selectionStart)).length;
      const digits = Cards.digitsOf(input.value);
      const atEnd = input.selectionStart >= input.value.length;
      input.value = Cards.grouped(digits);
      if (document.activeElement === input && !atEnd) {
        let place = 0;
        for (let seen = 0; seen < before; place += 1) if (/\d/.test(input.value[place])) seen += 1;
        input.setSelectionRange(place, place);
      }
      this.showBrand(Cards.brandOf(digits));
      if (Cards.isLong(digits) && !this.watched.has(input.name)) {
        this.watched.add(input.name); // complete: it can be judged
      }
    }

    showBrand(brand) {
      if (brand === this.brand) return;
      this.brand = brand;
      const mark = this.form.querySelector("#brand-mark");
      mark.toggleAttribute("hidden", !brand);
      if (brand) mark.firstElementChild.setAttribute("href", `#b-${brand}`);
      this.form.querySelector("#brand-name").textContent = this.texts.networks[brand] || "";
      const isAmex = brand === "amex";
      this.form.querySelector("#card_cvv-hint").textContent = this.texts[isAmex ? "cvvAmex" : "cvv"];
      this.form.card_cvv.placeholder = isAmex ? "1234" : "123";
    }

    date(input, event) {
      const isDeleting = /^delete/.test(event.inputType || "");
      if (input.selectionStart < input.value.length) return; // somebody mends it in the middle
      input.value = Cards.writtenDate(input.value, isDeleting);
    }

    code(input) {
      const length = Cards.cvvLength(this.brand);
      input.value = input.value.replace(/\D/g, "").slice(0, Math.max(length, 3));
    }

    valueOf(name) {
      if (name === "wallet") {
        const chosen = this.form.querySelector("[name=wallet]:checked");
        return chosen ? chosen.value : "";
      }
      return this.form.elements[name].value.trim();
    }

    /** The name of the text that says what is wrong; "" when nothing is. */
    wrong(name) {
      const value = this.valueOf(name);
      if (name === "vpa") return VPA.test(value) ? "" : "field.vpa";
      if (name === "card_number") return Cards.wrongNumber(Cards.digitsOf(value));
      if (name === "card_expiry") return Cards.wrongDate(value);
      if (name === "card_cvv") {
        return value.length === Cards.cvvLength(this.brand) ? "" : "field.card_cvv";
      }
      if (name === "card_holder_name") return ""; // banks do not ask for it
      return value ? "" : `field.${name}`;
    }

    check(name) {
      const wrong = this.wrong(name);
      this.mark(name, wrong && this.texts[wrong]);
      return !wrong;
    }

    /** All fields of the method; the first one that is wrong gets the focus. */
    isRight() {
      const wrong = this.fields.filter((name) => {
        this.watched.add(name);
        return !this.check(name);
      });
      if (wrong.length) this.focus(wrong[0]);
      return wrong.length === 0;
    }

    focus(name) {
      const target =
        name === "wallet" ? this.form.querySelector("[name=wallet]") : this.form.elements[name];
      target.focus();
    }

    focusFirst() {
      const [first] = this.fields;
      if (first) this.focus(first);
      else this.form.querySelector("[name=method]:checked").focus();
    }

    /** What the shop knows already; what the shopper has typed stays. */
    prefill(method, name) {
      const choice = [...this.form.querySelectorAll("[name=method]")].find(
        (each) => each.value === method,
      );
      if (choice) {
        choice.checked = true;
        this.choose();
      }
      const holder = this.form.elements.card_holder_name;
      if (name && holder && !holder.value) holder.value = name;
    }

    mark(name, text) {
      const error = document.getElementById(`${name}-error`);
      if (error.textContent !== text) error.textContent = text;
      const marked =
        name === "wallet" ? this.form.querySelectorAll("[name=wallet]") : [this.form.elements[name]];
      for (const input of marked) {
        if (text) input.setAttribute("aria-invalid", "true");
        else input.removeAttribute("aria-invalid");
      }
    }

    /** Something about the payment as a whole. */
    say(text) {
      const alert = this.form.querySelector("#form-error");
      alert.hidden = !text;
      alert.firstElementChild.textContent = text;
    }

    /** What the server found wrong; the names are those of the fields. */
    refuse(names, text) {
      const known = names.filter((name) => this.fields.includes(name));
      for (const name of known) {
        this.watched.add(name);
        this.mark(name, this.texts[`field.${name}`]);
      }
      if (known.length) this.focus(known[0]);
      else this.say(text);
    }

    /** The members of the payment; for a card in the flat form, as it was typed. */
    members() {
      if (this.method.startsWith("tok_")) return { method: "token", token_id: this.method };
      const members = { method: this.method };
      const { save } = this.form.elements;
      if (save && save.checked && this.method === "card") members.save = true;
      for (const name of this.fields) {
        const value = this.valueOf(name);
        if (value) members[name] = name === "card_number" ? Cards.digitsOf(value) : value;
      }
      if (members.card_expiry) {
        const { month, year } = Cards.dateOf(members.card_expiry);
        members.card_expiry = `${String(month).padStart(2, "0")}/${year}`;
      }
      return members;
    }

    /** Card data has been sent: it is not to stay on the page. */
    clear() {
      for (const name of SECRET) {
        const input = this.form.elements[name];
        if (!input) continue;
        input.value = "";
        this.watched.delete(name);
        this.mark(name, "");
      }
      if (this.form.card_number) this.showBrand("");
    }
  };
})();
