-- What is paid out to merchants, and which transactions of the ledger each settlement covers.

CREATE TABLE settlements (
    id text PRIMARY KEY,
    merchant_id uuid NOT NULL REFERENCES merchants,
    mode text NOT NULL CHECK (mode IN ('test', 'live')),
    currency text NOT NULL CHECK (length(currency) = 3),
    amount bigint NOT NULL CHECK (amount > 0),
    fees bigint NOT NULL,
    tax bigint NOT NULL,
    transactions bigint NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX settlements_merchant ON settlements (merchant_id, mode, created_at DESC, id DESC);

CREATE TABLE settlement_transactions (
    settlement_id text NOT NULL REFERENCES settlements,
    merchant_id uuid NOT NULL,
    source_id text NOT NULL,
    kind text NOT NULL,
    -- Nothing is settled twice, and only what is in the books.
    PRIMARY KEY (merchant_id, source_id, kind),
    FOREIGN KEY (merchant_id, source_id, kind) REFERENCES ledger_transactions
);
CREATE INDEX settlement_transactions_settlement ON settlement_transactions (settlement_id);

CREATE TABLE settlement_runs (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    begun_at timestamptz NOT NULL
);
