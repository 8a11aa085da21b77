-- Who may come in: people with names who can be invited, deactivated and signed out everywhere.

ALTER TABLE users
    ADD COLUMN name text NOT NULL DEFAULT '',
    ADD COLUMN active boolean NOT NULL DEFAULT true,
    -- Sessions carry the number they were opened with; a higher one here ends them all.
    ADD COLUMN session_epoch integer NOT NULL DEFAULT 0,
    ADD COLUMN last_signed_in_at timestamptz;

CREATE TABLE invitations (
    id uuid PRIMARY KEY,
    merchant_id uuid NOT NULL REFERENCES merchants,
    email text NOT NULL,
    role text NOT NULL CHECK (role IN ('owner', 'developer', 'support', 'read_only')),
    token_hash bytea NOT NULL UNIQUE,
    invited_by uuid NOT NULL REFERENCES users,
    expires_at timestamptz NOT NULL,
    accepted_at timestamptz,
    withdrawn_at timestamptz,
    created_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX invitations_one_open ON invitations (merchant_id, email)
    WHERE accepted_at IS NULL AND withdrawn_at IS NULL;
CREATE INDEX invitations_invited_by ON invitations (invited_by);

-- The audit trail is read in pages that go on after a row.
DROP INDEX audit_logs_merchant;
CREATE INDEX audit_logs_merchant ON audit_logs (merchant_id, created_at DESC, id DESC);
