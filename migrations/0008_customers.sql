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
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT customers_deleted_is_nobody CHECK (
        deleted_at IS NULL
        OR (name IS NULL AND email IS NULL AND contact IS NULL AND notes = '{}'))
);
CREATE INDEX customers_merchant ON customers (merchant_id, mode, created_at DESC, id DESC)
    WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX customers_one_person
    ON customers (merchant_id, mode, lower(coalesce(email, '')), coalesce(contact, ''))
    WHERE deleted_at IS NULL AND (email IS NOT NULL OR contact IS NOT NULL);
