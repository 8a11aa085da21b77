"""The dashboard's log of webhook deliveries: filtered, newest first, page after page.

Filters look through at most `scan_max` rows a page and say where they stopped, so that a rare event
among millions of deliveries cannot hold the database up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from gateway.storage.journal import Connection
from gateway.storage.reads_pages import Scope
from gateway.storage.reads_webhooks import DeliveryRecord

__all__ = [
    "DeliveryFilter",
    "DeliveryPage",
    "SentEvent",
    "find_deliveries",
    "find_sent_event",
]

_COLUMNS = """id, event, event_id, endpoint_id, status, attempts, created_at, last_attempt_at,
    next_retry_at, response_code"""
# $5 is the row that the page begins after, which has to be the merchant's own.
_WINDOW = """
SELECT {columns} FROM webhook_logs
WHERE merchant_id = $1 AND mode = $2
  AND ($3::timestamptz IS NULL OR created_at >= $3)
  AND ($4::timestamptz IS NULL OR created_at < $4)
  AND ($5::uuid IS NULL OR (created_at, id) < (
      SELECT created_at, id FROM webhook_logs WHERE id = $5 AND merchant_id = $1 AND mode = $2))
ORDER BY created_at DESC, id DESC
"""
_FIND = f"""
SELECT * FROM ({_WINDOW.format(columns=_COLUMNS)} LIMIT $9) AS seen
WHERE ($6::text IS NULL OR status = $6) AND ($7::text IS NULL OR event = $7)
  AND ($8::text IS NULL OR endpoint_id = $8)
ORDER BY created_at DESC, id DESC LIMIT $10
"""  # noqa: S608 - our own text
# The last row that was looked at, if there is one after it.
_STOPPED = f"{_WINDOW.format(columns='id')} LIMIT 2 OFFSET $6"
_LAST_AND_NEXT = 2

_SENT = """
SELECT event.body, event.request_id, event.order_id, event.payment_id, delivery.api_version,
       endpoint.url,
       endpoint.format, endpoint.deleted_at IS NULL AS exists, endpoint.active,
       endpoint.secret_sealed, endpoint.previous_secret_sealed,
       endpoint.previous_secret_expires_at
FROM webhook_logs AS delivery
JOIN events AS event ON event.id = delivery.event_id
JOIN webhook_endpoints AS endpoint ON endpoint.id = delivery.endpoint_id
WHERE delivery.merchant_id = $1 AND delivery.mode = $2 AND delivery.id = $3
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryFilter:
    """What the log is narrowed to. `since` is included, `until` is not; None lets all through."""

    status: str | None = None
    event: str | None = None
    endpoint_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryPage:
    """A page. `older` is the row that the next one begins after, None where this is the last.

    `further` is where the look through the rows stopped before the page was full.
    """

    rows: Sequence[DeliveryRecord]
    older: UUID | None = None
    further: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SentEvent:
    """What a delivery carries and where to; `body` is None when it is no longer kept."""

    body: bytes | None = field(repr=False)
    request_id: str | None
    order_id: str | None
    payment_id: str | None
    api_version: str | None
    url: str | None = field(repr=False)  # its query may hold a secret
    format: str
    exists: bool
    active: bool
    secret_sealed: bytes = field(repr=False)
    previous_secret_sealed: bytes | None = field(repr=False)
    previous_secret_expires_at: datetime | None


async def find_deliveries(
    connection: Connection,
    scope: Scope,
    chosen: DeliveryFilter,
    *,
    after: UUID | None,
    limit: int,
    scan_max: int,
) -> DeliveryPage:
    """The page that begins after the row `after`; an unknown row begins nothing."""
    window = (scope.merchant_id, scope.mode, chosen.since, chosen.until, after)
    narrow = (chosen.status, chosen.event, chosen.endpoint_id)
    found = await connection.fetch(_FIND, *window, *narrow, scan_max, limit + 1)
    rows = [DeliveryRecord(**dict(row)) for row in found[:limit]]
    if len(found) > limit:
        return DeliveryPage(rows=rows, older=rows[-1].id)
    stopped = await connection.fetch(_STOPPED, *window, scan_max - 1)
    return DeliveryPage(
        rows=rows, further=stopped[0]["id"] if len(stopped) == _LAST_AND_NEXT else None
    )


async def find_sent_event(
    connection: Connection, scope: Scope, delivery_id: UUID
) -> SentEvent | None:
    """What the merchant's delivery carries."""
    row = await connection.fetchrow(_SENT, scope.merchant_id, scope.mode, delivery_id)
    return None if row is None else SentEvent(**dict(row))
