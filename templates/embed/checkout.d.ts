/** Types of checkout.js, the script that opens the gateway's checkout over a shop's page. */

declare namespace PaymentGateway {
  interface Options {
    /** The id of an API key, `key_test_…` or `key_live_…`. Never the secret. */
    key: string;
    /** The order to pay, made on your server: `order_…`. */
    orderId: string;
    /** The payment was approved. Verify the signature on your server before you deliver. */
    onSuccess: (payment: Success) => void;
    /** An attempt failed; the shopper sees why and may try again. */
    onFailure: (failure: Failure) => void;
    /** The checkout is gone, whatever came before. */
    onClose: () => void;
    /** How it looks; by default as the shopper's device asks. */
    theme?: Mode | Theme;
    /** What is filled in already. There is no place for card data here. */
    prefill?: Prefill;
    /**
     * Your word for who pays: hex HMAC-SHA256 of `order_id|customer_id` with a key's secret, made on
     * your server. The order's customer then finds their saved cards and can save another.
     */
    customerSignature?: string;
  }

  type Mode = "light" | "dark" | "auto";

  interface Theme {
    mode?: Mode;
    /** The colour of buttons, such as `#1d4ed8`. */
    color?: string;
  }

  interface Prefill {
    name?: string;
    email?: string;
    contact?: string;
    method?: "upi" | "card" | "netbanking" | "wallet";
  }

  interface Success {
    paymentId: string;
    orderId: string;
    /** Hex HMAC-SHA256 of `orderId|paymentId` with the key's secret. */
    signature: string;
  }

  interface Failure {
    code: string;
    description: string;
    reason: string;
    orderId: string;
    paymentId?: string;
  }
}

declare class PaymentGateway {
  /** Throws a TypeError that names every option that is missing or wrong. */
  constructor(options: PaymentGateway.Options);
  /** Show the checkout; does nothing when it is open already. */
  open(): void;
  /** Take the checkout away; a payment under way goes on. */
  close(): void;
}

interface Window {
  PaymentGateway: typeof PaymentGateway;
}
