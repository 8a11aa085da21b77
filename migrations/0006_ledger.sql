-- The ledger, and what merchants pay. What has happened before is booked as it would have been.

ALTER TABLE payments ADD COLUMN fee bigint NOT NULL DEFAULT 0;
ALTER TABLE payments ADD COLUMN tax bigint NOT NULL DEFAULT 0;
ALTER TABLE payments ADD CONSTRAINT payments_tax_within_fee CHECK (tax BETWEEN 0 AND fee);

-- The books: one row a transaction, one column an account, debits positive. Never changed.
CREATE TABLE ledger_transactions (
    source_id text NOT NULL,
    kind text NOT NULL CHECK (kind IN (
        'capture', 'late_approval', 'reversal', 'refund_accepted', 'refund_processed',
        'refund_failed', 'dispute_opened', 'dispute_won', 'dispute_lost', 'settlement')),
    merchant_id uuid NOT NULL,
    mode text NOT NULL CHECK (mode IN ('test', 'live')),
    currency text NOT NULL CHECK (length(currency) = 3),
    order_id text,
    payment_id text,
    created_at timestamptz NOT NULL,
    processor bigint NOT NULL,
    merchant bigint NOT NULL,
    fees bigint NOT NULL,
    tax bigint NOT NULL,
    refunds bigint NOT NULL,
    disputes bigint NOT NULL,
    suspense bigint NOT NULL,
    payouts bigint NOT NULL,
    -- A source has one transaction of a kind: nothing is booked twice.
    PRIMARY KEY (merchant_id, source_id, kind),
    CONSTRAINT ledger_transactions_balanced CHECK (
        processor + merchant + fees + tax + refunds + disputes + suspense + payouts = 0)
);
CREATE INDEX ledger_transactions_created ON ledger_transactions USING brin (created_at);

CREATE FUNCTION refuse_to_change_the_ledger() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is never changed: write another transaction';
END
$$;
CREATE TRIGGER ledger_transactions_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_transactions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_change_the_ledger();

-- When the books were last looked through, and what was found.
CREATE TABLE books_checks (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    begun_at timestamptz NOT NULL,
    ended_at timestamptz,
    transactions bigint NOT NULL DEFAULT 0,
    differences bigint NOT NULL DEFAULT 0,
    texts text[] NOT NULL DEFAULT '{}'
);

-- What was agreed with a merchant; the settings' plan holds for all others.
CREATE TABLE fee_plans (
    merchant_id uuid NOT NULL REFERENCES merchants,
    currency text NOT NULL CHECK (length(currency) = 3),
    basis_points integer NOT NULL CHECK (basis_points BETWEEN 0 AND 10000),
    fixed bigint NOT NULL CHECK (fixed >= 0),
    tax_basis_points integer NOT NULL CHECK (tax_basis_points BETWEEN 0 AND 10000),
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (merchant_id, currency)
);

INSERT INTO ledger_transactions (
    source_id, kind, merchant_id, mode, currency, order_id, payment_id, created_at,
    processor, merchant, fees, tax, refunds, disputes, suspense, payouts)
SELECT operation.id, 'capture', payment.merchant_id, payment.mode, payment.currency,
       payment.order_id, payment.id, operation.updated_at,
       operation.amount, -operation.amount, 0, 0, 0, 0, 0, 0
FROM operations AS operation JOIN payments AS payment ON payment.id = operation.payment_id
WHERE operation.kind IN ('charge', 'capture') AND operation.state = 'done'
UNION ALL
SELECT refund.id, 'refund_accepted', refund.merchant_id, refund.mode, refund.currency,
       refund.order_id, refund.payment_id, refund.created_at,
       0, refund.amount, 0, 0, -refund.amount, 0, 0, 0
FROM operations AS operation JOIN refunds AS refund ON refund.id = operation.refund_id
WHERE operation.kind = 'refund'
UNION ALL
SELECT refund.id, 'refund_processed', refund.merchant_id, refund.mode, refund.currency,
       refund.order_id, refund.payment_id, refund.updated_at,
       -refund.amount, 0, 0, 0, refund.amount, 0, 0, 0
FROM operations AS operation JOIN refunds AS refund ON refund.id = operation.refund_id
WHERE operation.kind = 'refund' AND operation.state = 'done'
UNION ALL
SELECT refund.id, 'refund_failed', refund.merchant_id, refund.mode, refund.currency,
       refund.order_id, refund.payment_id, refund.updated_at,
       0, -refund.amount, 0, 0, refund.amount, 0, 0, 0
FROM operations AS operation JOIN refunds AS refund ON refund.id = operation.refund_id
WHERE operation.kind = 'refund' AND operation.state = 'failed'
UNION ALL
-- What the processor did after all although it had been given up, and what went back for it.
SELECT operation.id, CASE operation.purpose WHEN 'reversal' THEN 'reversal' ELSE 'late_approval' END,
       payment.merchant_id, payment.mode, payment.currency, payment.order_id, payment.id,
       attempt.finished_at, direction.sign * operation.amount, 0, 0, 0, 0, 0,
       -direction.sign * operation.amount, 0
FROM operations AS operation
JOIN payments AS payment ON payment.id = operation.payment_id
JOIN attempts AS attempt ON attempt.operation_id = operation.id AND attempt.state = 'approved'
CROSS JOIN LATERAL (SELECT CASE operation.kind WHEN 'refund' THEN -1 ELSE 1 END) AS direction(sign)
WHERE operation.kind IN ('charge', 'capture', 'refund')
  AND (operation.state = 'failed' OR operation.purpose = 'reversal' AND operation.state = 'done');
