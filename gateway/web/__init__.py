"""HTTP: the merchant API, operations, and what stands around every handler."""
