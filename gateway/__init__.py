"""A payment gateway in one process."""
