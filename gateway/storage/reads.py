"""Orders, payments, refunds and operations as they are stored, for answers to requests.

Everything a merchant reads is scoped by merchant and mode (P9). What has no scope here serves the
checkout, which knows an order or a payment by its unguessable id alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.domain.entities import Operation, Order, Payment, Refund
from gateway.domain.routing import Rule
from gateway.storage.journal import Connection
from gateway.storage.orders import (
    operation_from_row,
    order_from_row,
    payment_from_row,
    refund_from_row,
)
from gateway.storage.reads_pages import Listing, Page, Scope, Selection, fetch_page
from gateway.storage.routing_rules import rules_from_json, rules_of
from gateway.storage.rows import OPERATIONS, ORDERS, PAYMENTS, REFUNDS

__all__ = [
    "PublicOrder",
    "find_operation",
    "find_operation_and_payment",
    "find_order",
    "find_payment",
    "find_public_order",
    "find_public_payment",
    "find_public_payments",
    "find_refund",
    "list_orders",
    "list_payments",
    "list_refunds",
    "order_of_payment",
    "payments_of_orders",
]

_ORDER_COLUMNS = ", ".join(ORDERS.columns)
_PAYMENT_COLUMNS = ", ".join(PAYMENTS.columns)
_REFUND_COLUMNS = ", ".join(REFUNDS.columns)
_OPERATION_COLUMNS = ", ".join(OPERATIONS.columns)

_OWN = "WHERE id = $1 AND merchant_id = $2 AND mode = $3"
# The names come from the tables in our code, none from a request.
_ORDER = f"SELECT {_ORDER_COLUMNS} FROM orders {_OWN}"  # noqa: S608
_PAYMENT = f"SELECT {_PAYMENT_COLUMNS} FROM payments {_OWN}"  # noqa: S608
_REFUND = f"SELECT {_REFUND_COLUMNS} FROM refunds {_OWN}"  # noqa: S608
_ORDER_OF_PAYMENT = f"SELECT order_id FROM payments {_OWN}"  # noqa: S608
_PAYMENTS_OF_ORDERS = f"""
SELECT {_PAYMENT_COLUMNS} FROM payments
WHERE order_id = ANY($1::text[]) AND merchant_id = $2 AND mode = $3
ORDER BY created_at DESC, id DESC LIMIT $4
"""  # noqa: S608
_OPERATION = f"SELECT {_OPERATION_COLUMNS} FROM operations WHERE id = $1"  # noqa: S608
_OPERATION_AND_PAYMENT = f"""
SELECT {", ".join(f"operations.{name}" for name in OPERATIONS.columns)},
       {", ".join(f"payments.{name}" for name in PAYMENTS.columns)}
FROM operations JOIN payments ON payments.id = operations.payment_id WHERE operations.id = $1
"""  # noqa: S608

_PUBLIC_ORDER = f"""
SELECT {", ".join(f"orders.{name}" for name in ORDERS.columns)},
       merchants.name AS merchant_name, merchants.enabled_methods,
       {rules_of("orders.merchant_id", "orders.mode")} AS routing_rules
FROM orders JOIN merchants ON merchants.id = orders.merchant_id
WHERE orders.id = $1 AND merchants.active
"""  # noqa: S608
_PUBLIC_PAYMENTS = f"""
SELECT {", ".join(f"payments.{name}" for name in PAYMENTS.columns)}
FROM payments JOIN merchants ON merchants.id = payments.merchant_id
WHERE payments.id = ANY($1::text[]) AND merchants.active
"""  # noqa: S608


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicOrder:
    """An order with what the checkout needs to know of its merchant.

    `routing_rules` are those that are active, in order.
    """

    order: Order
    merchant_name: str
    enabled_methods: frozenset[str]
    routing_rules: tuple[Rule, ...]


async def find_order(connection: Connection, scope: Scope, order_id: str) -> Order | None:
    """The merchant's order."""
    row = await connection.fetchrow(_ORDER, order_id, scope.merchant_id, scope.mode)
    return None if row is None else order_from_row(row)


async def find_payment(connection: Connection, scope: Scope, payment_id: str) -> Payment | None:
    """The merchant's payment."""
    row = await connection.fetchrow(_PAYMENT, payment_id, scope.merchant_id, scope.mode)
    return None if row is None else payment_from_row(row)


async def find_refund(connection: Connection, scope: Scope, refund_id: str) -> Refund | None:
    """The merchant's refund."""
    row = await connection.fetchrow(_REFUND, refund_id, scope.merchant_id, scope.mode)
    return None if row is None else refund_from_row(row)


async def order_of_payment(connection: Connection, scope: Scope, payment_id: str) -> str | None:
    """The id of the order that the merchant's payment belongs to."""
    found: str | None = await connection.fetchval(
        _ORDER_OF_PAYMENT, payment_id, scope.merchant_id, scope.mode
    )
    return found


async def find_operation(connection: Connection, operation_id: str) -> Operation | None:
    """An operation; whoever asks has its id from the merchant's own payment or key."""
    row = await connection.fetchrow(_OPERATION, operation_id)
    return None if row is None else operation_from_row(row)


async def find_operation_and_payment(
    connection: Connection, operation_id: str
) -> tuple[Operation, Payment] | None:
    """As `find_operation`, with the payment as it was at the same moment."""
    row = await connection.fetchrow(_OPERATION_AND_PAYMENT, operation_id)
    if row is None:
        return None
    values, cut = tuple(row), len(OPERATIONS.columns)
    operation = operation_from_row(dict(zip(OPERATIONS.columns, values[:cut], strict=True)))
    payment = payment_from_row(dict(zip(PAYMENTS.columns, values[cut:], strict=True)))
    return operation, payment


async def find_public_order(connection: Connection, order_id: str) -> PublicOrder | None:
    """An order for the checkout; None also when its merchant was disabled."""
    row = await connection.fetchrow(_PUBLIC_ORDER, order_id)
    if row is None:
        return None
    fields = dict(row)
    name, methods = fields.pop("merchant_name"), fields.pop("enabled_methods")
    rules = rules_from_json(fields.pop("routing_rules"))
    return PublicOrder(
        order=order_from_row(fields),
        merchant_name=name,
        enabled_methods=frozenset(methods),
        routing_rules=rules,
    )


async def find_public_payment(connection: Connection, payment_id: str) -> Payment | None:
    """A payment for the checkout; None also when its merchant was disabled."""
    return (await find_public_payments(connection, [payment_id])).get(payment_id)


async def find_public_payments(
    connection: Connection, payment_ids: Sequence[str]
) -> dict[str, Payment]:
    """Payments for the checkout by their ids, without those whose merchants were disabled."""
    rows = await connection.fetch(_PUBLIC_PAYMENTS, payment_ids)
    return {row["id"]: payment_from_row(row) for row in rows}


async def list_orders(
    connection: Connection,
    scope: Scope,
    page: Page,
    *,
    status: str | None = None,
    receipt: str | None = None,
    authorized: bool | None = None,
) -> tuple[list[Order], Listing] | None:
    """The merchant's orders, newest first; None when the page starts after an unknown one.

    `authorized` chooses those that have a successful payment, captured or not, or those without.
    """
    selection = Selection(scope, page)
    selection.add_unless_none("status = {}", status)
    selection.add_unless_none("receipt = {}", receipt)
    if authorized is not None:
        paid = "EXISTS (SELECT FROM payments WHERE order_id = orders.id AND status = 'success')"
        selection.add(paid if authorized else f"NOT {paid}")
    listing = await fetch_page(
        connection, table="orders", columns=_ORDER_COLUMNS, selection=selection, page=page
    )
    return None if listing is None else ([order_from_row(row) for row in listing.rows], listing)


async def list_payments(
    connection: Connection,
    scope: Scope,
    page: Page,
    *,
    status: str | None = None,
    order_id: str | None = None,
) -> tuple[list[Payment], Listing] | None:
    """The merchant's payments, newest first; None when the page starts after an unknown one."""
    selection = Selection(scope, page)
    selection.add_unless_none("status = {}", status)
    selection.add_unless_none("order_id = {}", order_id)
    listing = await fetch_page(
        connection, table="payments", columns=_PAYMENT_COLUMNS, selection=selection, page=page
    )
    return None if listing is None else ([payment_from_row(row) for row in listing.rows], listing)


async def payments_of_orders(
    connection: Connection, scope: Scope, order_ids: Sequence[str], *, payments_max: int
) -> dict[str, list[Payment]]:
    """The payments of each of the merchant's orders, newest first, `payments_max` of all."""
    rows = await connection.fetch(
        _PAYMENTS_OF_ORDERS, order_ids, scope.merchant_id, scope.mode, payments_max
    )
    found: dict[str, list[Payment]] = {order_id: [] for order_id in order_ids}
    for row in rows:
        found[row["order_id"]].append(payment_from_row(row))
    return found


async def list_refunds(
    connection: Connection,
    scope: Scope,
    page: Page,
    *,
    status: str | None = None,
    payment_id: str | None = None,
) -> tuple[list[Refund], Listing] | None:
    """The merchant's refunds, newest first; None when the page starts after an unknown one."""
    selection = Selection(scope, page)
    selection.add_unless_none("status = {}", status)
    selection.add_unless_none("payment_id = {}", payment_id)
    listing = await fetch_page(
        connection, table="refunds", columns=_REFUND_COLUMNS, selection=selection, page=page
    )
    return None if listing is None else ([refund_from_row(row) for row in listing.rows], listing)
