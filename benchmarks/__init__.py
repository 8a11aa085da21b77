"""What the gateway does in a second and in a megabyte, beside references that do less."""
