-- Merchants' own accounts at processors, and which one a payment or a kept card belongs to.

CREATE TABLE processor_accounts (
    id uuid PRIMARY KEY,
    merchant_id uuid NOT NULL REFERENCES merchants,
    mode text NOT NULL CHECK (mode IN ('test', 'live')),
    processor text NOT NULL,
    name text NOT NULL,
    credentials_sealed bytea NOT NULL,
    -- Masked, as JSON.
    credentials_shown text NOT NULL,
    active boolean NOT NULL,
    check_result text NOT NULL CHECK (check_result IN ('accepted', 'refused', 'unchecked')),
    check_message text,
    last_checked_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX processor_accounts_one_active
    ON processor_accounts (merchant_id, mode, processor) WHERE active;
CREATE INDEX processor_accounts_merchant
    ON processor_accounts (merchant_id, mode, created_at DESC, id DESC);

-- Null: the gateway's own account. What payments or kept cards hang on cannot be deleted.
ALTER TABLE payments ADD COLUMN processor_account_id uuid REFERENCES processor_accounts;
CREATE INDEX payments_processor_account ON payments (processor_account_id)
    WHERE processor_account_id IS NOT NULL;
ALTER TABLE tokens ADD COLUMN processor_account_id uuid REFERENCES processor_accounts;
CREATE INDEX tokens_processor_account ON tokens (processor_account_id)
    WHERE processor_account_id IS NOT NULL;
