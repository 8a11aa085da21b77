-- Attempts that surely did nothing, by processor: the payment may have gone to another since.
ALTER TABLE processor_sums ADD COLUMN not_reached integer NOT NULL DEFAULT 0;
CREATE INDEX attempts_failed ON attempts (payment_id) WHERE state = 'failed';
