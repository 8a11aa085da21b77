-- Customers: whom a merchant charges again. Of one who was deleted the row stays, without the person.
CREATE TABLE customers (
    id text PRIMARY KEY,
    merchant_id uuid NOT NULL REFERENCES merchants,
    mode text NOT NULL CHECK (mode IN ('test', 'live')),
    name text,
    email text,
    contact text,
    notes text NOT NULL DEFAULT '{}',
    deleted_at timestamptz,
    -- When the last of the person was taken off their payments.
    erased_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT customers_deleted_is_nobody CHECK (
        deleted_at IS NULL
        OR (name IS NULL AND email IS NULL AND contact IS NULL AND notes = '{}'))
);
CREATE INDEX customers_merchant ON customers (merchant_id, mode, created_at DESC, id DESC)
    WHERE deleted_at IS NULL;
CREATE INDEX customers_erasing ON customers (deleted_at)
    WHERE deleted_at IS NOT NULL AND erased_at IS NULL;
CREATE UNIQUE INDEX customers_one_person
    ON customers (merchant_id, mode, lower(coalesce(email, '')), coalesce(contact, ''))
    WHERE deleted_at IS NULL AND (email IS NOT NULL OR contact IS NOT NULL);

-- A card that the processor keeps for a customer: what may be shown of it, and the processor's name
-- for it. One that is deleted is first deleted at the processor; then the row is all that is left.
CREATE TABLE tokens (
    id text PRIMARY KEY,
    customer_id text NOT NULL REFERENCES customers,
    merchant_id uuid NOT NULL,
    mode text NOT NULL CHECK (mode IN ('test', 'live')),
    payment_id text NOT NULL,
    processor text NOT NULL,
    reference text,
    card_network text,
    card_last4 text CHECK (length(card_last4) = 4),
    card_expiry_month smallint,
    card_expiry_year smallint,
    state text NOT NULL CHECK (state IN ('active', 'deleting', 'deleted')),
    -- How often the processor was asked to delete it, and when it is asked next.
    deletions smallint NOT NULL DEFAULT 0,
    due_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT tokens_deleted_is_nothing CHECK (
        (state = 'deleted') = (reference IS NULL)
        AND (state <> 'deleted' OR (card_last4 IS NULL AND card_expiry_month IS NULL))),
    CONSTRAINT tokens_due_while_deleting CHECK ((state = 'deleting') = (due_at IS NOT NULL))
);
CREATE INDEX tokens_customer ON tokens (customer_id, created_at DESC, id DESC)
    WHERE state = 'active';
CREATE INDEX tokens_deleting ON tokens (due_at) WHERE state = 'deleting';

-- The customer who pays, the token that was charged or that came of it, what the processor calls the
-- card that was charged, and whether the card is to be kept.
ALTER TABLE payments
    ADD COLUMN customer_id text,
    ADD COLUMN token_id text,
    ADD COLUMN stored_reference text,
    ADD COLUMN save boolean NOT NULL DEFAULT false;
CREATE INDEX payments_customer ON payments (customer_id, created_at DESC, id DESC)
    WHERE customer_id IS NOT NULL;

-- The cards that the simulated bank keeps: what they do, never their numbers.
CREATE TABLE simulator_cards (
    reference text PRIMARY KEY,
    payment text NOT NULL,
    customer text NOT NULL,
    network text NOT NULL,
    last4 text NOT NULL CHECK (length(last4) = 4),
    expiry_month smallint NOT NULL,
    expiry_year smallint NOT NULL,
    outcome text CHECK (outcome IN ('approved', 'declined', 'requires_action')),
    reason text,
    created_at timestamptz NOT NULL
);
