"""Redis: job streams, the schedule's index, sealed card data, news between processes.

Postgres is the truth. Everything here but sealed card data can be rebuilt from it.
"""
