-- Bills: payment links and invoices, paid by one order after another.
CREATE TABLE bills (
    id text PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('payment_link', 'invoice')),
    merchant_id uuid NOT NULL REFERENCES merchants,
    mode text NOT NULL CHECK (mode IN ('test', 'live')),
    currency text NOT NULL CHECK (length(currency) = 3),
    amount bigint NOT NULL CHECK (amount >= 0),
    amount_paid bigint NOT NULL DEFAULT 0,
    accept_partial boolean NOT NULL,
    first_amount_min bigint CHECK (first_amount_min > 0),
    reference text,
    description text,
    customer_id text,
    payer_name text,
    payer_email text,
    payer_contact text,
    notes text NOT NULL DEFAULT '{}',
    details text NOT NULL DEFAULT '{}',
    return_url text,
    status text NOT NULL CHECK (status IN (
        'draft', 'open', 'partially_paid', 'paid', 'cancelled', 'expired')),
    -- The one order that may take money; its row carries the bill's id.
    order_id text REFERENCES orders,
    orders integer NOT NULL DEFAULT 0,
    expires_at timestamptz,
    issued_at timestamptz,
    paid_at timestamptz,
    cancelled_at timestamptz,
    expired_at timestamptz,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT bills_paid_within_amount CHECK (amount_paid BETWEEN 0 AND amount),
    CONSTRAINT bills_paid_means_all CHECK ((status = 'paid') = (amount > 0 AND amount_paid = amount)),
    CONSTRAINT bills_order_while_open CHECK (
        order_id IS NULL OR status IN ('open', 'partially_paid'))
) WITH (fillfactor = 70);
CREATE INDEX bills_merchant ON bills (merchant_id, mode, kind, created_at DESC, id DESC);
CREATE INDEX bills_expiring ON bills (expires_at)
    WHERE expires_at IS NOT NULL AND status IN ('open', 'partially_paid');
CREATE INDEX bills_order ON bills (order_id) WHERE order_id IS NOT NULL;
CREATE INDEX bills_customer ON bills (customer_id) WHERE customer_id IS NOT NULL;
CREATE UNIQUE INDEX bills_one_reference ON bills (merchant_id, mode, reference)
    WHERE kind = 'payment_link' AND reference IS NOT NULL;

ALTER TABLE orders ADD COLUMN bill_id text;
CREATE INDEX orders_bill ON orders (bill_id) WHERE bill_id IS NOT NULL;

-- What merchants sell. The lines of an invoice keep copies.
CREATE TABLE items (
    id text PRIMARY KEY,
    merchant_id uuid NOT NULL REFERENCES merchants,
    mode text NOT NULL CHECK (mode IN ('test', 'live')),
    name text NOT NULL,
    description text,
    amount bigint NOT NULL CHECK (amount > 0),
    currency text NOT NULL CHECK (length(currency) = 3),
    active boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX items_merchant ON items (merchant_id, mode, created_at DESC, id DESC);
