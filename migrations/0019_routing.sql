-- Which processors payments go to, and which processor an attempt was sent to.

CREATE TABLE routing_rules (
    id text PRIMARY KEY,
    merchant_id uuid NOT NULL REFERENCES merchants,
    mode text NOT NULL CHECK (mode IN ('test', 'live')),
    position integer NOT NULL CHECK (position > 0),
    name text NOT NULL,
    -- Empty: all.
    currencies text[] NOT NULL,
    methods text[] NOT NULL,
    card_networks text[] NOT NULL,
    amount_min bigint,
    amount_max bigint,
    -- The first one, then those that are tried when it surely did nothing.
    processors text[] NOT NULL CHECK (cardinality(processors) > 0),
    active boolean NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT routing_rules_amounts CHECK (
        amount_min <= amount_max AND (
            coalesce(amount_min, amount_max) IS NULL OR cardinality(currencies) = 1)),
    -- Deferred: rules change places with each other.
    CONSTRAINT routing_rules_position UNIQUE (merchant_id, mode, position)
        DEFERRABLE INITIALLY DEFERRED
);

-- The processors that are still to be tried when the payment's own surely did nothing, in order.
ALTER TABLE payments ADD COLUMN route text[] NOT NULL DEFAULT '{}';
-- Null: the payment's, of attempts from before payments could go to another. The account is the
-- merchant's own, null the gateway's.
ALTER TABLE attempts ADD COLUMN processor text, ADD COLUMN processor_account_id uuid;
