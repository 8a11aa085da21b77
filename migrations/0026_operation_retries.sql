-- How often an operation that surely failed was to be sent again: attempts that a circuit breaker
-- refused, and those at other processors, do not count.

ALTER TABLE operations ADD COLUMN retries smallint NOT NULL DEFAULT 0;
