"""Postgres: the pool, migrations, the journal's statements and the queries."""
