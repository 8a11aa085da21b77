// Shows how far the order is, and asks the shop's server until the webhook has come.
"use strict";

const steps = document.getElementById("steps");
const title = document.getElementById("title");

function show(signed, confirmed) {
  document.getElementById("signed").classList.toggle("done", signed || confirmed);
  document.getElementById("confirmed").classList.toggle("done", confirmed);
  title.textContent = signed || confirmed ? "Thank you, it is yours" : "Waiting for the payment";
}

async function follow() {
  const response = await fetch(location.pathname + "/state");
  const { signed, confirmed } = await response.json();
  show(signed, confirmed);
  if (!confirmed) setTimeout(follow, 1000);
}

show(steps.dataset.signed === "True", steps.dataset.confirmed === "True");
follow().catch(() => setTimeout(follow, 5000));
