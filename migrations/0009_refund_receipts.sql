-- What the merchant calls a refund, as it may an order.
ALTER TABLE refunds ADD COLUMN receipt text;
