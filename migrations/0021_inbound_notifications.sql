-- What processors send by themselves, kept until it was handled.

CREATE TABLE inbound_notifications (
    id uuid PRIMARY KEY,
    processor text NOT NULL,
    -- Whose own account at the processor sent it; all null: the gateway's.
    merchant_id uuid,
    mode text CHECK (mode IN ('test', 'live')),
    account_id uuid,
    notification_id text NOT NULL,
    kind text NOT NULL,
    reference text,
    body bytea NOT NULL,
    state text NOT NULL CHECK (state IN ('pending', 'done', 'ignored', 'failed')),
    tries smallint NOT NULL DEFAULT 0,
    due_at timestamptz,
    reason text,
    payment_id text,
    attempt_id text,
    received_at timestamptz NOT NULL,
    finished_at timestamptz,
    CONSTRAINT inbound_notifications_due CHECK ((state = 'pending') = (due_at IS NOT NULL)),
    CONSTRAINT inbound_notifications_once
        UNIQUE NULLS NOT DISTINCT (processor, account_id, notification_id)
);
CREATE INDEX inbound_notifications_pending ON inbound_notifications (processor, due_at)
    WHERE state = 'pending';
CREATE INDEX inbound_notifications_received ON inbound_notifications (received_at, id);
CREATE INDEX inbound_notifications_payment ON inbound_notifications (payment_id)
    WHERE payment_id IS NOT NULL;

-- Processors that do not repeat our reference are known by theirs; asked for seldom, written often.
CREATE INDEX attempts_processor_reference ON attempts USING brin (
    processor_reference text_bloom_ops) WITH (pages_per_range = 32);

ALTER TABLE dead_letters DROP CONSTRAINT dead_letters_kind_check;
ALTER TABLE dead_letters ADD CONSTRAINT dead_letters_kind_check
    CHECK (kind IN ('webhook', 'job', 'notification'));
