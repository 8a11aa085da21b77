"""Rehydration: what an order's actor needs to know, for many orders in one go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import asyncpg

from gateway.domain.entities import (
    Attempt,
    AttemptState,
    Operation,
    OperationKind,
    OperationState,
    Order,
    OrderState,
    OrderStatus,
    Payer,
    Payment,
    PaymentStatus,
    Purpose,
    Refund,
    RefundStatus,
)
from gateway.domain.instruments import Instrument
from gateway.storage.dispute_rows import load_disputes
from gateway.storage.journal import Connection
from gateway.storage.rows import ATTEMPTS, OPERATIONS, ORDERS, PAYMENTS, REFUNDS, Table

__all__ = [
    "load_orders",
    "load_versions",
    "operation_from_row",
    "order_from_row",
    "payment_from_row",
    "refund_from_row",
]


def _select(table: Table, where: str) -> str:
    # All names come from the tables, none from a request.
    return f"SELECT {', '.join(table.columns)} FROM {table.name} WHERE {where}"  # noqa: S608


_ORDERS = _select(ORDERS, "id = ANY($1::text[])")
_PAYMENTS = _select(PAYMENTS, "order_id = ANY($1::text[]) ORDER BY created_at")
_REFUNDS = _select(REFUNDS, "payment_id = ANY($1::text[]) ORDER BY created_at")
_OPERATIONS = _select(OPERATIONS, "payment_id = ANY($1::text[]) ORDER BY created_at")
_PARTS = ("payments", "refunds", "operations", "attempts", "replaced", "disputes")
_ATTEMPTS = _select(ATTEMPTS, "operation_id = ANY($1::text[]) ORDER BY number")


async def load_orders(connection: Connection, order_ids: Sequence[str]) -> dict[str, OrderState]:
    """The state of each order that exists; raises what asyncpg raises.

    The reads see one moment: they run in one repeatable-read transaction.
    """
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        orders = [order_from_row(row) for row in await connection.fetch(_ORDERS, order_ids)]
        # Most orders that are rehydrated have just been made and have nothing yet.
        tried = [order.id for order in orders if order.attempts]
        parts = await _load_parts(connection, tried) if tried else {}
    return {order.id: OrderState(order=order, **parts.get(order.id, {})) for order in orders}


async def load_versions(connection: Connection, order_ids: Sequence[str]) -> Mapping[str, int]:
    """The version of each order that exists."""
    rows = await connection.fetch(
        "SELECT id, version FROM orders WHERE id = ANY($1::text[])", order_ids
    )
    return {row["id"]: row["version"] for row in rows}


async def _load_parts(
    connection: Connection, order_ids: Sequence[str]
) -> dict[str, dict[str, dict[str, Any]]]:
    payments = [payment_from_row(row) for row in await connection.fetch(_PAYMENTS, order_ids)]
    payment_ids = [payment.id for payment in payments]
    refunds = [refund_from_row(row) for row in await connection.fetch(_REFUNDS, payment_ids)]
    operations = [
        operation_from_row(row) for row in await connection.fetch(_OPERATIONS, payment_ids)
    ]
    by_id = {payment.id: payment for payment in payments}
    attempts = [
        _attempt(row, by_id[row["payment_id"]])
        for row in await connection.fetch(_ATTEMPTS, [each.id for each in operations])
    ]
    parts: dict[str, dict[str, dict[str, Any]]] = {
        order_id: {name: {} for name in _PARTS} for order_id in order_ids
    }
    for payment in payments:
        parts[payment.order_id]["payments"][payment.id] = payment
    captured = [payment.id for payment in payments if payment.captured]
    for dispute in await load_disputes(connection, captured) if captured else ():
        parts[dispute.order_id]["disputes"][dispute.id] = dispute
    for refund in refunds:
        parts[refund.order_id]["refunds"][refund.id] = refund
    for operation in operations:
        parts[operation.order_id]["operations"][operation.id] = operation
    for attempt in attempts:
        last = parts[attempt.order_id]["attempts"]
        former = last.get(attempt.operation_id)
        if former is not None:
            parts[attempt.order_id]["replaced"][former.id] = former
        last[attempt.operation_id] = attempt
    return parts


def order_from_row(row: asyncpg.Record | Mapping[str, Any]) -> Order:
    """The order that a row of `orders` holds."""
    fields = dict(row)
    fields["status"] = OrderStatus(fields["status"])
    return Order(**fields)


def payment_from_row(row: asyncpg.Record | Mapping[str, Any]) -> Payment:
    """The payment that a row of `payments` holds."""
    fields = dict(row)
    instrument = Instrument(
        **{
            name: fields.pop(name)
            for name in (
                "method",
                "vpa",
                "bank",
                "wallet",
                "card_network",
                "card_last4",
                "card_expiry_month",
                "card_expiry_year",
            )
        },
        stored=fields.pop("stored_reference"),
    )
    payer = Payer(
        name=fields.pop("payer_name"),
        email=fields.pop("payer_email"),
        contact=fields.pop("payer_contact"),
    )
    fields["status"] = PaymentStatus(fields["status"])
    fields["route"] = tuple(fields["route"])
    return Payment(instrument=instrument, payer=payer, **fields)


def refund_from_row(row: asyncpg.Record | Mapping[str, Any]) -> Refund:
    """The refund that a row of `refunds` holds."""
    fields = dict(row)
    fields["status"] = RefundStatus(fields["status"])
    return Refund(**fields)


def operation_from_row(row: asyncpg.Record | Mapping[str, Any]) -> Operation:
    """The operation that a row of `operations` holds."""
    fields = dict(row)
    fields["kind"] = OperationKind(fields["kind"])
    fields["purpose"] = Purpose(fields["purpose"])
    fields["state"] = OperationState(fields["state"])
    return Operation(**fields)


def _attempt(row: asyncpg.Record, payment: Payment) -> Attempt:
    """Attempts from before payments could change their processor do not name it."""
    fields = dict(row)
    if fields["processor"] is None:
        fields["processor"] = payment.processor
        fields["processor_account_id"] = payment.processor_account_id
    fields["state"] = AttemptState(fields["state"])
    return Attempt(**fields)
