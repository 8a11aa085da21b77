"""What every page of the gateway is made with: templates, assets, texts, formats, headers."""
