-- The dashboard's list of payments by a status that few have.
CREATE INDEX payments_unsuccessful ON payments (merchant_id, mode, status, created_at DESC, id DESC)
    WHERE status IN ('requires_action', 'unknown', 'failed', 'cancelled', 'expired');
