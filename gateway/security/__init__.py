"""Credentials, sealed values, signatures and the guard of outgoing requests."""
