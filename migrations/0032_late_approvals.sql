-- Approvals of attempts that newer ones have replaced: each is given back under its own name.

-- The attempt that a reversal gives back.
ALTER TABLE operations ADD COLUMN reverses text;
CREATE INDEX operations_reverses ON operations (reverses) WHERE reverses IS NOT NULL;

-- What is given back is not the payment's, and keeps nothing of it from beginning.
DROP INDEX operations_one_open_per_payment;
CREATE UNIQUE INDEX operations_one_open_per_payment ON operations (payment_id)
    WHERE state IN ('open', 'unknown') AND kind IN ('charge', 'authorize', 'capture', 'void')
        AND purpose <> 'reversal';
