"""What the references write: rows of the gateway's own schema, one statement a table and batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import orjson

from gateway.domain.ids import new_id

__all__ = [
    "MERCHANT",
    "Payment",
    "accept",
    "begin",
    "bodies",
    "book",
    "create_orders",
    "end_payments",
    "finish",
    "insert_payments",
    "record",
    "seed",
]

MERCHANT = UUID("550e8400-e29b-41d4-a716-446655440000")

_ORDERS = """
INSERT INTO orders (id, merchant_id, mode, amount, currency, status, capture, version,
    last_unit_id, created_at, updated_at)
SELECT id, $5, 'test', amount, currency, 'created', 'automatic', 1, unit, $6, $6
FROM unnest($1::text[], $2::bigint[], $3::text[], $4::uuid[]) AS new(id, amount, currency, unit)
"""
_ORDERS_CHANGE = """
UPDATE orders SET version = $3, last_unit_id = new.unit, status = $4, attempts = 1,
    amount_paid = CASE WHEN $4 = 'paid' THEN amount ELSE 0 END, updated_at = $5
FROM unnest($1::text[], $2::uuid[]) AS new(id, unit) WHERE orders.id = new.id
"""
_PAYMENTS = """
INSERT INTO payments (id, order_id, merchant_id, mode, amount, currency, method, vpa, capture,
    status, processor, created_at, updated_at)
SELECT id, order_id, $6, 'test', amount, currency, 'upi', vpa, 'automatic', 'pending',
    'simulator', $7, $7
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[])
    AS new(id, order_id, amount, currency, vpa)
"""
_PAYMENTS_BEGIN = """
UPDATE payments SET status = 'processing', updated_at = $2 WHERE id = ANY($1::text[])
"""
_PAYMENTS_END = """
UPDATE payments SET status = 'success', amount_authorized = amount, amount_captured = amount,
    processor_reference = new.reference, updated_at = $3
FROM unnest($1::text[], $2::text[]) AS new(id, reference) WHERE payments.id = new.id
"""
_OPERATIONS = """
INSERT INTO operations (id, payment_id, order_id, kind, purpose, amount, state, due_at,
    created_at, updated_at)
SELECT id, payment_id, order_id, 'charge', 'payment', amount, 'open', $6, $5, $5
FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[])
    AS new(id, payment_id, order_id, amount)
"""
_OPERATIONS_END = """
UPDATE operations SET state = 'done', due_at = NULL, updated_at = $2 WHERE id = ANY($1::text[])
"""
_ATTEMPTS = """
INSERT INTO attempts (id, operation_id, payment_id, order_id, number, state, sent_at, lease_until)
SELECT id, operation_id, payment_id, order_id, 1, 'sent', $5, $6
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
    AS new(id, operation_id, payment_id, order_id)
"""
_ATTEMPTS_END = """
UPDATE attempts SET state = 'approved', finished_at = $2, processor_reference = id
WHERE id = ANY($1::text[])
"""
_BOOKS = """
INSERT INTO simulator_transactions (reference, kind, outcome, payment_id, amount, currency,
    created_at)
SELECT reference, 'charge', 'approved', payment_id, amount, currency, $5
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[])
    AS new(reference, payment_id, amount, currency)
"""
_EVENTS = """
INSERT INTO events (id, merchant_id, mode, type, order_id, payment_id, body, created_at)
SELECT id, $6, 'test', type, order_id, payment_id, body, $7
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bytea[])
    AS new(id, type, order_id, payment_id, body)
"""
_DELIVERIES = """
INSERT INTO webhook_logs (id, merchant_id, mode, event_id, endpoint_id, event, status,
    next_retry_at, created_at)
SELECT new.id, $4, 'test', new.event_id, endpoint.id, 'payment.success', 'pending', $3, $3
FROM unnest($1::uuid[], $2::text[]) AS new(id, event_id)
JOIN webhook_endpoints AS endpoint ON endpoint.merchant_id = $4 AND endpoint.active
"""
_DELIVERIES_END = """
UPDATE webhook_logs SET status = 'success', attempts = 1, next_retry_at = NULL,
    last_attempt_at = $2, response_code = 200
WHERE id = ANY($1::uuid[]) AND status = 'pending'
"""
_DELIVERY_ATTEMPTS = """
INSERT INTO webhook_attempts (delivery_id, number, requested_at, duration_milliseconds,
    response_code, response_body)
SELECT id, 1, $2, 1, 200, 'ok' FROM unnest($1::uuid[]) AS new(id)
"""


@dataclass(slots=True)
class Payment:
    """A payment on its way, with what it will be signed and sent as."""

    order_id: str
    amount: int
    currency: str
    vpa: str
    id: str = field(default_factory=lambda: new_id("pay"))
    operation_id: str = field(default_factory=lambda: new_id("op"))
    attempt_id: str = ""
    event_id: str = ""
    delivery_id: UUID = field(default_factory=uuid4)
    status: str = "pending"

    def shown(self) -> dict[str, Any]:
        """What the gateway shows of such a payment."""
        is_done = self.status == "success"
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return {
            "id": self.id,
            "order_id": self.order_id,
            "amount": self.amount,
            "currency": self.currency,
            "method": "upi",
            "vpa": self.vpa,
            "status": self.status,
            "captured": is_done,
            "amount_authorized": self.amount if is_done else 0,
            "amount_captured": self.amount if is_done else 0,
            "amount_released": 0,
            "amount_refunded": 0,
            "refund_status": None,
            "customer": {"name": None, "email": None, "contact": None},
            "processor": "simulator",
            "processor_reference": self.attempt_id or None,
            "error_code": None,
            "error_description": None,
            "error_reason": None,
            "next_action": None,
            "notes": {},
            "created_at": now,
            "updated_at": now,
        }

    def bodies(self, events: Sequence[str]) -> list[bytes]:
        """The webhooks' bodies, all with the payment as it is now."""
        data, timestamp = orjson.dumps(self.shown()), int(datetime.now(UTC).timestamp())
        return [
            b'{"event":"%b","timestamp":%d,"data":{"payment":%b}}'
            % (event.encode(), timestamp, data)
            for event in events
        ]


def _columns(payments: Sequence[Payment], *names: str) -> list[list[Any]]:
    return [[getattr(payment, name) for payment in payments] for name in names]


def _units(payments: Sequence[Payment]) -> list[UUID]:
    return [uuid4() for _ in payments]


Connection = asyncpg.pool.PoolConnectionProxy


async def seed(connection: Connection, webhook_url: str) -> None:
    """The merchant, and the endpoint that wants to know of success."""
    await connection.execute(
        "INSERT INTO merchants (id, name, email, api_version, created_at, updated_at)"
        " VALUES ($1, 'Test', 'test@example.com', '2026-11-01', now(), now())",
        MERCHANT,
    )
    await connection.execute(
        "INSERT INTO webhook_endpoints (id, merchant_id, mode, url, events, secret_sealed,"
        " created_at, updated_at) VALUES ('we_trial', $1, 'test', $2, '{payment.success}',"
        " '', now(), now())",
        MERCHANT,
        webhook_url,
    )


async def create_orders(connection: Connection, orders: Sequence[dict[str, Any]]) -> None:
    """In one transaction."""
    now = datetime.now(UTC)
    columns = [[order[name] for order in orders] for name in ("id", "amount", "currency")]
    await connection.execute(_ORDERS, *columns, [uuid4() for _ in orders], MERCHANT, now)


async def insert_payments(connection: Connection, payments: Sequence[Payment]) -> None:
    """In a transaction of its own."""
    columns = _columns(payments, "id", "order_id", "amount", "currency", "vpa")
    await connection.execute(_PAYMENTS, *columns, MERCHANT, datetime.now(UTC))


async def end_payments(connection: Connection, payments: Sequence[Payment]) -> None:
    """All of them succeeded; in a transaction of its own."""
    for payment in payments:
        payment.status, payment.attempt_id = "success", payment.id
    columns = _columns(payments, "id", "attempt_id")
    await connection.execute(_PAYMENTS_END, *columns, datetime.now(UTC))


async def accept(connection: Connection, payments: Sequence[Payment]) -> None:
    """Payment, operation, two events, the order's next version; in one transaction."""
    now = datetime.now(UTC)
    async with connection.transaction():
        (order_ids,) = _columns(payments, "order_id")
        await connection.execute(_ORDERS_CHANGE, order_ids, _units(payments), 2, "attempted", now)
        await insert_payments(connection, payments)
        columns = _columns(payments, "operation_id", "id", "order_id", "amount")
        await connection.execute(_OPERATIONS, *columns, now, now + timedelta(seconds=30))
        await _write_events(connection, payments, ("payment.created", "payment.pending"), now)


async def begin(connection: Connection, payments: Sequence[Payment]) -> None:
    """The attempt, before anybody is asked for money; in one transaction."""
    now = datetime.now(UTC)
    for payment in payments:
        payment.status = "processing"
        payment.attempt_id = new_id("att")
    async with connection.transaction():
        (order_ids, ids) = _columns(payments, "order_id", "id")
        await connection.execute(_ORDERS_CHANGE, order_ids, _units(payments), 3, "attempted", now)
        await connection.execute(_PAYMENTS_BEGIN, ids, now)
        columns = _columns(payments, "attempt_id", "operation_id", "id", "order_id")
        await connection.execute(_ATTEMPTS, *columns, now, now + timedelta(seconds=35))


async def book(connection: Connection, payments: Sequence[Payment]) -> None:
    """The bank's own books, in a transaction of its own."""
    columns = _columns(payments, "attempt_id", "id", "amount", "currency")
    await connection.execute(_BOOKS, *columns, datetime.now(UTC))


async def finish(connection: Connection, payments: Sequence[Payment]) -> None:
    """The outcome in every row, three events, the delivery; in one transaction."""
    now = datetime.now(UTC)
    for payment in payments:
        payment.status = "success"
    async with connection.transaction():
        (order_ids,) = _columns(payments, "order_id")
        await connection.execute(_ORDERS_CHANGE, order_ids, _units(payments), 4, "paid", now)
        await connection.execute(_PAYMENTS_END, *_columns(payments, "id", "attempt_id"), now)
        await connection.execute(_OPERATIONS_END, *_columns(payments, "operation_id"), now)
        await connection.execute(_ATTEMPTS_END, *_columns(payments, "attempt_id"), now)
        names = ("payment.success", "payment.captured", "order.paid")
        events = await _write_events(connection, payments, names, now)
        for payment, event_id in zip(payments, events[:: len(names)], strict=True):
            payment.event_id = event_id
        columns = _columns(payments, "delivery_id", "event_id")
        await connection.execute(_DELIVERIES, *columns, now, MERCHANT)


async def _write_events(
    connection: Connection, payments: Sequence[Payment], names: Sequence[str], now: datetime
) -> list[str]:
    rows = [
        (new_id("evt"), name, payment.order_id, payment.id, body)
        for payment in payments
        for name, body in zip(names, payment.bodies(names), strict=True)
    ]
    columns = [list(column) for column in zip(*rows, strict=True)]
    await connection.execute(_EVENTS, *columns, MERCHANT, now)
    return columns[0]


async def bodies(
    connection: Connection, delivery_ids: Sequence[str]
) -> Sequence[tuple[UUID, str, bytes]]:
    """What is to be sent: delivery, event and body."""
    rows = await connection.fetch(
        "SELECT log.id, event.id AS event_id, event.body FROM webhook_logs AS log"
        " JOIN events AS event ON event.id = log.event_id WHERE log.id = ANY($1::uuid[])",
        delivery_ids,
    )
    return [(row["id"], row["event_id"], row["body"]) for row in rows]


async def record(connection: Connection, delivery_ids: Sequence[UUID]) -> None:
    """The deliveries' ends and their attempts; in one transaction."""
    now = datetime.now(UTC)
    async with connection.transaction():
        await connection.execute(_DELIVERIES_END, delivery_ids, now)
        await connection.execute(_DELIVERY_ATTEMPTS, delivery_ids, now)
