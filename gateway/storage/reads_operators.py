"""What operators look at, of all merchants: unknown outcomes and open dead letters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from gateway.domain.jobs import Job, operation_job
from gateway.storage.journal import Connection

__all__ = [
    "DeadLetter",
    "UnknownOperation",
    "count_dead_letters",
    "count_not_given_back",
    "count_unknown",
    "find_dead_letter",
    "list_dead_letters",
    "list_unknown",
    "order_of_operation",
    "requeue_operation",
    "resolve_dead_letter",
]

_UNKNOWN = """
SELECT operations.id, operations.kind, operations.amount, payments.currency, operations.payment_id,
       coalesce(attempt.processor, payments.processor) AS processor, payments.mode,
       operations.lookups, operations.due_at, operations.created_at, attempt.id AS attempt_id,
       attempt.reason
FROM operations JOIN payments ON payments.id = operations.payment_id
LEFT JOIN LATERAL (
    SELECT id, processor, reason FROM attempts WHERE operation_id = operations.id
    ORDER BY number DESC LIMIT 1) AS attempt ON true
WHERE operations.state = 'unknown' ORDER BY operations.created_at LIMIT $1
"""
_COUNT_UNKNOWN = """
SELECT count(*) FROM (SELECT FROM operations WHERE state = 'unknown' LIMIT $1) AS counted
"""
_COUNT_NOT_GIVEN_BACK = """
SELECT count(*) FROM (
    SELECT FROM operations WHERE reverses IS NOT NULL AND state <> 'done' LIMIT $1) AS counted
"""
_LETTER = "id, kind, subject_id, merchant_id, mode, reason, created_at"
# Oldest first: what has waited longest. $2 is the letter that the page begins after.
_LETTERS = f"""
SELECT {_LETTER} FROM dead_letters
WHERE resolved_at IS NULL AND ($1::text IS NULL OR kind = $1)
  AND ($2::uuid IS NULL OR (created_at, id) > (SELECT created_at, id FROM dead_letters
                                               WHERE id = $2))
ORDER BY created_at, id LIMIT $3
"""  # noqa: S608 - our own names
_FIND_LETTER = f"""
SELECT {_LETTER} FROM dead_letters WHERE id = $1 AND resolved_at IS NULL FOR UPDATE
"""  # noqa: S608 - our own names
_COUNT_LETTERS = """
SELECT count(*) FROM (SELECT FROM dead_letters WHERE resolved_at IS NULL LIMIT $1) AS counted
"""
_RESOLVE_LETTER = "UPDATE dead_letters SET resolved_at = $2 WHERE id = $1"
# What has an outcome needs nobody to go on with it.
_REQUEUE = """
UPDATE operations SET enqueued_at = $2
WHERE id = $1 AND state IN ('open', 'unknown') RETURNING order_id, kind
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownOperation:
    """An operation whose outcome the processor has not told; `amount` in minor units.

    `attempt_id` is what the processor knows it by, `reason` why it is unknown. `due_at` is when it
    is asked again, None when it waits for an operator.
    """

    id: str
    kind: str
    amount: int
    currency: str
    payment_id: str
    processor: str
    mode: str
    lookups: int
    due_at: datetime | None
    created_at: datetime
    attempt_id: str | None
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """What was given up: a delivery (`webhook`) or an operation's job (`job`)."""

    id: UUID
    kind: str
    subject_id: str
    merchant_id: UUID | None
    mode: str | None
    reason: str
    created_at: datetime


async def list_unknown(connection: Connection, limit: int) -> Sequence[UnknownOperation]:
    """The operations of unknown outcome, oldest first, `limit` at most."""
    return [UnknownOperation(**dict(row)) for row in await connection.fetch(_UNKNOWN, limit)]


async def count_unknown(connection: Connection, limit: int) -> int:
    """How many operations have an unknown outcome, counted to `limit`."""
    count: int = await connection.fetchval(_COUNT_UNKNOWN, limit)
    return count


async def count_not_given_back(connection: Connection, limit: int) -> int:
    """How many late approvals have not been reversed, or could not be, counted to `limit`."""
    count: int = await connection.fetchval(_COUNT_NOT_GIVEN_BACK, limit)
    return count


async def order_of_operation(connection: Connection, operation_id: str) -> str | None:
    """The id of the order that an operation belongs to."""
    found: str | None = await connection.fetchval(
        "SELECT order_id FROM operations WHERE id = $1", operation_id
    )
    return found


async def list_dead_letters(
    connection: Connection, *, kind: str | None, after: UUID | None, limit: int
) -> Sequence[DeadLetter]:
    """Open dead letters, oldest first."""
    rows = await connection.fetch(_LETTERS, kind, after, limit)
    return [DeadLetter(**dict(row)) for row in rows]


async def count_dead_letters(connection: Connection, limit: int) -> int:
    """How many are open, counted to `limit`."""
    count: int = await connection.fetchval(_COUNT_LETTERS, limit)
    return count


async def find_dead_letter(connection: Connection, letter_id: UUID) -> DeadLetter | None:
    """An open one, locked until the transaction ends."""
    row = await connection.fetchrow(_FIND_LETTER, letter_id)
    return None if row is None else DeadLetter(**dict(row))


async def resolve_dead_letter(connection: Connection, letter_id: UUID, now: datetime) -> None:
    """Nobody needs to look at it any more."""
    await connection.execute(_RESOLVE_LETTER, letter_id, now)


async def requeue_operation(connection: Connection, operation_id: str, now: datetime) -> Job | None:
    """The job of an operation that has no outcome yet, None for one that has."""
    row = await connection.fetchrow(_REQUEUE, operation_id, now)
    return None if row is None else operation_job(row["kind"], row["order_id"], operation_id)
