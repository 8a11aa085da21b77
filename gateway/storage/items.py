"""Items as they are stored, scoped by merchant and mode (P9). Writes run inside the caller's
transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from gateway.domain.line_items import Item
from gateway.storage.journal import Connection
from gateway.storage.reads_pages import Page, Scope, Selection, fetch_page

__all__ = [
    "ITEM_FIELDS",
    "delete_item",
    "find_items",
    "insert_item",
    "list_items",
    "update_item",
]

ITEM_FIELDS = frozenset({"name", "description", "amount", "currency", "active"})
"""The columns of `items` that a merchant may change."""

_NAMES = [field.name for field in fields(Item)]
_COLUMNS = ", ".join(_NAMES)
_OWN = "merchant_id = $1 AND mode = $2"
# The names come from our own class, none from a request.
_FIND = f"SELECT {_COLUMNS} FROM items WHERE {_OWN} AND id = ANY($3::text[])"  # noqa: S608
_ARGUMENTS = ", ".join(f"${number}" for number in range(1, len(_NAMES) + 1))
_INSERT = f"INSERT INTO items ({_COLUMNS}) VALUES ({_ARGUMENTS})"  # noqa: S608
_DELETE = f"DELETE FROM items WHERE {_OWN} AND id = $3 RETURNING true"  # noqa: S608


async def find_items(
    connection: Connection, scope: Scope, item_ids: Sequence[str]
) -> dict[str, Item]:
    """Those of the items that are the merchant's, by their ids."""
    rows = await connection.fetch(_FIND, scope.merchant_id, scope.mode, item_ids)
    return {row["id"]: Item(**row) for row in rows}


async def list_items(
    connection: Connection, scope: Scope, page: Page, *, active: bool | None = None
) -> list[Item]:
    """The merchant's items, newest first. The page goes by its offset."""
    selection = Selection(scope, page)
    selection.add_unless_none("active = {}", active)
    listing = await fetch_page(
        connection, table="items", columns=_COLUMNS, selection=selection, page=page
    )
    if listing is None:
        raise ValueError("items are listed by offset")
    return [Item(**row) for row in listing.rows]


async def insert_item(connection: Connection, item: Item) -> None:
    """A new row."""
    await connection.execute(_INSERT, *(getattr(item, name) for name in _NAMES))


async def update_item(
    connection: Connection, scope: Scope, item_id: str, changes: Mapping[str, Any], now: datetime
) -> Item | None:
    """The item after the changes; None when the merchant has no such one.

    Raises ValueError for a column that is not among ITEM_FIELDS.
    """
    if not changes.keys() <= ITEM_FIELDS:
        raise ValueError("this column is not a merchant's to change")
    assignments = [f"{name} = ${number}" for number, name in enumerate(changes, 5)]
    row = await connection.fetchrow(
        f"UPDATE items SET {', '.join(['updated_at = $4', *assignments])} "  # noqa: S608 - checked
        f"WHERE id = $3 AND {_OWN} RETURNING {_COLUMNS}",
        scope.merchant_id,
        scope.mode,
        item_id,
        now,
        *changes.values(),
    )
    return None if row is None else Item(**row)


async def delete_item(connection: Connection, scope: Scope, item_id: str) -> bool:
    """Whether the merchant had such an item. Lines of invoices have copies and stay."""
    found = await connection.fetchval(_DELETE, scope.merchant_id, scope.mode, item_id)
    return found is True
