"""All that is known of one payment or order: what was asked, tried, told, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
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
_POSTS_MAX = 100  # of one delivery

_ATTEMPT = (
    "id",
    "operation_id",
    "number",
    "state",
    "sent_at",
    "finished_at",
    "reason",
    "processor_reference",
    "processor",
    "processor_account_id",
)
_POST = (
    "delivery_id",
    "number",
    "requested_at",
    "duration_milliseconds",
    "response_code",
    "error",
)


def _all(columns: Sequence[str], source: str, limit: int = _ROWS_MAX) -> str:
    """An expression: the rows of `source` as one value, which `_fields` takes apart."""
    names = ", ".join(f"listed.{name}" for name in columns)
    return f"ARRAY(SELECT ROW({names}) FROM {source} LIMIT {limit})"  # noqa: S608 - our own names


def _of(alias: str, columns: Sequence[str]) -> str:
    return f"ROW({', '.join(f'{alias}.{name}' for name in columns)})"


_OWN = "merchant_id = $1 AND mode = $2"
_ORDER = f"SELECT {', '.join(ORDERS.columns)} FROM orders WHERE {_OWN} AND id = $3"  # noqa: S608
_PAYMENTS = f"""
SELECT {", ".join(PAYMENTS.columns)} FROM payments WHERE {_OWN} AND order_id = $3
ORDER BY created_at, id LIMIT {_ROWS_MAX}
"""  # noqa: S608
_REFUNDS = f"""
SELECT {", ".join(REFUNDS.columns)} FROM refunds WHERE {_OWN} AND payment_id = ANY($3::text[])
ORDER BY created_at, id LIMIT {_ROWS_MAX}
"""  # noqa: S608
# The names come from the tables in our code, none from a request. One statement for all of it: each
# takes the way to Postgres and back, and is planned anew.
_OF_PAYMENT = "AS listed WHERE listed.payment_id = payment.id ORDER BY created_at, id"
_OF_ITS_OPERATIONS = """AS listed WHERE listed.operation_id IN (
    SELECT id FROM operations WHERE payment_id = payment.id) ORDER BY sent_at, number"""
_OF_MERCHANT = """AS listed
    WHERE listed.merchant_id = payment.merchant_id AND listed.mode = payment.mode"""
_PAYMENT = f"""
SELECT {_of("payment", PAYMENTS.columns)} AS payment, {_of("parent", ORDERS.columns)} AS parent,
    {_all(REFUNDS.columns, f"refunds {_OF_PAYMENT}")} AS refunds,
    {_all(OPERATIONS.columns, f"operations {_OF_PAYMENT}")} AS operations,
    {_all(_ATTEMPT, f"attempts {_OF_ITS_OPERATIONS}")} AS attempts,
    {_all(("id", "name"), f"processor_accounts {_OF_MERCHANT}")} AS accounts
FROM payments AS payment JOIN orders AS parent ON parent.id = payment.order_id
WHERE payment.merchant_id = $1 AND payment.mode = $2 AND payment.id = $3
"""  # noqa: S608
# Its scope in this form leaves the planner only the search index.
_EVENTS = f"""
SELECT id, type, payment_id, refund_id, request_id, created_at FROM events
WHERE (merchant_id = $1) IS TRUE AND (mode = $2) IS TRUE AND order_id = $3
ORDER BY created_at, id LIMIT {_ROWS_MAX}
"""  # noqa: S608
_OF_DELIVERY = "AS listed WHERE listed.delivery_id = webhook_logs.id ORDER BY listed.id"
_DELIVERIES = f"""
SELECT id, event_id, event, endpoint_id, status, attempts, created_at, next_retry_at,
    {_all(_POST, f"webhook_attempts {_OF_DELIVERY}", _POSTS_MAX)} AS posts
FROM webhook_logs WHERE {_OWN} AND event_id = ANY($3::text[])
ORDER BY created_at, id LIMIT {_ROWS_MAX}
"""  # noqa: S608


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRow:
    """One go at an operation with a processor; None is the payment's."""

    id: str
    operation_id: str
    number: int
    state: str
    sent_at: datetime
    finished_at: datetime | None
    reason: str | None
    processor_reference: str | None
    processor: str | None
    processor_account_id: UUID | None


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
    """A payment with everything that hangs on it, each kind oldest first.

    `accounts` are the names of the merchant's own accounts at processors.
    """

    payment: Payment
    order: Order
    refunds: Sequence[Refund]
    operations: Sequence[Operation]
    attempts: Sequence[AttemptRow]
    events: Sequence[EventRow]
    deliveries: Sequence[DeliveryRow]
    posts: Sequence[PostRow]
    accounts: Mapping[UUID, str]


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
    parent = order_from_row(_fields(ORDERS.columns, row["parent"]))
    events = [
        event
        for event in await _events(connection, scope, parent.id)
        if event.payment_id in (payment_id, None)
    ]
    delivered = await connection.fetch(_DELIVERIES, *own, [event.id for event in events])
    deliveries = [dict(each) for each in delivered]
    posts = [_fields(_POST, post) for each in deliveries for post in each.pop("posts")]
    return PaymentHistory(
        payment=payment_from_row(_fields(PAYMENTS.columns, row["payment"])),
        order=parent,
        refunds=[refund_from_row(_fields(REFUNDS.columns, each)) for each in row["refunds"]],
        operations=[
            operation_from_row(_fields(OPERATIONS.columns, each)) for each in row["operations"]
        ],
        attempts=[AttemptRow(**_fields(_ATTEMPT, each)) for each in row["attempts"]],
        events=events,
        deliveries=[DeliveryRow(**each) for each in deliveries],
        posts=[PostRow(**post) for post in posts],
        accounts=dict(row["accounts"]),
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


def _fields(columns: Sequence[str], values: Sequence[Any]) -> dict[str, Any]:
    return dict(zip(columns, values, strict=True))
