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
    PRIMARY KEY (merchant_id, mode, minutes, since, processor, reason)
);

-- What is shown are thirty days: they are summed up anew.
UPDATE summary_state SET settled_until = settled_until - interval '31 days';
