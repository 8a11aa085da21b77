-- Which key took a key's place. The old one holds until it expires.
ALTER TABLE api_keys ADD COLUMN replaced_by text REFERENCES api_keys;
