"""What processors send by themselves: kept first, handled later, by one process at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from gateway.domain.inbound import NotificationState
from gateway.domain.jobs import Job, operation_job
from gateway.storage.journal import Connection

__all__ = [
    "DueNotification",
    "Handled",
    "NewMessage",
    "NewNotification",
    "Subject",
    "Waiting",
    "find_by_attempt",
    "find_by_reference",
    "keep_notifications",
    "record_handled",
    "take_due_notifications",
    "unknown_operations",
    "waiting_notifications",
]

_KEEP = """
INSERT INTO inbound_notifications (id, processor, merchant_id, mode, account_id, notification_id,
                                   kind, reference, body, state, due_at, received_at)
SELECT gen_random_uuid(), $1, $2, $3, $4, sent.id, sent.kind, sent.reference, $5, 'pending', $6, $6
FROM unnest($7::text[], $8::text[], $9::text[]) AS sent(id, kind, reference)
ON CONFLICT DO NOTHING
"""
# Whoever takes one has it until it is due again: a process that dies in between loses nothing.
_TAKE = """
UPDATE inbound_notifications SET tries = tries + 1,
    due_at = $2 + ($4::interval[])[least(tries + 1, cardinality($4))]
WHERE id IN (
    SELECT id FROM inbound_notifications WHERE processor = $1 AND state = 'pending' AND due_at <= $2
    ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED)
RETURNING id, processor, merchant_id, mode, account_id, notification_id, kind, reference, tries
"""
_WAITING = """
SELECT min(due_at) AS due_at, min(received_at) AS received_at, count(*) AS count
FROM inbound_notifications WHERE processor = $1 AND state = 'pending'
"""
_RECORD = """
UPDATE inbound_notifications
SET state = $2, reason = $3, payment_id = coalesce($4, payment_id),
    attempt_id = coalesce($5, attempt_id),
    finished_at = CASE $2 WHEN 'pending' THEN NULL ELSE $6::timestamptz END,
    due_at = CASE $2 WHEN 'pending' THEN due_at END
WHERE id = $1 AND state = 'pending'
"""
_BURY = """
INSERT INTO dead_letters (id, kind, subject_id, merchant_id, mode, reason, created_at)
VALUES (gen_random_uuid(), 'notification', $1::text, $2, $3, $4, $5)
"""
# An account speaks of its own payments and of no others: whoever has one could claim anything.
_OWN = """
CASE WHEN attempts.processor IS NULL
    THEN payments.processor = $2 AND payments.processor_account_id IS NOT DISTINCT FROM $3
    ELSE attempts.processor = $2 AND attempts.processor_account_id IS NOT DISTINCT FROM $3
END
"""
_SUBJECT = """
SELECT attempts.id AS attempt_id, attempts.payment_id, attempts.order_id,
       payments.save AS saves_card
FROM attempts JOIN payments ON payments.id = attempts.payment_id
"""
_BY_ATTEMPT = f"{_SUBJECT} WHERE attempts.id = $1 AND {_OWN}"
_BY_REFERENCE = f"{_SUBJECT} WHERE attempts.processor_reference = $1 AND {_OWN} LIMIT 2"
_UNKNOWN = """
SELECT kind, order_id, id FROM operations WHERE payment_id = $1 AND state = 'unknown'
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewNotification:
    """One of the things that a message told; `reference` is the processor's."""

    id: str
    kind: str
    reference: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMessage:
    """A message whose signature was right; `account`: a merchant's id, mode, and account's id."""

    processor: str
    account: tuple[UUID, str, UUID] | None
    told: Sequence[NewNotification]
    body: bytes = field(repr=False)
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DueNotification:
    """To be handled now; `tries` counts this one, `id` is ours, `notification_id` theirs."""

    id: UUID
    processor: str
    merchant_id: UUID | None
    mode: str | None
    account_id: UUID | None
    notification_id: str
    kind: str
    reference: str | None
    tries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Handled:
    """What came of it. Pending: it is tried again; `reason` says why, or why it was ignored."""

    state: NotificationState
    reason: str | None = None
    payment_id: str | None = None
    attempt_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a notification is about: a payment, and the attempt if it is clear which.

    `saves_card`: the processor is to keep the payment's card once it is approved.
    """

    order_id: str
    payment_id: str
    attempt_id: str | None
    saves_card: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What has not been handled: when the next is due, and since when the oldest waits."""

    due_at: datetime | None
    received_at: datetime | None
    count: int


async def keep_notifications(connection: Connection, message: NewMessage) -> int:
    """Keep what a message told; how many of it were new."""
    merchant_id, mode, account_id = message.account or (None, None, None)
    status = await connection.execute(
        _KEEP,
        message.processor,
        merchant_id,
        mode,
        account_id,
        message.body,
        message.received_at,
        [each.id for each in message.told],
        [each.kind for each in message.told],
        [each.reference for each in message.told],
    )
    return int(status.rpartition(" ")[2])


async def take_due_notifications(
    connection: Connection,
    processor: str,
    now: datetime,
    waits_seconds: Sequence[float],
    limit: int,
) -> list[DueNotification]:
    """What is to be handled now. Each is due again after the next of the waits, and then always
    after the last one, until `record_handled`."""
    waits = [timedelta(seconds=seconds) for seconds in waits_seconds]
    rows = await connection.fetch(_TAKE, processor, now, limit, waits)
    return [DueNotification(**row) for row in rows]


async def waiting_notifications(connection: Connection, processor: str) -> Waiting:
    """What waits, whether it is due or not."""
    [row] = await connection.fetch(_WAITING, processor)
    return Waiting(**row)


async def record_handled(
    connection: Connection, notification: DueNotification, handled: Handled, now: datetime
) -> None:
    """Write what came of it; what has failed for good becomes a dead letter. In a transaction."""
    status = await connection.execute(
        _RECORD,
        notification.id,
        handled.state,
        handled.reason,
        handled.payment_id,
        handled.attempt_id,
        now,
    )
    if handled.state == NotificationState.FAILED and status != "UPDATE 0":
        subject, reason = str(notification.id), handled.reason or ""
        await connection.execute(
            _BURY, subject, notification.merchant_id, notification.mode, reason, now
        )


async def find_by_attempt(
    connection: Connection, notification: DueNotification, attempt_id: str
) -> Subject | None:
    """What was sent under this reference of ours to that account at the processor."""
    row = await connection.fetchrow(_BY_ATTEMPT, attempt_id, *_own(notification))
    return None if row is None else Subject(**row)


async def find_by_reference(
    connection: Connection, notification: DueNotification, reference: str
) -> Subject | None:
    """What the processor knows by its own reference; without the attempt where several share it."""
    rows = await connection.fetch(_BY_REFERENCE, reference, *_own(notification))
    if not rows:
        return None
    subject = Subject(**rows[0])
    if len(rows) == 1:
        return subject
    return replace(subject, attempt_id=None)


async def unknown_operations(connection: Connection, payment_id: str) -> list[Job]:
    """The jobs of the payment's operations whose outcome is unknown: they ask the processor."""
    return [operation_job(*row) for row in await connection.fetch(_UNKNOWN, payment_id)]


def _own(notification: DueNotification) -> tuple[str, UUID | None]:
    return notification.processor, notification.account_id
