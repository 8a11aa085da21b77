-- What the dashboard looks for and adds up. Search goes by block range indexes: a bloom filter per
-- range of pages costs an insert next to nothing, where each B-tree costs every insert and every
-- update that moves the row. The sums are made beside the payment path, by the summariser.

CREATE INDEX payments_search ON payments USING brin (
    amount int8_bloom_ops, lower(payer_email) text_bloom_ops, card_last4 text_bloom_ops)
    WITH (pages_per_range = 16);
CREATE INDEX orders_search ON orders USING brin (receipt text_bloom_ops, amount int8_bloom_ops)
    WITH (pages_per_range = 16);
CREATE INDEX events_order ON events USING brin (order_id text_bloom_ops)
    WITH (pages_per_range = 32);

-- Payments, refunds and failures by quarter of an hour: the days of every time zone begin at one.
-- Amounts of payments are those of the ones that stand approved.
CREATE TABLE payment_quarters (
    merchant_id uuid NOT NULL,
    mode text NOT NULL CHECK (mode IN ('test', 'live')),
    quarter timestamptz NOT NULL,
    currency text NOT NULL,
    method text NOT NULL,
    payments integer NOT NULL,
    succeeded integer NOT NULL,
    failed integer NOT NULL,
    amount bigint NOT NULL,
    PRIMARY KEY (merchant_id, mode, quarter, currency, method)
);

CREATE TABLE refund_quarters (
    merchant_id uuid NOT NULL,
    mode text NOT NULL CHECK (mode IN ('test', 'live')),
    quarter timestamptz NOT NULL,
    currency text NOT NULL,
    refunds integer NOT NULL,
    amount bigint NOT NULL,
    PRIMARY KEY (merchant_id, mode, quarter, currency)
);

CREATE TABLE failure_quarters (
    merchant_id uuid NOT NULL,
    mode text NOT NULL CHECK (mode IN ('test', 'live')),
    quarter timestamptz NOT NULL,
    reason text NOT NULL,
    payments integer NOT NULL,
    PRIMARY KEY (merchant_id, mode, quarter, reason)
);

-- Everything that happened before `settled_until` is in the sums; what happened since may be.
CREATE TABLE summary_state (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    settled_until timestamptz NOT NULL
);

INSERT INTO payment_quarters
SELECT merchant_id, mode, date_bin('15 minutes', created_at, 'epoch'), currency, method, count(*),
       count(*) FILTER (WHERE status = 'success'), count(*) FILTER (WHERE status = 'failed'),
       coalesce(sum(amount) FILTER (WHERE status = 'success'), 0)
FROM payments GROUP BY 1, 2, 3, 4, 5;

INSERT INTO refund_quarters
SELECT merchant_id, mode, date_bin('15 minutes', created_at, 'epoch'), currency, count(*),
       sum(amount)
FROM refunds WHERE status <> 'failed' GROUP BY 1, 2, 3, 4;

INSERT INTO failure_quarters
SELECT merchant_id, mode, date_bin('15 minutes', created_at, 'epoch'),
       coalesce(error_reason, error_code, 'unknown'), count(*)
FROM payments WHERE status = 'failed' GROUP BY 1, 2, 3, 4;

INSERT INTO summary_state (settled_until)
SELECT coalesce(max(created_at) - interval '1 hour', 'epoch') FROM events;
