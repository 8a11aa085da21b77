"""Customers as they are stored, scoped by merchant and mode (P9). Writes run inside the caller's
transaction.

A deleted customer's row stays without the person: nothing here finds it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, fields
from datetime import datetime
from typing import Any

from gateway.domain.customers import Customer
from gateway.storage.journal import Connection
from gateway.storage.reads_pages import Listing, Page, Scope, Selection, fetch_page

__all__ = [
    "CUSTOMER_FIELDS",
    "customers_to_erase",
    "delete_customer",
    "find_customer",
    "find_same_customer",
    "finish_erasure",
    "insert_customer",
    "list_customers",
    "orders_to_erase",
    "update_customer",
]

CUSTOMER_FIELDS = frozenset({"name", "email", "contact", "notes"})
"""The columns of `customers` that a merchant may change."""

_COLUMNS = ", ".join(field.name for field in fields(Customer))
_OWN = "merchant_id = $1 AND mode = $2 AND deleted_at IS NULL"
# The names come from our own class, none from a request.
_FIND = f"SELECT {_COLUMNS} FROM customers WHERE id = $3 AND {_OWN}"  # noqa: S608
_FIND_SAME = f"""
SELECT {_COLUMNS} FROM customers
WHERE {_OWN} AND lower(coalesce(email, '')) = lower($3) AND coalesce(contact, '') = $4
  AND (email IS NOT NULL OR contact IS NOT NULL)
"""  # noqa: S608
_INSERT = f"""
INSERT INTO customers ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT DO NOTHING RETURNING true
"""  # noqa: S608
_DELETE = f"""
UPDATE customers
SET name = NULL, email = NULL, contact = NULL, notes = '{{}}', deleted_at = $4, updated_at = $4
WHERE id = $3 AND {_OWN} RETURNING true
"""  # noqa: S608

_TO_ERASE = """
SELECT id FROM customers WHERE deleted_at IS NOT NULL AND erased_at IS NULL
ORDER BY deleted_at LIMIT $1
"""
_ORDERS_TO_ERASE = """
SELECT DISTINCT order_id FROM payments
WHERE customer_id = $1
  AND (payer_name IS NOT NULL OR payer_email IS NOT NULL OR payer_contact IS NOT NULL)
LIMIT $2
"""
_ERASED = """
UPDATE customers SET erased_at = $2
WHERE id = $1 AND deleted_at IS NOT NULL AND erased_at IS NULL
"""


async def find_customer(connection: Connection, scope: Scope, customer_id: str) -> Customer | None:
    """The merchant's customer."""
    row = await connection.fetchrow(_FIND, scope.merchant_id, scope.mode, customer_id)
    return None if row is None else Customer(**row)


async def find_same_customer(
    connection: Connection, scope: Scope, email: str | None, contact: str | None
) -> Customer | None:
    """The merchant's customer with this e-mail, whatever its case, and this contact."""
    row = await connection.fetchrow(
        _FIND_SAME, scope.merchant_id, scope.mode, email or "", contact or ""
    )
    return None if row is None else Customer(**row)


async def list_customers(
    connection: Connection,
    scope: Scope,
    page: Page,
    *,
    email: str | None = None,
    contact: str | None = None,
) -> tuple[list[Customer], Listing] | None:
    """The merchant's customers, newest first; None when the page starts after an unknown one."""
    selection = Selection(scope, page)
    selection.add("deleted_at IS NULL")
    selection.add_unless_none("lower(coalesce(email, '')) = lower({})", email)
    selection.add_unless_none("coalesce(contact, '') = {}", contact)
    listing = await fetch_page(
        connection, table="customers", columns=_COLUMNS, selection=selection, page=page
    )
    return None if listing is None else ([Customer(**row) for row in listing.rows], listing)


async def insert_customer(connection: Connection, customer: Customer) -> bool:
    """Whether it was written; not so when the merchant has one with this e-mail and contact."""
    return await connection.fetchval(_INSERT, *astuple(customer)) is True


async def update_customer(
    connection: Connection,
    scope: Scope,
    customer_id: str,
    changes: Mapping[str, Any],
    now: datetime,
) -> Customer | None:
    """The customer after the changes; None when the merchant has no such one.

    Raises ValueError for a column that is not among CUSTOMER_FIELDS, and UniqueViolationError when
    another customer has this e-mail and contact.
    """
    if not changes.keys() <= CUSTOMER_FIELDS:
        raise ValueError("this column is not a merchant's to change")
    columns = list(changes)
    assignments = [f"{name} = ${number}" for number, name in enumerate(columns, 5)]
    row = await connection.fetchrow(
        f"UPDATE customers SET {', '.join(['updated_at = $4', *assignments])} "  # noqa: S608 - checked
        f"WHERE id = $3 AND {_OWN} RETURNING {_COLUMNS}",
        scope.merchant_id,
        scope.mode,
        customer_id,
        now,
        *(changes[name] for name in columns),
    )
    return None if row is None else Customer(**row)


async def delete_customer(
    connection: Connection, scope: Scope, customer_id: str, now: datetime
) -> bool:
    """Take the person away; whether the merchant had such a customer."""
    found = await connection.fetchval(_DELETE, scope.merchant_id, scope.mode, customer_id, now)
    return found is True


async def customers_to_erase(connection: Connection, limit: int) -> list[str]:
    """Deleted customers whose payments may still say who they were, whoever's they are."""
    return [row["id"] for row in await connection.fetch(_TO_ERASE, limit)]


async def orders_to_erase(connection: Connection, customer_id: str, limit: int) -> list[str]:
    """Orders with payments that say who the customer was."""
    rows = await connection.fetch(_ORDERS_TO_ERASE, customer_id, limit)
    return [row["order_id"] for row in rows]


async def finish_erasure(connection: Connection, customer_id: str, now: datetime) -> None:
    """Nothing of the person is left."""
    await connection.execute(_ERASED, customer_id, now)
