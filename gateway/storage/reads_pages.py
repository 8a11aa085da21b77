"""Lists: newest first, scoped by merchant and mode, in pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from gateway.storage.journal import Connection

__all__ = ["Listing", "Page", "Scope", "Selection", "fetch_page"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Whose rows may be read (P9): one merchant's, in one mode."""

    merchant_id: UUID
    mode: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Which part of a list: `limit` rows after `offset`, or after the row `starting_after`.

    `since` and `until` bound the time of creation, both included.
    """

    limit: int = 10
    offset: int = 0
    starting_after: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The rows of a page; `total` counts all that the filters let through."""

    rows: Sequence[asyncpg.Record]
    total: int
    has_more: bool


class Selection:
    """The conditions of a list with their arguments; what a request says is only an argument."""

    def __init__(self, scope: Scope, page: Page) -> None:
        self.arguments: list[Any] = [scope.merchant_id, scope.mode]
        self._conditions = ["merchant_id = $1", "mode = $2"]
        self.add_unless_none("created_at >= {}", page.since)
        self.add_unless_none("created_at <= {}", page.until)

    def add(self, condition: str) -> None:
        """A condition without an argument."""
        self._conditions.append(condition)

    def add_unless_none(self, condition: str, argument: Any) -> None:
        """A condition whose `{}` stands for the argument; none at all when that is None."""
        if argument is not None:
            self.arguments.append(argument)
            self._conditions.append(condition.format(f"${len(self.arguments)}"))

    @property
    def where(self) -> str:
        """All conditions in one."""
        return " AND ".join(self._conditions)


async def fetch_page(
    connection: Connection, *, table: str, columns: str, selection: Selection, page: Page
) -> Listing | None:
    """The rows of `table` that `selection` lets through, newest first.

    None when `page.starting_after` is not among the merchant's rows. Table and columns are names in
    our code.
    """
    total = await connection.fetchval(
        f"SELECT count(*) FROM {table} WHERE {selection.where}",  # noqa: S608 - our own names
        *selection.arguments,
    )
    if page.starting_after is not None and not await _start_after(
        connection, table, selection, page.starting_after
    ):
        return None
    number = len(selection.arguments)
    rows = await connection.fetch(
        f"SELECT {columns} FROM {table} WHERE {selection.where} "  # noqa: S608 - our own names
        f"ORDER BY created_at DESC, id DESC LIMIT ${number + 1} OFFSET ${number + 2}",
        *selection.arguments,
        page.limit + 1,
        0 if page.starting_after is not None else page.offset,
    )
    return Listing(rows=rows[: page.limit], total=total, has_more=len(rows) > page.limit)


async def _start_after(
    connection: Connection, table: str, selection: Selection, row_id: str
) -> bool:
    created_at = await connection.fetchval(
        f"SELECT created_at FROM {table} "  # noqa: S608 - our own names
        "WHERE id = $3 AND merchant_id = $1 AND mode = $2",
        *selection.arguments[:2],
        row_id,
    )
    if created_at is None:
        return False
    selection.arguments += [created_at, row_id]
    number = len(selection.arguments)
    selection.add(f"(created_at, id) < (${number - 1}, ${number})")
    return True
