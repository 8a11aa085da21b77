"""Customers as the dashboard lists them: searched by whatever is known of somebody (P9)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

from gateway.domain.customers import Customer
from gateway.domain.entities import Payment
from gateway.storage.journal import Connection
from gateway.storage.orders import payment_from_row
from gateway.storage.reads_pages import Scope
from gateway.storage.rows import PAYMENTS

__all__ = ["payments_of_customer", "search_customers"]

_COLUMNS = ", ".join(field.name for field in fields(Customer))
# The names come from our own classes, none from a request.
_SEARCH = f"""
SELECT {_COLUMNS} FROM customers
WHERE merchant_id = $1 AND mode = $2 AND deleted_at IS NULL
  AND ($3::text IS NULL OR id = $3 OR name ILIKE $4 OR email ILIKE $4 OR contact LIKE $4)
  AND ($5::text IS NULL OR (created_at, id) < (
      SELECT created_at, id FROM customers WHERE id = $5 AND merchant_id = $1 AND mode = $2))
ORDER BY created_at DESC, id DESC LIMIT $6
"""  # noqa: S608
_PAYMENTS = f"""
SELECT {", ".join(PAYMENTS.columns)} FROM payments
WHERE customer_id = $3 AND merchant_id = $1 AND mode = $2
ORDER BY created_at DESC, id DESC LIMIT $4
"""  # noqa: S608


async def search_customers(
    connection: Connection, scope: Scope, text: str | None, *, after: str | None, limit: int
) -> Sequence[Customer]:
    """Those whose name, e-mail or contact has `text` in it, or whose id it is; newest first.

    `after` is the id of the last one that was seen. An id that the merchant has not finds nothing.
    """
    pattern = None
    if text is not None:
        escaped = text.replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_")
        pattern = f"%{escaped}%"
    rows = await connection.fetch(
        _SEARCH, scope.merchant_id, scope.mode, text, pattern, after, limit
    )
    return [Customer(**row) for row in rows]


async def payments_of_customer(
    connection: Connection, scope: Scope, customer_id: str, *, limit: int
) -> Sequence[Payment]:
    """The customer's payments, newest first."""
    rows = await connection.fetch(_PAYMENTS, scope.merchant_id, scope.mode, customer_id, limit)
    return [payment_from_row(row) for row in rows]
