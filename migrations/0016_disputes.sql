-- Disputes. Their money is set aside on the payment, so that it cannot be refunded meanwhile.

ALTER TABLE payments ADD COLUMN amount_disputed bigint NOT NULL DEFAULT 0
    CONSTRAINT payments_disputed_not_negative CHECK (amount_disputed >= 0);
ALTER TABLE payments DROP CONSTRAINT payments_refunded_within_captured;
ALTER TABLE payments ADD CONSTRAINT payments_refunded_within_captured CHECK (
    amount_refunded + amount_refund_pending + amount_disputed <= amount_captured);

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

-- Endpoints that wanted all that Razorpay knows of want these, too.
UPDATE webhook_endpoints
SET events = events || '{dispute.created,dispute.under_review,dispute.won,dispute.lost,dispute.closed}'
WHERE format = 'razorpay' AND events @>
    '{order.paid,payment.success,payment.captured,payment.failed,refund.created,refund.processed,refund.failed}';
