-- What a merchant's checkout looks like. A short text for the colour, an address or a data: URL for
-- the logo: no binary data, the page shows it as it is.

ALTER TABLE merchants
    ADD COLUMN brand_color text CHECK (brand_color ~ '^#[0-9a-f]{6}$'),
    ADD COLUMN logo_url text CHECK (length(logo_url) <= 32768);
