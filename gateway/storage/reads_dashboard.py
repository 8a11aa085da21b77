"""The lists of the dashboard: payments, orders and refunds, searched and filtered, page by page.

Every list is scoped by merchant and mode (P9), newest first. Filters look through at most
`scan_max` rows a page and say where they stopped, so that a rare status in a million payments
cannot hold the database up.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

import asyncpg

from gateway.domain.entities import Order, Payment, Refund
from gateway.storage.journal import Connection
from gateway.storage.orders import order_from_row, payment_from_row, refund_from_row
from gateway.storage.reads_dashboard_cursors import Cursor
from gateway.storage.reads_dashboard_query import Filters, Query
from gateway.storage.reads_dashboard_search import (
    Sought,
    order_conditions,
    payment_conditions,
    refund_conditions,
)
from gateway.storage.reads_dashboard_terms import Term
from gateway.storage.reads_pages import Scope
from gateway.storage.rows import ORDERS, PAYMENTS, REFUNDS

__all__ = [
    "ORDER_LIST",
    "PAYMENT_LIST",
    "REFUND_LIST",
    "Found",
    "ListLimits",
    "RowList",
    "Total",
    "count_rows",
    "find_rows",
    "load_list",
    "receipts_of",
]

Row = TypeVar("Row", Order, Payment, Refund)

_OWN = ("merchant_id = $1", "mode = $2")
_ORDERED = {False: "created_at DESC, id DESC", True: "created_at, id"}
_RECEIPTS = """
SELECT id, receipt FROM orders
WHERE merchant_id = $1 AND mode = $2 AND id = ANY($3::text[]) AND receipt IS NOT NULL
"""
# Where something is common it is among the newest rows; only what is rare needs the index. What
# is not among the first of them is not looked for among the rest.
_LOOKS = (4_000, 20_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListLimits:
    """`page` rows a page; `scan_max` rows looked through for it; `total_max` counted exactly."""

    page: int = 25
    scan_max: int = 50_000
    total_max: int = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RowList(Generic[Row]):
    """One of the lists: its table, and how its rows are read and searched.

    `indexed_statuses` have an index of their own, so that no other rows are looked through.
    """

    table: str
    columns: str
    read: Callable[[Mapping[str, Any]], Row]
    search: Callable[[Connection, Scope, Query, Term], Awaitable[Sought]]
    indexed_statuses: frozenset[str] = frozenset()

    def query(self, scope: Scope, filters: Filters, cursor: Cursor | None = None) -> Query:
        """The conditions of a page of this list."""
        return Query(scope, filters, cursor, indexed_statuses=self.indexed_statuses)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found(Generic[Row]):
    """A page. `newer` and `older` are where its neighbours begin, None where there is none.

    `further` is where the look through the rows stopped before the page was full.
    """

    rows: Sequence[Row]
    newer: Cursor | None = None
    older: Cursor | None = None
    further: Cursor | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """How many rows there are: exactly `count`, or that many and more."""

    count: int
    exact: bool = True


PAYMENT_LIST: RowList[Payment] = RowList(
    table="payments",
    columns=", ".join(PAYMENTS.columns),
    read=payment_from_row,
    search=payment_conditions,
    # Those of the index payments_unsuccessful.
    indexed_statuses=frozenset({"requires_action", "unknown", "failed", "cancelled", "expired"}),
)
ORDER_LIST: RowList[Order] = RowList(
    table="orders", columns=", ".join(ORDERS.columns), read=order_from_row, search=order_conditions
)
REFUND_LIST: RowList[Refund] = RowList(
    table="refunds",
    columns=", ".join(REFUNDS.columns),
    read=refund_from_row,
    search=refund_conditions,
)


async def find_rows(
    connection: Connection,
    rows: RowList[Row],
    scope: Scope,
    filters: Filters,
    *,
    cursor: Cursor | None,
    limits: ListLimits,
) -> Found[Row]:
    """The page at the cursor, the first one without. `connection` is one of `searching`."""
    query = rows.query(scope, filters, cursor)
    sought = await _sought(connection, rows, scope, query, filters)
    if sought is not None and sought.nothing:
        return Found(rows=())
    limit, further = limits.page + 1, None
    records: list[asyncpg.Record] = []
    if sought is None:
        statement = _looking_through(rows, query, limits.scan_max, limit)
        records = await connection.fetch(statement, *query.arguments)
        if len(records) < limit:
            further = await _stopped_at(connection, rows, query, limits.scan_max)
    elif not sought.is_direct:
        records = await _among_newest(connection, rows, query, limit)
    if sought is not None and len(records) < limit:
        records = await _by_index(connection, rows, query, sought, limit)
    return _found(rows, [dict(record) for record in records], cursor, further, limits.page)


async def load_list(
    connection: Connection,
    rows: RowList[Row],
    scope: Scope,
    filters: Filters,
    *,
    cursor: Cursor | None,
    limits: ListLimits,
) -> tuple[Found[Row], Total]:
    """The page at the cursor and how many rows there are, without counting what is on the page.

    With a search term `connection` is one of `searching`; without, it is all but for rare filters
    one statement.
    """
    if filters.term is None:
        return await _load_plain(connection, rows, scope, filters, cursor=cursor, limits=limits)
    found = await find_rows(connection, rows, scope, filters, cursor=cursor, limits=limits)
    if cursor is None and found.older is None:
        return found, Total(count=len(found.rows), exact=found.further is None)
    return found, await count_rows(connection, rows, scope, filters, limits=limits)


async def count_rows(
    connection: Connection,
    rows: RowList[Row],
    scope: Scope,
    filters: Filters,
    *,
    limits: ListLimits,
) -> Total:
    """How many rows the filters let through: exact to `total_max`, then that many and more.

    A lower bound too where `scan_max` rows were looked through before all were counted.
    """
    query = rows.query(scope, filters)
    sought = await _sought(connection, rows, scope, query, filters)
    if sought is None:
        count = await connection.fetchval(
            f"SELECT {_counted(rows, query, limits)}", *query.arguments
        )
        return await _total(connection, rows, query, count, limits)
    if sought.nothing:
        return Total(count=0)
    source = f"{rows.table} WHERE {_searched(query, sought)} LIMIT {limits.total_max + 1}"
    count = await connection.fetchval(
        f"SELECT count(*) FROM (SELECT FROM {source}) AS counted",  # noqa: S608 - our own names
        *query.arguments,
    )
    return Total(count=min(count, limits.total_max), exact=count <= limits.total_max)


async def receipts_of(
    connection: Connection, scope: Scope, order_ids: Sequence[str]
) -> Mapping[str, str]:
    """The receipts of the merchant's orders that have one, by the orders' ids."""
    rows = await connection.fetch(_RECEIPTS, scope.merchant_id, scope.mode, order_ids)
    return {row["id"]: row["receipt"] for row in rows}


async def _load_plain(
    connection: Connection,
    rows: RowList[Row],
    scope: Scope,
    filters: Filters,
    *,
    cursor: Cursor | None,
    limits: ListLimits,
) -> tuple[Found[Row], Total]:
    """Page and total of a list without a search term: what is common in one statement."""
    query = rows.query(scope, filters, cursor)
    limit, further = limits.page + 1, None
    statement = _looking_through(rows, query, limits.scan_max, limit)
    records = await connection.fetch(
        f"SELECT *, {_counted(rows, query, limits)} AS total FROM ({statement}) AS page",  # noqa: S608 - our own names
        *query.arguments,
    )
    if len(records) < limit and query.conditions:
        further = await _stopped_at(connection, rows, query, limits.scan_max)
    page = [dict(record) for record in records]
    counts = [row.pop("total") for row in page]
    found = _found(rows, page, cursor, further, limits.page)
    if cursor is None and found.older is None:
        return found, Total(count=len(page), exact=further is None)
    if not counts:
        return found, await count_rows(connection, rows, scope, filters, limits=limits)
    return found, await _total(connection, rows, query, counts[0], limits)


async def _total(
    connection: Connection,
    rows: RowList[Row],
    query: Query,
    count: int,
    limits: ListLimits,
) -> Total:
    """What `count` rows tell, which `_counted` has counted."""
    if count > limits.total_max:
        return Total(count=limits.total_max, exact=False)
    if not query.conditions:
        return Total(count=count)
    stopped = await _stopped_at(connection, rows, query, limits.scan_max, from_start=True)
    return Total(count=count, exact=stopped is None)


async def _sought(
    connection: Connection, rows: RowList[Row], scope: Scope, query: Query, filters: Filters
) -> Sought | None:
    """Add what the search box asks for; None when that needs no index of its own."""
    if filters.term is None:
        return None
    sought = await rows.search(connection, scope, query, filters.term)
    if not sought.nothing:
        query.conditions.append(sought.condition)
    return None if sought.is_plain else sought


def _counted(rows: RowList[Row], query: Query, limits: ListLimits) -> str:
    """An expression: how many rows there are wherever the page begins, one too many at most."""
    most = limits.total_max + 1
    source = f"{rows.table} WHERE {_all([*_OWN, *query.window])}"
    if query.conditions:
        window = _window(rows, query, limits.scan_max, place=())
        source = f"({window}) AS seen WHERE {_all(query.conditions)}"
    return f"(SELECT count(*) FROM (SELECT FROM {source} LIMIT {most}) AS counted)"  # noqa: S608 - our own names


def _window(rows: RowList[Row], query: Query, seen_max: int, *, place: Sequence[str]) -> str:
    """The rows to look through, `seen_max` at most."""
    where = _all([*_OWN, *query.window, *place])
    return (
        f"SELECT {rows.columns} FROM {rows.table} WHERE {where} "  # noqa: S608 - our own names
        f"ORDER BY {_ORDERED[query.newer]} LIMIT {seen_max}"
    )


def _looking_through(rows: RowList[Row], query: Query, seen_max: int, limit: int) -> str:
    return (
        f"SELECT * FROM ({_window(rows, query, seen_max, place=query.place)}) AS seen "  # noqa: S608 - our own names
        f"WHERE {_all(query.conditions)} ORDER BY {_ORDERED[query.newer]} LIMIT {limit}"
    )


async def _stopped_at(
    connection: Connection,
    rows: RowList[Row],
    query: Query,
    seen_max: int,
    *,
    from_start: bool = False,
) -> Cursor | None:
    """The last row that was looked at from the query's place on, or from where the list begins.

    None where there is no row after it.
    """
    where = _all([*_OWN, *query.window, *(() if from_start else query.place)])
    statement = (
        f"SELECT created_at, id FROM {rows.table} WHERE {where} "  # noqa: S608 - our own names
        f"ORDER BY {_ORDERED[query.newer]} LIMIT 2 OFFSET {seen_max - 1}"
    )
    arguments = query.window_arguments if from_start else query.place_arguments
    found = await connection.fetch(statement, *arguments)
    if len(found) < len(("the last", "one after it")):
        return None
    return Cursor(created_at=found[0]["created_at"], id=found[0]["id"], newer=query.newer)


async def _among_newest(
    connection: Connection, rows: RowList[Row], query: Query, limit: int
) -> list[asyncpg.Record]:
    """A page of what is common; less of it, or nothing, where it is not."""
    records: list[asyncpg.Record] = []
    for seen_max in _LOOKS:
        statement = _looking_through(rows, query, seen_max, limit)
        records = await connection.fetch(statement, *query.arguments)
        if not records or len(records) >= limit:
            break
    return records


async def _by_index(
    connection: Connection,
    rows: RowList[Row],
    query: Query,
    sought: Sought,
    limit: int,
) -> list[asyncpg.Record]:
    statement = (
        f"SELECT {rows.columns} FROM {rows.table} WHERE {_searched(query, sought)} "  # noqa: S608 - our own names
        f"ORDER BY {_ORDERED[query.newer]} LIMIT {limit}"
    )
    return await connection.fetch(statement, *query.arguments)


def _searched(query: Query, sought: Sought) -> str:
    """All conditions. Without an id those of the scope keep to themselves, so that the planner
    does not go through all of the merchant's rows where the search index is to be used."""
    scope = _OWN if sought.is_direct else [f"({condition}) IS TRUE" for condition in _OWN]
    return _all([*scope, *query.window, *query.place, *query.conditions])


def _all(conditions: Sequence[str]) -> str:
    return " AND ".join(conditions) or "TRUE"


def _found(
    rows: RowList[Row],
    records: Sequence[Mapping[str, Any]],
    cursor: Cursor | None,
    further: Cursor | None,
    limit: int,
) -> Found[Row]:
    newer = cursor is not None and cursor.newer
    more = len(records) > limit
    page = list(records[:limit])
    if newer:
        page.reverse()
    if not page:
        # The row that an empty page begins after is there, on the other side.
        behind = None if cursor is None else replace(cursor, newer=not newer)
        return Found(
            rows=(),
            newer=behind if not newer else None,
            older=behind if newer else None,
            further=further,
        )
    first, last = page[0], page[-1]
    has_newer, has_older = (more, True) if newer else (cursor is not None, more)
    return Found(
        rows=[rows.read(record) for record in page],
        newer=_place(first, newer=True) if has_newer else None,
        older=_place(last, newer=False) if has_older else None,
        further=further,
    )


def _place(record: Mapping[str, Any], *, newer: bool) -> Cursor:
    return Cursor(created_at=record["created_at"], id=record["id"], newer=newer)
