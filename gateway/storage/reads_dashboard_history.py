"""All that is known of one payment or order: what was asked, tried, told, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from gateway.domain.entities import Operation, Order, Payment, Refund
from gateway.storage.journal import Connection
from gateway.storage.orders import (
    operation_from_row,
    order_from_row,
    payment_from_row,
    refund_from_row,
)
from gateway.storage.reads_pages import Scope
from gateway.storage.rows import OPERATIONS, ORDERS, PAYMENTS, REFUNDS

__all__ = [
    "AttemptRow",
    "DeliveryRow",
    "EventRow",
    "OrderHistory",
    "PaymentHistory",
    "PostRow",
    "load_order_history",
    "load_payment_history",
]

# Far beyond what the limits of payments and refunds allow to happen by itself.
_ROWS_MAX = 2_000

_OWN = "merchant_id = $1 AND mode = $2"
# The names come from the tables in our code, none from a request.
_PAYMENT = f"SELECT {', '.join(PAYMENTS.columns)} FROM payments WHERE {_OWN} AND id = $3"  # noqa: S608
_ORDER = f"SELECT {', '.join(ORDERS.columns)} FROM orders WHERE {_OWN} AND id = $3"  # noqa: S608
_PAYMENTS = f"""
SELECT {", ".join(PAYMENTS.columns)} FROM payments WHERE {_OWN} AND order_id = $3
ORDER BY created_at, id LIMIT {_ROWS_MAX}
"""  # noqa: S608
_REFUNDS = f"""
SELECT {", ".join(REFUNDS.columns)} FROM refunds WHERE {_OWN} AND payment_id = ANY($3::text[])
ORDER BY created_at, id LIMIT {_ROWS_MAX}
"""  # noqa: S608
_OPERATIONS = f"""
SELECT {", ".join(OPERATIONS.columns)} FROM operations WHERE payment_id = $1
ORDER BY created_at, id LIMIT {_ROWS_MAX}
"""  # noqa: S608
_ATTEMPTS = f"""
SELECT id, operation_id, number, state, sent_at, finished_at, reason, processor_reference
FROM attempts WHERE operation_id = ANY($1::text[]) ORDER BY sent_at, number LIMIT {_ROWS_MAX}
"""  # noqa: S608
# Its scope in this form leaves the planner only the search index.
_EVENTS = f"""
SELECT id, type, payment_id, refund_id, request_id, created_at FROM events
WHERE (merchant_id = $1) IS TRUE AND (mode = $2) IS TRUE AND order_id = $3
ORDER BY created_at, id LIMIT {_ROWS_MAX}
"""  # noqa: S608
_DELIVERIES = f"""
SELECT id, event_id, event, endpoint_id, status, attempts, created_at, next_retry_at
FROM webhook_logs WHERE {_OWN} AND event_id = ANY($3::text[])
ORDER BY created_at, id LIMIT {_ROWS_MAX}
"""  # noqa: S608
_POSTS = f"""
SELECT delivery_id, number, requested_at, duration_milliseconds, response_code, error
FROM webhook_attempts WHERE delivery_id = ANY($1::uuid[]) ORDER BY id LIMIT {_ROWS_MAX}
"""  # noqa: S608


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRow:
    """One go at an operation with the processor."""

    id: str
    operation_id: str
    number: int
    state: str
    sent_at: datetime
    finished_at: datetime | None
    reason: str | None
    processor_reference: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow:
    """Something that happened, without its body."""

    id: str
    type: str
    payment_id: str | None
    refund_id: str | None
    request_id: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRow:
    """One event on its way to one endpoint."""

    id: UUID
    event_id: str
    event: str
    endpoint_id: str
    status: str
    attempts: int
    created_at: datetime
    next_retry_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PostRow:
    """One post of a delivery and what came of it."""

    delivery_id: UUID
    number: int
    requested_at: datetime
    duration_milliseconds: int
    response_code: int | None
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentHistory:
    """A payment with everything that hangs on it, each kind oldest first."""

    payment: Payment
    order: Order
    refunds: Sequence[Refund]
    operations: Sequence[Operation]
    attempts: Sequence[AttemptRow]
    events: Sequence[EventRow]
    deliveries: Sequence[DeliveryRow]
    posts: Sequence[PostRow]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderHistory:
    """An order with its payments, their refunds, and what happened to it, oldest first."""

    order: Order
    payments: Sequence[Payment]
    refunds: Sequence[Refund]
    events: Sequence[EventRow]


async def load_payment_history(
    connection: Connection, scope: Scope, payment_id: str
) -> PaymentHistory | None:
    """The merchant's payment; None when there is none. `connection` is one of `reading`."""
    own = (scope.merchant_id, scope.mode)
    row = await connection.fetchrow(_PAYMENT, *own, payment_id)
    if row is None:
        return None
    payment = payment_from_row(row)
    [order] = await connection.fetch(_ORDER, *own, payment.order_id)
    refunds = await connection.fetch(_REFUNDS, *own, [payment_id])
    operations = await connection.fetch(_OPERATIONS, payment_id)
    attempts = await connection.fetch(_ATTEMPTS, [each["id"] for each in operations])
    events = [
        event
        for event in await _events(connection, scope, payment.order_id)
        if event.payment_id in (payment_id, None)
    ]
    deliveries = await connection.fetch(_DELIVERIES, *own, [event.id for event in events])
    posts = await connection.fetch(_POSTS, [each["id"] for each in deliveries])
    return PaymentHistory(
        payment=payment,
        order=order_from_row(order),
        refunds=[refund_from_row(each) for each in refunds],
        operations=[operation_from_row(each) for each in operations],
        attempts=[AttemptRow(**dict(each)) for each in attempts],
        events=events,
        deliveries=[DeliveryRow(**dict(each)) for each in deliveries],
        posts=[PostRow(**dict(each)) for each in posts],
    )


async def load_order_history(
    connection: Connection, scope: Scope, order_id: str
) -> OrderHistory | None:
    """The merchant's order; None when there is none. `connection` is one of `reading`."""
    own = (scope.merchant_id, scope.mode)
    row = await connection.fetchrow(_ORDER, *own, order_id)
    if row is None:
        return None
    payments = await connection.fetch(_PAYMENTS, *own, order_id)
    refunds = await connection.fetch(_REFUNDS, *own, [each["id"] for each in payments])
    return OrderHistory(
        order=order_from_row(row),
        payments=[payment_from_row(each) for each in payments],
        refunds=[refund_from_row(each) for each in refunds],
        events=await _events(connection, scope, order_id),
    )


async def _events(connection: Connection, scope: Scope, order_id: str) -> list[EventRow]:
    rows = await connection.fetch(_EVENTS, scope.merchant_id, scope.mode, order_id)
    return [EventRow(**dict(row)) for row in rows]
