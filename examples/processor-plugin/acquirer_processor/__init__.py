"""An example of a payment processor for the gateway."""
