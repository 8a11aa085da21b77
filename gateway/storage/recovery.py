"""What Recovery asks Postgres: the work that is due, and the data that is old."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from gateway.domain.jobs import Job, operation_job
from gateway.storage.journal import Connection

__all__ = [
    "delete_old",
    "due_deliveries",
    "due_operations",
    "earliest_due",
    "expiring_orders",
    "expiring_payments",
    "requeue_operations",
]

# A lease is real time, everything else the movable clock's. What was re-added lately, and not
# worked on since, is left alone.
_DUE_OPERATIONS = """
UPDATE operations SET enqueued_at = $1
WHERE id IN (
    SELECT operation.id FROM operations AS operation
    WHERE operation.state IN ('open', 'unknown') AND operation.due_at <= $1
      AND (operation.enqueued_at IS NULL OR operation.enqueued_at <= $3
           OR operation.enqueued_at < operation.updated_at)
      AND NOT EXISTS (
          SELECT FROM attempts
          WHERE attempts.operation_id = operation.id AND attempts.state IN ('sent', 'resumed')
            AND attempts.lease_until > $2)
    ORDER BY operation.due_at LIMIT $4 FOR UPDATE SKIP LOCKED)
RETURNING kind, order_id, id
"""

_ALL_OPERATIONS = """
SELECT kind, order_id, id FROM operations
WHERE state IN ('open', 'unknown') AND id > $1 ORDER BY id LIMIT $2
"""

_DUE_DELIVERIES = """
SELECT id, endpoint_id, next_retry_at FROM webhook_logs
WHERE status = 'pending' AND next_retry_at <= $1 ORDER BY next_retry_at LIMIT $2
"""

_EXPIRING_ORDERS = """
SELECT id FROM orders
WHERE expires_at <= $1 AND status IN ('created', 'attempted') AND NOT EXISTS (
    SELECT FROM payments WHERE payments.order_id = orders.id
    AND payments.status IN ('pending', 'processing', 'requires_action', 'unknown', 'success'))
ORDER BY expires_at LIMIT $2
"""

_EXPIRING_PAYMENTS = """
SELECT id, order_id FROM payments WHERE capture_expires_at <= $1 AND NOT EXISTS (
    SELECT FROM operations WHERE operations.payment_id = payments.id
    AND operations.state IN ('open', 'unknown'))
ORDER BY capture_expires_at LIMIT $2
"""

# The next moment at which something may have to be done, by the movable clock and by the machine's.
_EARLIEST = """
SELECT
    (SELECT min(due_at) FROM operations WHERE state IN ('open', 'unknown') AND due_at > $1),
    (SELECT min(lease_until) FROM attempts WHERE state IN ('sent', 'resumed') AND lease_until > $2),
    (SELECT min(expires_at) FROM orders
     WHERE expires_at > $1 AND status IN ('created', 'attempted')),
    (SELECT min(capture_expires_at) FROM payments WHERE capture_expires_at > $1)
"""

_OLD = (
    """DELETE FROM idempotency_keys WHERE (scope, key) IN (
        SELECT scope, key FROM idempotency_keys WHERE expires_at <= $1 LIMIT $2)""",
    """UPDATE events SET body = NULL WHERE id IN (
        SELECT id FROM events WHERE created_at <= $1 AND body IS NOT NULL AND NOT EXISTS (
            SELECT FROM webhook_logs WHERE event_id = events.id AND status = 'pending')
        LIMIT $2)""",
    """DELETE FROM events WHERE id IN (
        SELECT id FROM events WHERE created_at <= $1 AND NOT EXISTS (
            SELECT FROM webhook_logs WHERE event_id = events.id AND status = 'pending')
        LIMIT $2)""",
    """DELETE FROM inbound_notifications WHERE id IN (
        SELECT id FROM inbound_notifications
        WHERE received_at <= $1 AND state IN ('done', 'ignored') LIMIT $2)""",
)


async def due_operations(
    connection: Connection, now: datetime, real_now: datetime, not_since: datetime, limit: int
) -> list[Job]:
    """Jobs of operations that are due and in nobody's hands, unless re-added after `not_since`."""
    rows = await connection.fetch(_DUE_OPERATIONS, now, real_now, not_since, limit)
    return [operation_job(*row) for row in rows]


async def requeue_operations(connection: Connection, after: str, limit: int) -> list[Job]:
    """Jobs of all operations without an outcome, a slice by id: for a Redis that was emptied."""
    return [operation_job(*row) for row in await connection.fetch(_ALL_OPERATIONS, after, limit)]


async def due_deliveries(
    connection: Connection, due_before: datetime, limit: int
) -> list[tuple[str, str, datetime]]:
    """Pending deliveries that were due before a moment: id, endpoint's id and when."""
    rows = await connection.fetch(_DUE_DELIVERIES, due_before, limit)
    return [(str(row["id"]), row["endpoint_id"], row["next_retry_at"]) for row in rows]


async def expiring_orders(connection: Connection, now: datetime, limit: int) -> list[str]:
    """Orders whose time is over and that nothing keeps open."""
    return [row["id"] for row in await connection.fetch(_EXPIRING_ORDERS, now, limit)]


async def expiring_payments(
    connection: Connection, now: datetime, limit: int
) -> list[tuple[str, str]]:
    """Authorizations whose time is over: (order's id, payment's id)."""
    rows = await connection.fetch(_EXPIRING_PAYMENTS, now, limit)
    return [(row["order_id"], row["id"]) for row in rows]


async def earliest_due(
    connection: Connection, now: datetime, real_now: datetime
) -> tuple[datetime | None, datetime | None]:
    """The next moment something is due: by the movable clock, and by the machine's (leases)."""
    [(operation, lease, order, payment)] = await connection.fetch(_EARLIEST, now, real_now)
    moments = [each for each in (operation, order, payment) if each is not None]
    return min(moments, default=None), lease


async def delete_old(
    connection: Connection,
    *,
    keys_before: datetime,
    bodies_before: datetime,
    events_before: datetime,
    notifications_before: datetime,
    limit: int,
) -> int:
    """Delete a slice of what is old, and of expired keys; how many rows that were."""
    count = 0
    moments: Sequence[datetime] = (
        keys_before,
        bodies_before,
        events_before,
        notifications_before,
    )
    for statement, before in zip(_OLD, moments, strict=True):
        status = await connection.execute(statement, before, limit)
        count += int(status.rsplit(" ", 1)[-1])
    return count
