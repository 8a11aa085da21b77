"""Bills as they are stored. Changes are made inside the caller's transaction, under `lock_bill`.

What a bill was paid is read off its orders. Lists and reads of merchants are scoped by merchant and
mode (P9); a shopper knows a bill by its unguessable id alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import asyncpg

from gateway.domain.bills import Bill, BillKind, BillStatus
from gateway.domain.entities import ALIVE, Order, OrderStatus, Payment
from gateway.storage.journal import Connection
from gateway.storage.orders import order_from_row, payment_from_row
from gateway.storage.reads_pages import Listing, Page, Scope, Selection, fetch_page
from gateway.storage.rows import ORDERS, PAYMENTS

__all__ = [
    "BillOrder",
    "bill_id_of_payment",
    "delete_draft",
    "due_bills",
    "earliest_expiry",
    "find_bill",
    "find_bill_of_shopper",
    "forget_payer",
    "insert_bill",
    "list_bills",
    "lock_bill",
    "order_is_over",
    "order_of_bill",
    "paid_by_orders",
    "payments_of_bills",
    "update_bill",
]

_NAMES = [field.name for field in fields(Bill)]
_COLUMNS = ", ".join(_NAMES)
_ARGUMENTS = ", ".join(f"${number}" for number in range(1, len(_NAMES) + 1))
_OWN = "merchant_id = $1 AND mode = $2"
# The names come from our own classes, none from a request.
_INSERT = f"""
INSERT INTO bills ({_COLUMNS}) VALUES ({_ARGUMENTS}) ON CONFLICT DO NOTHING RETURNING true
"""  # noqa: S608
_FIXED = ("id", "kind", "merchant_id", "mode", "created_at")
_MUTABLE = [name for name in _NAMES if name not in _FIXED]
_UPDATE = f"""
UPDATE bills SET {", ".join(f"{name} = ${number}" for number, name in enumerate(_MUTABLE, 2))}
WHERE id = $1
"""  # noqa: S608
_FIND = f"SELECT {_COLUMNS} FROM bills WHERE {_OWN} AND kind = $3 AND id = $4"  # noqa: S608
_LOCK = f"SELECT {_COLUMNS} FROM bills WHERE id = $1 FOR UPDATE"  # noqa: S608
_OF_SHOPPER = f"""
SELECT {_COLUMNS} FROM bills WHERE id = $1 AND status <> 'draft'
"""  # noqa: S608
_DELETE_DRAFT = f"DELETE FROM bills WHERE {_OWN} AND id = $3 AND status = 'draft' RETURNING true"  # noqa: S608
_FORGET = f"""
UPDATE bills SET payer_name = NULL, payer_email = NULL, payer_contact = NULL
WHERE {_OWN} AND customer_id = $3
"""  # noqa: S608
_ORDER = f"""
SELECT {", ".join(ORDERS.columns)}, EXISTS (
    SELECT FROM payments WHERE payments.order_id = orders.id AND payments.status = ANY($2::text[])
) AS is_being_paid
FROM orders WHERE id = $1
"""  # noqa: S608
_ALIVE = sorted(ALIVE)
_OF_PAYMENT = """
SELECT orders.bill_id FROM payments JOIN orders ON orders.id = payments.order_id
WHERE payments.id = $3 AND payments.merchant_id = $1 AND payments.mode = $2
"""
_IS_OVER = "SELECT status NOT IN ('created', 'attempted') FROM orders WHERE id = $1"
_PAID = "SELECT coalesce(sum(amount_paid), 0)::bigint FROM orders WHERE bill_id = $1"
_PAYMENT_COLUMNS = ", ".join(f"payments.{name}" for name in PAYMENTS.columns)
_PAYMENTS = f"""
SELECT orders.bill_id, {_PAYMENT_COLUMNS}
FROM orders JOIN payments ON payments.order_id = orders.id
WHERE orders.bill_id = ANY($1::text[]) AND payments.amount_captured > 0
ORDER BY payments.created_at, payments.id LIMIT $2
"""  # noqa: S608
# What its order was done with, and what its time is over for.
_DUE = """
(SELECT bills.id FROM bills JOIN orders ON orders.id = bills.order_id
 WHERE orders.status IN ('paid', 'cancelled', 'expired') LIMIT $2)
UNION
(SELECT id FROM bills
 WHERE expires_at <= $1 AND status IN ('open', 'partially_paid') ORDER BY expires_at LIMIT $2)
"""
_EARLIEST = """
SELECT min(expires_at) FROM bills WHERE expires_at > $1 AND status IN ('open', 'partially_paid')
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class BillOrder:
    """The one order of a bill that may take money; whether a payment of it is under way or done."""

    order: Order
    is_being_paid: bool

    @property
    def is_over(self) -> bool:
        """Whether it takes no more money."""
        return self.order.status not in (OrderStatus.CREATED, OrderStatus.ATTEMPTED)


async def insert_bill(connection: Connection, bill: Bill) -> bool:
    """Whether it was written; not so when the merchant has a link with this reference."""
    values = [getattr(bill, name) for name in _NAMES]
    return await connection.fetchval(_INSERT, *values) is True


async def update_bill(connection: Connection, bill: Bill) -> None:
    """Write what can change. Raises UniqueViolationError for a reference that is taken."""
    await connection.execute(_UPDATE, bill.id, *(getattr(bill, name) for name in _MUTABLE))


async def find_bill(
    connection: Connection, scope: Scope, kind: BillKind, bill_id: str
) -> Bill | None:
    """The merchant's bill of this kind."""
    row = await connection.fetchrow(_FIND, scope.merchant_id, scope.mode, kind, bill_id)
    return None if row is None else _bill(row)


async def find_bill_of_shopper(connection: Connection, bill_id: str) -> Bill | None:
    """What the shopper's page shows, whoever's it is; drafts are not there."""
    row = await connection.fetchrow(_OF_SHOPPER, bill_id)
    return None if row is None else _bill(row)


async def lock_bill(connection: Connection, bill_id: str) -> Bill | None:
    """The bill; nobody else changes it before the transaction is over."""
    row = await connection.fetchrow(_LOCK, bill_id)
    return None if row is None else _bill(row)


async def list_bills(
    connection: Connection, scope: Scope, kind: BillKind, page: Page, **filters: str | None
) -> tuple[list[Bill], Listing]:
    """The merchant's bills of a kind, newest first; `filters` are columns and their values.

    The page goes by its offset.
    """
    selection = Selection(scope, page)
    selection.add_unless_none("kind = {}", kind.value)
    for name, value in filters.items():
        if name not in _NAMES:
            raise ValueError("this is no column of bills")
        selection.add_unless_none(f"{name} = {{}}", value)
    listing = await fetch_page(
        connection, table="bills", columns=_COLUMNS, selection=selection, page=page
    )
    if listing is None:
        raise ValueError("bills are listed by offset")
    return [_bill(row) for row in listing.rows], listing


async def delete_draft(connection: Connection, scope: Scope, bill_id: str) -> bool:
    """Whether the merchant had such a draft."""
    found = await connection.fetchval(_DELETE_DRAFT, scope.merchant_id, scope.mode, bill_id)
    return found is True


async def forget_payer(connection: Connection, scope: Scope, customer_id: str) -> None:
    """Take the person off the bills of a customer who is deleted; amounts and lines stay."""
    await connection.execute(_FORGET, scope.merchant_id, scope.mode, customer_id)


async def order_of_bill(connection: Connection, bill: Bill) -> BillOrder | None:
    """The order that may take money; None when there is none."""
    if bill.order_id is None:
        return None
    row = await connection.fetchrow(_ORDER, bill.order_id, _ALIVE)
    if row is None:
        return None
    values = dict(row)
    is_being_paid = values.pop("is_being_paid")
    return BillOrder(order=order_from_row(values), is_being_paid=is_being_paid)


async def order_is_over(connection: Connection, order_id: str) -> bool:
    """Whether the order takes no more money."""
    return await connection.fetchval(_IS_OVER, order_id) is True


async def paid_by_orders(connection: Connection, bill_id: str) -> int:
    """What all orders of the bill have taken together, in minor units."""
    paid: int = await connection.fetchval(_PAID, bill_id)
    return paid


async def payments_of_bills(
    connection: Connection, bill_ids: Sequence[str], *, payments_max: int
) -> dict[str, list[Payment]]:
    """The captured payments of each bill, oldest first; `payments_max` of all together."""
    found: dict[str, list[Payment]] = {bill_id: [] for bill_id in bill_ids}
    for row in await connection.fetch(_PAYMENTS, bill_ids, payments_max):
        values: Any = dict(row)
        bill_id = values.pop("bill_id")
        found[bill_id].append(payment_from_row(values))
    return found


async def bill_id_of_payment(connection: Connection, scope: Scope, payment_id: str) -> str | None:
    """The bill that the merchant's payment is a payment of."""
    bill_id: str | None = await connection.fetchval(
        _OF_PAYMENT, scope.merchant_id, scope.mode, payment_id
    )
    return bill_id


async def due_bills(connection: Connection, now: datetime, limit: int) -> list[str]:
    """Bills whose order is over, or whose time is."""
    return [row["id"] for row in await connection.fetch(_DUE, now, limit)]


async def earliest_expiry(connection: Connection, now: datetime) -> datetime | None:
    """When the next bill is to expire."""
    moment: datetime | None = await connection.fetchval(_EARLIEST, now)
    return moment


def _bill(row: asyncpg.Record) -> Bill:
    values: dict[str, Any] = dict(row)
    values["kind"] = BillKind(values["kind"])
    values["status"] = BillStatus(values["status"])
    return Bill(**values)
