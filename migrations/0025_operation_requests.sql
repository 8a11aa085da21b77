-- Which request an operation began with, and the processor's reason where it failed, in our words.
ALTER TABLE operations ADD COLUMN request_id text, ADD COLUMN error_reason text;
