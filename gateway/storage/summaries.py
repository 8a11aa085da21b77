"""Sums for the dashboard: quarters of an hour, made anew from what has happened since.

Every change of a payment or refund leaves an event, so the quarters to look at again are those of
the payments and refunds that events since the last time name. What is stored is what a quarter is,
never a difference, so to do it twice does no harm. Hours and six hours are added up from them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

import asyncpg

from gateway.storage.journal import Connection
from gateway.storage.processor_sums import fold_processors
from gateway.storage.spans import BEGINNING, PLACES, SPANS_MINUTES, Place, columns_of, wider

__all__ = ["PAYMENTS", "REFUNDS", "fold", "prepare_search"]

_LOCK = 0x7375_6D73  # "sums": of no meaning but to be nobody else's
_UNTIL_LOCKED_MILLISECONDS = 100

PAYMENTS = """
SELECT 'payment', currency, method, count(*), count(*) FILTER (WHERE status = 'success'),
       count(*) FILTER (WHERE status = 'failed'),
       coalesce(sum(amount) FILTER (WHERE status = 'success'), 0)
FROM payments WHERE {quarter} GROUP BY currency, method
UNION ALL
SELECT 'failure', coalesce(error_reason, error_code, 'unknown'), '', count(*), 0, 0, 0
FROM payments WHERE {quarter} AND status = 'failed' GROUP BY 2
"""
"""The sums over a quarter's payments: kind, name, method, entries, succeeded, failed, amount."""
REFUNDS = """
SELECT 'refund', currency, '', count(*), 0, 0, sum(amount)
FROM refunds WHERE {quarter} AND status <> 'failed' GROUP BY currency
"""
"""The same over its refunds that have not failed."""

_STATE = "SELECT settled_until FROM summary_state"
_SETTLE = """
INSERT INTO summary_state (settled_until) VALUES ($1)
ON CONFLICT (single) DO UPDATE SET settled_until = excluded.settled_until
"""
_EARLIEST_EVENT = "SELECT min(created_at) FROM events WHERE created_at >= $1"

# The names in these are our own.
_CHANGED = """
SELECT DISTINCT {table}.merchant_id, {table}.mode,
       date_bin('15 minutes', {table}.created_at, 'epoch') AS since
FROM events JOIN {table} ON {table}.id = events.{column}
WHERE events.created_at >= $1 AND events.created_at < $2 {condition}
"""
_QUARTER = """
merchant_id = changed.merchant_id AND mode = changed.mode
AND created_at >= changed.since AND created_at < changed.since + interval '15 minutes'
"""
_STORE = """
INSERT INTO sums
SELECT changed.merchant_id, changed.mode, 15, changed.since, summed.*
FROM {places} CROSS JOIN LATERAL ({sums}) AS summed
"""
_CLEAR = """
DELETE FROM sums USING {places}
WHERE sums.merchant_id = changed.merchant_id AND sums.mode = changed.mode
  AND sums.minutes = $4 AND sums.since = changed.since AND sums.kind = ANY($5::text[])
"""
_ADD_UP = """
INSERT INTO sums
SELECT changed.merchant_id, changed.mode, {minutes}, changed.since, summed.*
FROM {places} CROSS JOIN LATERAL (
    SELECT kind, name, method, sum(entries), sum(succeeded), sum(failed), sum(amount) FROM sums
    WHERE merchant_id = changed.merchant_id AND mode = changed.mode AND minutes = {part}
      AND since >= changed.since AND since < changed.since + interval '{minutes} minutes'
    GROUP BY kind, name, method) AS summed
"""
_PAYMENT_KINDS = ("payment", "failure")
_REFUND_KINDS = ("refund",)
_SOURCES = (
    ("payments", "payment_id", "AND events.refund_id IS NULL", PAYMENTS, _PAYMENT_KINDS),
    ("refunds", "refund_id", "", REFUNDS, _REFUND_KINDS),
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
        settled = await connection.fetchval(_STATE) or BEGINNING
        earliest = await connection.fetchval(_EARLIEST_EVENT, settled)
        if earliest is None:
            return False
        surely = now - timedelta(seconds=lag_seconds)
        until = earliest + timedelta(seconds=slice_seconds)
        more: bool = until < surely
        if not more:
            until = now + timedelta(seconds=1)
        places: set[Place] = set()
        for table, column, condition, sums, kinds in _SOURCES:
            statement = _CHANGED.format(table=table, column=column, condition=condition)
            changed = [tuple(row) for row in await connection.fetch(statement, settled, until)]
            await _store(connection, sums, kinds, changed)
            if table == "payments":
                await fold_processors(connection, changed)
            places |= set(changed)
        await _add_up(connection, places)
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


async def _store(
    connection: Connection, sums: str, kinds: Sequence[str], changed: Collection[Place]
) -> None:
    """Make the sums of these kinds anew for the quarters that have changed."""
    if not changed:
        return
    places = columns_of(changed)
    await connection.execute(_CLEAR.format(places=PLACES), *places, SPANS_MINUTES[0], kinds)
    summed = sums.format(quarter=_QUARTER)
    await connection.execute(_STORE.format(places=PLACES, sums=summed), *places)


async def _add_up(connection: Connection, changed: Collection[Place]) -> None:
    """Make the hours and six hours anew that these quarters are in."""
    if not changed:
        return
    for part, minutes in pairwise(SPANS_MINUTES):
        places = columns_of(wider(changed, minutes))
        kinds = [*_PAYMENT_KINDS, *_REFUND_KINDS]
        await connection.execute(_CLEAR.format(places=PLACES), *places, minutes, kinds)
        statement = _ADD_UP.format(places=PLACES, minutes=minutes, part=part)
        await connection.execute(statement, *places)
