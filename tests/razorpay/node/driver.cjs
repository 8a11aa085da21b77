// Calls the Node library as it is told to: a JSON line in, a JSON line out, until the input ends.
"use strict";

const Razorpay = require("razorpay");
const readline = require("node:readline");

const [, , baseURL, key_id, key_secret] = process.argv;
const razorpay = new Razorpay({ key_id, key_secret });
razorpay.api.rq.defaults.baseURL = baseURL;

const verifiers = {
  webhook: Razorpay.validateWebhookSignature,
  payment: require("razorpay/dist/utils/razorpay-utils").validatePaymentVerification,
};

// Every method of every resource, with the names of what it takes.
function methods() {
  const found = [];
  for (const [resource, calls] of Object.entries(razorpay)) {
    if (resource === "api" || calls === null || typeof calls !== "object") continue;
    for (const [name, call] of Object.entries(calls)) {
      if (typeof call !== "function") continue;
      const list = /\(([^)]*)\)/.exec(call.toString())[1];
      found.push([resource, name, list.split(",").map((part) => part.trim()).filter(Boolean)]);
    }
  }
  return found;
}

async function answer({ resource, method, args }) {
  if (resource === "methods") return methods();
  if (resource === "verify") return verifiers[method](...args);
  return razorpay[resource][method](...args);
}

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    let said;
    try {
      said = { value: (await answer(JSON.parse(line))) ?? null };
    } catch (problem) {
      said = { status: problem.statusCode ?? null, error: problem.error ?? String(problem) };
    }
    process.stdout.write(JSON.stringify(said) + "\n");
  }
})();
