"""Deliveries: sent once more, many at once, or made for a test. In the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from gateway.domain.work import Event
from gateway.storage.journal import DELIVER, Connection
from gateway.storage.reads_pages import Scope
from gateway.storage.rows import EVENTS

__all__ = [
    "Replay",
    "count_replayable",
    "insert_event",
    "insert_test_delivery",
    "replay_deliveries",
    "retry_delivery",
]

_DELIVERY = """
INSERT INTO webhook_logs
    (id, merchant_id, mode, event_id, endpoint_id, event, status, next_retry_at, created_at,
     api_version)
VALUES ($1, $2, $3, $4, $5, $6, 'pending', $7, $7,
        (SELECT api_version FROM merchants WHERE id = $2))
"""
_TELL = f"""
WITH happened AS MATERIALIZED ({EVENTS.inserted()}),
     told AS (INSERT INTO events ({", ".join(EVENTS.columns)}) SELECT * FROM happened)
{DELIVER}
"""  # noqa: S608 - our own names
# The same row begins anew: a second chain of attempts beside a waiting one cannot arise.
_RETRY = """
UPDATE webhook_logs AS delivery SET status = 'pending', attempts = 0, next_retry_at = $4
FROM webhook_endpoints AS endpoint
WHERE delivery.id = ANY($3::uuid[]) AND delivery.merchant_id = $1 AND delivery.mode = $2
  AND endpoint.id = delivery.endpoint_id AND endpoint.active AND endpoint.deleted_at IS NULL
RETURNING delivery.id
"""
_RESOLVE = """
UPDATE dead_letters SET resolved_at = $2
WHERE subject_id = ANY($1::text[]) AND kind = 'webhook' AND resolved_at IS NULL
"""
# Only endpoints that take deliveries: for the others nothing begins anew.
_CHOSEN = """
FROM webhook_logs AS delivery
JOIN webhook_endpoints AS endpoint ON endpoint.id = delivery.endpoint_id
 AND endpoint.active AND endpoint.deleted_at IS NULL
WHERE delivery.merchant_id = $1 AND delivery.mode = $2 AND delivery.status = $3
  AND ($4::text IS NULL OR delivery.endpoint_id = $4)
  AND ($5::text IS NULL OR delivery.event = $5)
  AND ($6::timestamptz IS NULL OR delivery.created_at >= $6)
  AND ($7::timestamptz IS NULL OR delivery.created_at <= $7)
  AND ($8::text[] IS NULL OR delivery.event_id = ANY($8))
  AND ($9::uuid[] IS NULL OR delivery.id = ANY($9))
"""
_CHOOSE = (
    f"SELECT delivery.id {_CHOSEN} ORDER BY delivery.created_at, delivery.id LIMIT $10 "
    "FOR UPDATE OF delivery"
)
_COUNT = f"SELECT count(*) FROM (SELECT {_CHOSEN} LIMIT $10) AS chosen"  # noqa: S608 - our own text


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """Which deliveries are to be sent once more; None lets all through."""

    status: str = "failed"
    endpoint_id: str | None = None
    event: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    event_ids: Sequence[str] | None = None
    delivery_ids: Sequence[UUID] | None = None


async def retry_delivery(
    connection: Connection, scope: Scope, delivery_id: UUID, now: datetime
) -> bool:
    """Have a delivery begin anew; False when its endpoint takes none."""
    return bool(await _retry(connection, scope, [delivery_id], now))


async def replay_deliveries(
    connection: Connection, scope: Scope, replay: Replay, limit: int, now: datetime
) -> tuple[list[str], bool]:
    """The ids of the deliveries that begin anew, oldest first, and whether there are more."""
    rows = await connection.fetch(_CHOOSE, *_arguments(scope, replay), limit + 1)
    chosen = [row["id"] for row in rows[:limit]]
    return await _retry(connection, scope, chosen, now), len(rows) > limit


async def count_replayable(
    connection: Connection, scope: Scope, replay: Replay, limit: int
) -> tuple[int, bool]:
    """How many deliveries `replay_deliveries` would have begin anew, and whether there are more."""
    found: int = await connection.fetchval(_COUNT, *_arguments(scope, replay), limit + 1)
    return min(found, limit), found > limit


async def insert_event(connection: Connection, event: Event) -> list[str]:
    """Something that happened to no order; the ids of its deliveries, which are due at once."""
    rows = await connection.fetch(_TELL, EVENTS.insert_argument([event]))
    return [str(row["id"]) for row in rows]


async def insert_test_delivery(connection: Connection, event: Event, endpoint_id: str) -> str:
    """An event for one endpoint alone; the id of its delivery."""
    await connection.execute(EVENTS.insert(), EVENTS.insert_argument([event]))
    delivery_id = uuid4()
    await connection.execute(
        _DELIVERY,
        delivery_id,
        event.merchant_id,
        event.mode,
        event.id,
        endpoint_id,
        event.type,
        event.created_at,
    )
    return str(delivery_id)


def _arguments(scope: Scope, replay: Replay) -> tuple[Any, ...]:
    return (
        scope.merchant_id,
        scope.mode,
        replay.status,
        replay.endpoint_id,
        replay.event,
        replay.since,
        replay.until,
        replay.event_ids,
        replay.delivery_ids,
    )


async def _retry(
    connection: Connection, scope: Scope, delivery_ids: Sequence[UUID], now: datetime
) -> list[str]:
    if not delivery_ids:
        return []
    rows = await connection.fetch(_RETRY, scope.merchant_id, scope.mode, list(delivery_ids), now)
    retried = [str(row["id"]) for row in rows]
    await connection.execute(_RESOLVE, retried, now)
    return retried
