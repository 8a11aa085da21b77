"""What operators see of the notifications of processors, and how they have them tried again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from gateway.storage.journal import Connection

__all__ = ["InboundRow", "Replayed", "list_notifications", "replay_notification"]

# Newest first. $2 is the notification that the page begins after, $4 how much of a body is shown.
_LIST = """
SELECT id, processor, merchant_id, mode, notification_id, kind, reference, state, tries, due_at,
       reason, payment_id, attempt_id, received_at, finished_at, length(body) AS length,
       substring(body FROM 1 FOR $4) AS body
FROM inbound_notifications
WHERE ($1::text IS NULL OR state = $1)
  AND ($2::uuid IS NULL OR (received_at, id) < (
        SELECT received_at, id FROM inbound_notifications WHERE id = $2))
ORDER BY received_at DESC, id DESC LIMIT $3
"""
# Whose it is: the account's merchant, else the merchant of the payment that it was about.
_REPLAY = """
UPDATE inbound_notifications AS told
SET state = 'pending', tries = 0, due_at = $2, reason = NULL, finished_at = NULL
WHERE told.id = $1 AND told.state IN ('failed', 'ignored')
RETURNING told.processor,
    coalesce(told.merchant_id, (SELECT merchant_id FROM payments WHERE id = told.payment_id))
        AS merchant_id,
    coalesce(told.mode, (SELECT mode FROM payments WHERE id = told.payment_id)) AS mode
"""
_RESOLVE_LETTERS = """
UPDATE dead_letters SET resolved_at = $2
WHERE kind = 'notification' AND subject_id = $1 AND resolved_at IS NULL
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundRow:
    """A notification as it was kept and handled; `body` is the beginning of `length` bytes."""

    id: UUID
    processor: str
    merchant_id: UUID | None
    mode: str | None
    notification_id: str
    kind: str
    reference: str | None
    state: str
    tries: int
    due_at: datetime | None
    reason: str | None
    payment_id: str | None
    attempt_id: str | None
    received_at: datetime
    finished_at: datetime | None
    length: int
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What is handled again, and whom it concerns, if that is known."""

    processor: str
    merchant_id: UUID | None
    mode: str | None


async def list_notifications(
    connection: Connection, *, state: str | None, after: UUID | None, limit: int, shown_bytes: int
) -> Sequence[InboundRow]:
    """Notifications of all processors and merchants, newest first."""
    rows = await connection.fetch(_LIST, state, after, limit, shown_bytes)
    return [InboundRow(**row) for row in rows]


async def replay_notification(
    connection: Connection, notification_id: UUID, now: datetime
) -> Replayed | None:
    """Have one that has failed or was ignored handled anew, with all its tries; its dead letter is
    done with. None for any other. In a transaction of the caller's.
    """
    row = await connection.fetchrow(_REPLAY, notification_id, now)
    if row is None:
        return None
    await connection.execute(_RESOLVE_LETTERS, str(notification_id), now)
    return Replayed(**row)
