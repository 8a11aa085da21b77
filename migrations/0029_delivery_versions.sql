-- The version that the merchant was pinned to when the event was made; NULL while there was only one.
ALTER TABLE webhook_logs ADD COLUMN api_version text;
