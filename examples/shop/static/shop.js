// Buys the teapot: an order from our server, the gateway's checkout over this page, and our
// server's word on whether the signature is true.
"use strict";

const form = document.getElementById("buy");
const quantity = document.getElementById("quantity");
const message = document.getElementById("message");
const rupees = new Intl.NumberFormat("en-IN", { style: "currency", currency: "INR" });

async function post(path, body) {
  const headers = { "Content-Type": "application/json" };
  const response = await fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(await response.text());
  return response.json();
}

function say(text, kind) {
  message.textContent = text;
  message.className = kind || "";
}

async function buy() {
  say("");
  const order = await post("/orders", { quantity: quantity.value });
  let verified = null;
  const checkout = new PaymentGateway({
    key: order.key,
    orderId: order.orderId,
    theme: { color: "#1f6b4f" },
    prefill: { name: "Asha Rao", email: "asha@example.com", contact: "+919876543210" },
    onSuccess: (payment) => {
      say("");
      verified = post("/verify", payment);
    },
    onFailure: (failure) => say(failure.description, "bad"),
    onClose: () => {
      if (verified) verified.then(() => location.assign("/orders/" + order.orderId), explain);
    },
  });
  checkout.open();
}

function explain(error) {
  say("That did not work: " + error.message, "bad");
}

form.addEventListener("submit", (event) => {
  if (event.submitter && event.submitter.id === "full-page") return;
  event.preventDefault();
  const button = document.getElementById("pay");
  if (button.getAttribute("aria-busy") === "true") return;
  button.setAttribute("aria-busy", "true"); // disabled, it would lose the focus
  buy()
    .catch(explain)
    .finally(() => button.removeAttribute("aria-busy"));
});

function showPrice() {
  const count = Number(quantity.value);
  if (quantity.checkValidity()) {
    document.getElementById("price").value = rupees.format((count * form.dataset.price) / 100);
  }
}

quantity.addEventListener("input", showPrice);
for (const button of document.querySelectorAll("[data-step]")) {
  button.addEventListener("click", () => {
    const next = (Number(quantity.value) || 1) + Number(button.dataset.step);
    quantity.value = Math.min(9, Math.max(1, next));
    showPrice();
  });
}
