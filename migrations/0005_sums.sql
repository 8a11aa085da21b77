-- All sums in one table, by quarter, hour and six hours: a day of any time zone is a few of each.
-- To begin with they are as old as the quarters they are made of.
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

INSERT INTO sums
SELECT merchant_id, mode, 15, quarter, 'payment', currency, method, payments, succeeded, failed,
       amount
FROM payment_quarters
UNION ALL
SELECT merchant_id, mode, 15, quarter, 'refund', currency, '', refunds, 0, 0, amount
FROM refund_quarters
UNION ALL
SELECT merchant_id, mode, 15, quarter, 'failure', reason, '', payments, 0, 0, 0
FROM failure_quarters;

INSERT INTO sums
SELECT merchant_id, mode, span.minutes,
       date_bin(make_interval(mins => span.minutes), since, 'epoch'), kind, name, method,
       sum(entries), sum(succeeded), sum(failed), sum(amount)
FROM sums CROSS JOIN (VALUES (60), (360)) AS span(minutes)
GROUP BY 1, 2, 3, 4, 5, 6, 7;

DROP TABLE payment_quarters, refund_quarters, failure_quarters;
