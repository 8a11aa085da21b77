"""Sums for the dashboard, by quarter of an hour, made anew from what has happened since.

Every change of a payment or refund leaves an event, so the quarters to look at again are those of
the payments and refunds that events since the last time name. What is stored is what a quarter is,
never a difference, so to do it twice does no harm.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import asyncpg

from gateway.storage.journal import Connection

__all__ = ["FAILURES", "PAYMENTS", "REFUNDS", "fold", "prepare_search"]

_LOCK = 0x7375_6D73  # "sums": of no meaning but to be nobody else's
_UNTIL_LOCKED_MILLISECONDS = 100

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)

PAYMENTS = """currency, method, count(*) AS payments,
       count(*) FILTER (WHERE status = 'success') AS succeeded,
       count(*) FILTER (WHERE status = 'failed') AS failed,
       coalesce(sum(amount) FILTER (WHERE status = 'success'), 0)::bigint AS amount"""
"""The sums over payments; grouped by currency and method."""
REFUNDS = "currency, count(*) AS refunds, sum(amount)::bigint AS amount"
"""The sums over refunds that have not failed; grouped by currency."""
FAILURES = "coalesce(error_reason, error_code, 'unknown') AS reason, count(*) AS payments"
"""The sums over failed payments; grouped by reason."""

_STATE = "SELECT settled_until FROM summary_state"
_SETTLE = """
INSERT INTO summary_state (settled_until) VALUES ($1)
ON CONFLICT (single) DO UPDATE SET settled_until = excluded.settled_until
"""
_EARLIEST_EVENT = "SELECT min(created_at) FROM events WHERE created_at >= $1"

# The names in these are our own.
_CHANGED = """
SELECT DISTINCT {table}.merchant_id, {table}.mode,
       date_bin('15 minutes', {table}.created_at, 'epoch') AS quarter
FROM events JOIN {table} ON {table}.id = events.{column}
WHERE events.created_at >= $1 AND events.created_at < $2 {condition}
"""
_STORE = """
INSERT INTO {sums}
SELECT changed.merchant_id, changed.mode, changed.quarter, summed.*
FROM unnest($1::uuid[], $2::text[], $3::timestamptz[]) AS changed(merchant_id, mode, quarter)
CROSS JOIN LATERAL (
    SELECT {columns} FROM {table}
    WHERE merchant_id = changed.merchant_id AND mode = changed.mode
      AND created_at >= changed.quarter
      AND created_at < changed.quarter + interval '15 minutes' {condition}
    GROUP BY {groups}) AS summed
"""
_CLEAR = """
DELETE FROM {sums} USING unnest($1::uuid[], $2::text[], $3::timestamptz[])
    AS changed(merchant_id, mode, quarter)
WHERE {sums}.merchant_id = changed.merchant_id AND {sums}.mode = changed.mode
  AND {sums}.quarter = changed.quarter
"""
_SOURCES = (
    ("payments", "payment_id", "AND events.refund_id IS NULL"),
    ("refunds", "refund_id", ""),
)
_SUMS = (
    ("payment_quarters", "payments", PAYMENTS, "", "1, 2"),
    ("failure_quarters", "payments", FAILURES, "AND status = 'failed'", "1"),
    ("refund_quarters", "refunds", REFUNDS, "AND status <> 'failed'", "1"),
)


async def fold(
    connection: Connection, now: datetime, *, lag_seconds: float, slice_seconds: float
) -> bool:
    """Bring the sums up to date by one slice of events; whether there is more to do at once.

    An event becomes visible some time after its stamp, so those of the last `lag_seconds` are
    looked at again the next time. Of several processes one does it, the others return at once.
    """
    async with connection.transaction():
        if not await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", _LOCK):
            return False
        settled = await connection.fetchval(_STATE) or _BEGINNING
        earliest = await connection.fetchval(_EARLIEST_EVENT, settled)
        if earliest is None:
            return False
        surely = now - timedelta(seconds=lag_seconds)
        until = earliest + timedelta(seconds=slice_seconds)
        more: bool = until < surely
        if not more:
            until = now + timedelta(seconds=1)
        for table, column, condition in _SOURCES:
            statement = _CHANGED.format(table=table, column=column, condition=condition)
            await _store(connection, table, await connection.fetch(statement, settled, until))
        await connection.execute(_SETTLE, max(settled, min(until, surely)))
    return more


async def prepare_search(connection: Connection) -> None:
    """Summarise what was added to the search indexes: until then it is searched row by row.

    Autovacuum does it too, but comes by more rarely. Where it is at work, it is left alone.
    """
    for index in ("payments_search", "orders_search", "events_order", "events_created"):
        try:
            async with connection.transaction():
                # Shorter than deadlock_timeout, after which a waiting lock ends autovacuum.
                await connection.execute(f"SET LOCAL lock_timeout = {_UNTIL_LOCKED_MILLISECONDS}")
                await connection.execute("SELECT brin_summarize_new_values($1::regclass)", index)
        except asyncpg.LockNotAvailableError:
            continue


async def _store(connection: Connection, table: str, changed: list[asyncpg.Record]) -> None:
    if not changed:
        return
    places = [list(column) for column in zip(*changed, strict=True)]
    for sums, source, columns, condition, groups in _SUMS:
        if source == table:
            await connection.execute(_CLEAR.format(sums=sums), *places)
            await connection.execute(
                _STORE.format(
                    sums=sums, table=table, columns=columns, condition=condition, groups=groups
                ),
                *places,
            )
