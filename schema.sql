-- The full current schema. migrations/ applied in order give the same; a test compares them.
-- Amounts are integers in the currency's minor unit. Times are stamped by the gateway's clock.

CREATE TABLE gateway_state (
    name text PRIMARY KEY,
    value bytea NOT NULL
);

CREATE TABLE merchants (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    email text NOT NULL UNIQUE,
    active boolean NOT NULL DEFAULT true,
    default_capture text NOT NULL DEFAULT 'manual' CHECK (default_capture IN ('manual', 'automatic')),
    enabled_methods text[] NOT NULL DEFAULT '{upi,card,netbanking,wallet}',
    allowed_origins text[] NOT NULL DEFAULT '{}',
    return_url text,
    api_version text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    brand_color text CHECK (brand_color ~ '^#[0-9a-f]{6}$'),
    logo_url text CHECK (length(logo_url) <= 32768)
);

CREATE TABLE users (
    id uuid PRIMARY KEY,
    merchant_id uuid REFERENCES merchants,
    email text NOT NULL UNIQUE,
    password_hash text NOT NULL,
    role text NOT NULL CHECK (role IN ('owner', 'developer', 'support', 'read_only', 'operator')),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    name text NOT NULL DEFAULT '',
    active boolean NOT NULL DEFAULT true,
    -- Sessions carry the number they were opened with; a higher one here ends them all.
    session_epoch integer NOT NULL DEFAULT 0,
    last_signed_in_at timestamptz
);
CREATE INDEX users_merchant ON users (merchant_id);

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

CREATE TABLE api_keys (
    id text PRIMARY KEY,
    merchant_id uuid NOT NULL REFERENCES merchants,
    mode text NOT NULL CHECK (mode IN ('test', 'live')),
    role text NOT NULL CHECK (role IN ('full', 'read_only', 'restricted')),
    permissions text[] NOT NULL DEFAULT '{}',
    secret_hash bytea NOT NULL,
    secret_sealed bytea NOT NULL,
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used_at timestamptz,
    created_at timestamptz NOT NULL,
    replaced_by text REFERENCES api_keys
);
CREATE INDEX api_keys_merchant ON api_keys (merchant_id, mode, created_at);

-- Merchants' own accounts at processors.
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

CREATE TABLE orders (
    id text PRIMARY KEY,
    merchant_id uuid NOT NULL REFERENCES merchants,
    mode text NOT NULL CHECK (mode IN ('test', 'live')),
    amount bigint NOT NULL CHECK (amount > 0),
    amount_paid bigint NOT NULL DEFAULT 0 CHECK (amount_paid BETWEEN 0 AND amount),
    currency text NOT NULL CHECK (length(currency) = 3),
    receipt text,
    notes text NOT NULL DEFAULT '{}',
    customer_id text,
    status text NOT NULL CHECK (status IN ('created', 'attempted', 'paid', 'cancelled', 'expired')),
    capture text NOT NULL CHECK (capture IN ('manual', 'automatic')),
    attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    expires_at timestamptz,
    return_url text,
    version integer NOT NULL CHECK (version > 0),
    last_unit_id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    bill_id text
) WITH (fillfactor = 70);
CREATE INDEX orders_bill ON orders (bill_id) WHERE bill_id IS NOT NULL;
CREATE INDEX orders_merchant ON orders (merchant_id, mode, created_at DESC, id DESC);
CREATE INDEX orders_expiring ON orders (expires_at)
    WHERE expires_at IS NOT NULL AND status IN ('created', 'attempted');

CREATE TABLE payments (
    id text PRIMARY KEY,
    order_id text NOT NULL REFERENCES orders,
    merchant_id uuid NOT NULL,
    mode text NOT NULL CHECK (mode IN ('test', 'live')),
    amount bigint NOT NULL CHECK (amount > 0),
    currency text NOT NULL CHECK (length(currency) = 3),
    method text NOT NULL,
    vpa text,
    bank text,
    wallet text,
    card_network text,
    card_last4 text CHECK (length(card_last4) = 4),
    card_expiry_month smallint,
    card_expiry_year smallint,
    payer_name text,
    payer_email text,
    payer_contact text,
    notes text NOT NULL DEFAULT '{}',
    capture text NOT NULL CHECK (capture IN ('manual', 'automatic')),
    status text NOT NULL CHECK (status IN (
        'pending', 'processing', 'requires_action', 'unknown', 'success', 'failed', 'cancelled',
        'expired')),
    amount_authorized bigint NOT NULL DEFAULT 0,
    amount_captured bigint NOT NULL DEFAULT 0,
    amount_capture_pending bigint NOT NULL DEFAULT 0,
    amount_released bigint NOT NULL DEFAULT 0,
    amount_refunded bigint NOT NULL DEFAULT 0,
    amount_refund_pending bigint NOT NULL DEFAULT 0,
    processor text NOT NULL,
    processor_reference text,
    error_code text,
    error_description text,
    error_reason text,
    next_action text,
    action_deadline timestamptz,
    capture_expires_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    -- What the merchant pays for it; the tax is a part of the fee.
    fee bigint NOT NULL DEFAULT 0,
    tax bigint NOT NULL DEFAULT 0,
    -- The customer who pays, the token that was charged or that came of it, what the processor calls
    -- the card that was charged, and whether the card is to be kept.
    customer_id text,
    token_id text,
    stored_reference text,
    save boolean NOT NULL DEFAULT false,
    -- What disputes have set aside or taken.
    amount_disputed bigint NOT NULL DEFAULT 0
        CONSTRAINT payments_disputed_not_negative CHECK (amount_disputed >= 0),
    -- The processors that are still to be tried when its own surely did nothing, in order.
    route text[] NOT NULL DEFAULT '{}',
    -- Null: the gateway's own account.
    processor_account_id uuid REFERENCES processor_accounts,
    CONSTRAINT payments_tax_within_fee CHECK (tax BETWEEN 0 AND fee),
    CONSTRAINT payments_not_negative CHECK (
        least(amount_authorized, amount_captured, amount_capture_pending, amount_released,
              amount_refunded, amount_refund_pending) >= 0),
    CONSTRAINT payments_authorized_within_amount CHECK (amount_authorized <= amount),
    CONSTRAINT payments_captured_within_authorized CHECK (
        amount_captured + amount_capture_pending + amount_released <= amount_authorized),
    CONSTRAINT payments_refunded_within_captured CHECK (
        amount_refunded + amount_refund_pending + amount_disputed <= amount_captured)
) WITH (fillfactor = 70);
CREATE INDEX payments_order ON payments (order_id);
CREATE INDEX payments_merchant ON payments (merchant_id, mode, created_at DESC, id DESC);
CREATE UNIQUE INDEX payments_one_alive_per_order ON payments (order_id)
    WHERE status IN ('pending', 'processing', 'requires_action', 'unknown', 'success');
-- What the dashboard's list is filtered by; approved payments, which are most, cost nothing.
CREATE INDEX payments_unsuccessful ON payments (merchant_id, mode, status, created_at DESC, id DESC)
    WHERE status IN ('requires_action', 'unknown', 'failed', 'cancelled', 'expired');
CREATE INDEX payments_expiring ON payments (capture_expires_at)
    WHERE capture_expires_at IS NOT NULL;
CREATE INDEX payments_processor_account ON payments (processor_account_id)
    WHERE processor_account_id IS NOT NULL;

CREATE TABLE refunds (
    id text PRIMARY KEY,
    payment_id text NOT NULL REFERENCES payments,
    order_id text NOT NULL,
    merchant_id uuid NOT NULL,
    mode text NOT NULL CHECK (mode IN ('test', 'live')),
    amount bigint NOT NULL CHECK (amount > 0),
    currency text NOT NULL CHECK (length(currency) = 3),
    reason text,
    notes text NOT NULL DEFAULT '{}',
    status text NOT NULL CHECK (status IN ('pending', 'processing', 'processed', 'failed')),
    error_description text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    processed_at timestamptz,
    receipt text
);
CREATE INDEX refunds_payment ON refunds (payment_id);
CREATE INDEX refunds_merchant ON refunds (merchant_id, mode, created_at DESC, id DESC);

-- What is asked of a processor, committed before it is asked.
CREATE TABLE operations (
    id text PRIMARY KEY,
    payment_id text NOT NULL REFERENCES payments,
    order_id text NOT NULL,
    refund_id text REFERENCES refunds,
    kind text NOT NULL CHECK (kind IN (
        'charge', 'authorize', 'capture', 'void', 'refund', 'release')),
    purpose text NOT NULL CHECK (purpose IN (
        'payment', 'capture', 'cancel', 'cancel_order', 'expire', 'refund', 'reversal')),
    amount bigint NOT NULL CHECK (amount > 0),
    state text NOT NULL CHECK (state IN ('open', 'unknown', 'done', 'failed')),
    lookups smallint NOT NULL DEFAULT 0,
    due_at timestamptz,
    enqueued_at timestamptz,
    surface text,
    error_code text,
    error_description text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    request_id text,
    error_reason text,
    retries smallint NOT NULL DEFAULT 0,
    -- The attempt that a reversal gives back.
    reverses text
) WITH (fillfactor = 70);
CREATE INDEX operations_payment ON operations (payment_id);
CREATE INDEX operations_refund ON operations (refund_id) WHERE refund_id IS NOT NULL;
CREATE INDEX operations_due ON operations (due_at) WHERE state IN ('open', 'unknown');
CREATE UNIQUE INDEX operations_one_open_per_payment ON operations (payment_id)
    WHERE state IN ('open', 'unknown') AND kind IN ('charge', 'authorize', 'capture', 'void')
        AND purpose <> 'reversal';
CREATE INDEX operations_reverses ON operations (reverses) WHERE reverses IS NOT NULL;

-- One go at an operation. The id is the reference that the processor knows it by.
CREATE TABLE attempts (
    id text PRIMARY KEY,
    operation_id text NOT NULL REFERENCES operations,
    payment_id text NOT NULL,
    order_id text NOT NULL,
    number smallint NOT NULL,
    state text NOT NULL CHECK (state IN (
        'sent', 'resumed', 'requires_action', 'unknown', 'approved', 'declined', 'failed')),
    sent_at timestamptz NOT NULL,
    lease_until timestamptz NOT NULL,
    finished_at timestamptz,
    processor_reference text,
    reason text,
    -- Null: the payment's, of attempts from before payments could go to another. The account is the
    -- merchant's own, null the gateway's.
    processor text,
    processor_account_id uuid,
    CONSTRAINT attempts_number UNIQUE (operation_id, number)
) WITH (fillfactor = 70);
CREATE INDEX attempts_failed ON attempts (payment_id) WHERE state = 'failed';
CREATE INDEX attempts_leased ON attempts (lease_until) WHERE state IN ('sent', 'resumed');
-- Processors that do not repeat our reference are known by theirs; asked for seldom, written often.
CREATE INDEX attempts_processor_reference ON attempts USING brin (
    processor_reference text_bloom_ops) WITH (pages_per_range = 32);

CREATE TABLE events (
    id text PRIMARY KEY,
    merchant_id uuid NOT NULL,
    mode text NOT NULL CHECK (mode IN ('test', 'live')),
    type text NOT NULL,
    order_id text,
    payment_id text,
    refund_id text,
    body bytea,
    request_id text,
    created_at timestamptz NOT NULL
);
CREATE INDEX events_merchant ON events (merchant_id, mode, created_at DESC, id DESC);
CREATE INDEX events_created ON events USING brin (created_at);

CREATE TABLE webhook_endpoints (
    id text PRIMARY KEY,
    merchant_id uuid NOT NULL REFERENCES merchants,
    mode text NOT NULL CHECK (mode IN ('test', 'live')),
    url text,
    description text,
    events text[] NOT NULL DEFAULT '{}',
    format text NOT NULL DEFAULT 'gateway' CHECK (format IN ('gateway', 'razorpay')),
    secret_sealed bytea NOT NULL,
    previous_secret_sealed bytea,
    previous_secret_expires_at timestamptz,
    active boolean NOT NULL DEFAULT true,
    is_default boolean NOT NULL DEFAULT false,
    disabled_reason text,
    failing_since timestamptz,
    deleted_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    -- The default endpoint keeps its secret while no URL is set.
    CONSTRAINT webhook_endpoints_active_has_url CHECK (url IS NOT NULL OR NOT active)
);
CREATE INDEX webhook_endpoints_merchant ON webhook_endpoints (merchant_id, mode)
    WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX webhook_endpoints_one_default ON webhook_endpoints (merchant_id, mode)
    WHERE is_default AND deleted_at IS NULL;

-- A delivery: one event on its way to one endpoint.
CREATE TABLE webhook_logs (
    id uuid PRIMARY KEY,
    merchant_id uuid NOT NULL,
    mode text NOT NULL CHECK (mode IN ('test', 'live')),
    event_id text NOT NULL REFERENCES events ON DELETE CASCADE,
    endpoint_id text NOT NULL REFERENCES webhook_endpoints,
    event text NOT NULL,
    status text NOT NULL CHECK (status IN ('pending', 'success', 'failed')),
    attempts smallint NOT NULL DEFAULT 0,
    next_retry_at timestamptz,
    last_attempt_at timestamptz,
    response_code integer,
    created_at timestamptz NOT NULL,
    api_version text
) WITH (fillfactor = 70);
CREATE INDEX webhook_logs_merchant ON webhook_logs (merchant_id, mode, created_at DESC, id DESC);
CREATE INDEX webhook_logs_event ON webhook_logs (event_id);
CREATE INDEX webhook_logs_endpoint ON webhook_logs (endpoint_id) WHERE status = 'pending';
CREATE INDEX webhook_logs_due ON webhook_logs (next_retry_at) WHERE status = 'pending';

CREATE TABLE webhook_attempts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    delivery_id uuid NOT NULL REFERENCES webhook_logs ON DELETE CASCADE,
    number smallint NOT NULL,
    requested_at timestamptz NOT NULL,
    duration_milliseconds integer NOT NULL,
    response_code integer,
    response_body text,
    error text
);
CREATE INDEX webhook_attempts_delivery ON webhook_attempts (delivery_id);

CREATE TABLE dead_letters (
    id uuid PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('webhook', 'job', 'notification')),
    subject_id text NOT NULL,
    merchant_id uuid,
    mode text CHECK (mode IN ('test', 'live')),
    reason text NOT NULL,
    created_at timestamptz NOT NULL,
    resolved_at timestamptz
);
CREATE INDEX dead_letters_open ON dead_letters (created_at) WHERE resolved_at IS NULL;
CREATE INDEX dead_letters_subject ON dead_letters (subject_id);

CREATE TABLE idempotency_keys (
    scope text NOT NULL,
    key text NOT NULL,
    fingerprint bytea NOT NULL,
    surface text NOT NULL,
    operation_id text,
    status smallint,
    body bytea,
    sealed boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (scope, key)
);
CREATE INDEX idempotency_keys_expiring ON idempotency_keys (expires_at);
CREATE INDEX idempotency_keys_operation ON idempotency_keys (operation_id)
    WHERE operation_id IS NOT NULL;

CREATE TABLE audit_logs (
    id uuid PRIMARY KEY,
    merchant_id uuid,
    mode text CHECK (mode IN ('test', 'live')),
    actor text NOT NULL,
    action text NOT NULL,
    subject_id text,
    details text NOT NULL DEFAULT '{}',
    request_id text,
    address text,
    created_at timestamptz NOT NULL
);
CREATE INDEX audit_logs_merchant ON audit_logs (merchant_id, created_at DESC, id DESC);

-- The simulated bank's own books: what it says it did is what tests compare with our own.
CREATE TABLE simulator_transactions (
    reference text PRIMARY KEY,
    sequence bigint GENERATED ALWAYS AS IDENTITY,
    kind text NOT NULL CHECK (kind IN ('charge', 'authorize', 'capture', 'refund', 'void')),
    outcome text NOT NULL CHECK (outcome IN ('approved', 'declined', 'requires_action')),
    reason text,
    payment_id text NOT NULL,
    refund_id text,
    original text,
    amount bigint NOT NULL CHECK (amount > 0),
    currency text NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX simulator_ledger ON simulator_transactions (sequence) WHERE outcome = 'approved';
CREATE INDEX simulator_transactions_original ON simulator_transactions (original)
    WHERE original IS NOT NULL;

-- What the dashboard searches by. A block range index costs an insert next to nothing.
CREATE INDEX payments_search ON payments USING brin (
    amount int8_bloom_ops, lower(payer_email) text_bloom_ops, card_last4 text_bloom_ops)
    WITH (pages_per_range = 16);
CREATE INDEX orders_search ON orders USING brin (receipt text_bloom_ops, amount int8_bloom_ops)
    WITH (pages_per_range = 16);
CREATE INDEX events_order ON events USING brin (order_id text_bloom_ops)
    WITH (pages_per_range = 32);

-- Sums by quarter of an hour, hour and six hours (`minutes`): a day of any time zone is a few of
-- each. `name` is a currency, of failures the reason; only payments have a method, succeed and fail.
-- Amounts of payments are those of the ones that stand approved.
CREATE TABLE sums (
    merchant_id uuid NOT NULL,
    mode text NOT NULL CHECK (mode IN ('test', 'live')),
    minutes smallint NOT NULL CHECK (minutes IN (15, 60, 360)),
    since timestamptz NOT NULL,
    kind text NOT NULL CHECK (kind IN ('payment', 'refund', 'failure')),
    name text NOT NULL,
    method text NOT NULL,
    entries integer NOT NULL,
    succeeded integer NOT NULL,
    failed integer NOT NULL,
    amount bigint NOT NULL,
    PRIMARY KEY (merchant_id, mode, minutes, since, kind, name, method)
);

-- How payments did at each processor, by the spans of the sums; a payment that failed has its reason.
CREATE TABLE processor_sums (
    merchant_id uuid NOT NULL,
    mode text NOT NULL CHECK (mode IN ('test', 'live')),
    minutes smallint NOT NULL CHECK (minutes IN (15, 60, 360)),
    since timestamptz NOT NULL,
    processor text NOT NULL,
    reason text NOT NULL,
    entries integer NOT NULL,
    succeeded integer NOT NULL,
    not_reached integer NOT NULL DEFAULT 0,
    PRIMARY KEY (merchant_id, mode, minutes, since, processor, reason)
);

-- Everything that happened before `settled_until` is in the sums; what happened since may be.
CREATE TABLE summary_state (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    settled_until timestamptz NOT NULL
);

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
    processor_account_id uuid REFERENCES processor_accounts,
    CONSTRAINT tokens_deleted_is_nothing CHECK (
        (state = 'deleted') = (reference IS NULL)
        AND (state <> 'deleted' OR (card_last4 IS NULL AND card_expiry_month IS NULL))),
    CONSTRAINT tokens_due_while_deleting CHECK ((state = 'deleting') = (due_at IS NOT NULL))
);
CREATE INDEX tokens_customer ON tokens (customer_id, created_at DESC, id DESC)
    WHERE state = 'active';
CREATE INDEX tokens_deleting ON tokens (due_at) WHERE state = 'deleting';
CREATE INDEX tokens_processor_account ON tokens (processor_account_id)
    WHERE processor_account_id IS NOT NULL;

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

-- A shopper's bank wants the money of a payment back.
CREATE TABLE disputes (
    id text PRIMARY KEY,
    payment_id text NOT NULL REFERENCES payments,
    order_id text NOT NULL,
    merchant_id uuid NOT NULL,
    mode text NOT NULL CHECK (mode IN ('test', 'live')),
    amount bigint NOT NULL CHECK (amount > 0),
    amount_deducted bigint NOT NULL,
    currency text NOT NULL CHECK (length(currency) = 3),
    phase text NOT NULL CHECK (phase IN (
        'fraud', 'retrieval', 'chargeback', 'pre_arbitration', 'arbitration')),
    reason_code text NOT NULL,
    status text NOT NULL CHECK (status IN ('open', 'under_review', 'won', 'lost', 'closed')),
    respond_by timestamptz NOT NULL,
    summary text,
    submitted_at timestamptz,
    decided_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT disputes_deducted_when_lost CHECK (
        amount_deducted = CASE status WHEN 'lost' THEN amount ELSE 0 END)
);
CREATE INDEX disputes_payment ON disputes (payment_id);
CREATE INDEX disputes_merchant ON disputes (merchant_id, mode, created_at DESC, id DESC);
CREATE INDEX disputes_expiring ON disputes (respond_by) WHERE status = 'open';
CREATE INDEX disputes_under_review ON disputes (submitted_at) WHERE status = 'under_review';

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

-- Which processors a merchant's payments go to.
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
