"""How the dashboard asks, by the connections of `open_reading_pool`.

Rows are found in one of three ways: by an id; by looking through the newest rows up to a limit;
by the block range indexes for search. What a request says is only ever an argument.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from gateway.domain.typed_amounts import CURRENCIES_BY_EXPONENT, TypedAmount
from gateway.storage.journal import Connection
from gateway.storage.reads_dashboard_cursors import Cursor
from gateway.storage.reads_dashboard_terms import Term
from gateway.storage.reads_pages import Scope

__all__ = ["Filters", "Query", "exact_amount", "searching"]

# A new plan each time: whether an index is worth it depends on what is looked for. Where the
# search index is to be used, reading all of the table is what it costs not to.
_BEGIN = """
BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY;
SET LOCAL plan_cache_mode = force_custom_plan; SET LOCAL enable_seqscan = off
"""

_USUAL_EXPONENT = 2


def _exponent_of_currency() -> str:
    cases = " ".join(
        f"WHEN currency IN ({', '.join(repr(code) for code in codes)}) THEN {digits}"
        for digits, codes in sorted(CURRENCIES_BY_EXPONENT.items())
        if digits != _USUAL_EXPONENT
    )
    return f"CASE {cases} ELSE {_USUAL_EXPONENT} END"


# SQL counts the entries of an array from one.
_BY_EXPONENT = f"[{_exponent_of_currency()} + 1]"


@asynccontextmanager
async def searching(pool: asyncpg.Pool) -> AsyncIterator[Connection]:
    """A connection for several reads that see one moment; what they ask for decides how."""
    async with pool.acquire() as connection:
        await connection.execute(_BEGIN)
        try:
            yield connection
        finally:
            # Nothing was changed; a connection that is lost has nothing to end.
            if not connection.is_closed():
                await connection.execute("ROLLBACK")


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What a list is narrowed to. `since` is included, `until` is not."""

    status: str | None = None
    method: str | None = None
    currency: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    amount_from: TypedAmount | None = None
    amount_to: TypedAmount | None = None
    term: Term | None = None


class Query:
    """The conditions of one list with their arguments.

    `window` holds what the index of a merchant's rows answers, `conditions` what is looked at row
    by row, `place` where the page begins. The arguments of window and place come first. `newer`:
    the page goes towards newer rows. `indexed_statuses` are those that an index knows.
    """

    def __init__(
        self,
        scope: Scope,
        filters: Filters,
        cursor: Cursor | None = None,
        *,
        indexed_statuses: Collection[str] = (),
    ) -> None:
        self.arguments: list[Any] = [scope.merchant_id, scope.mode]
        self.window: list[str] = []
        self.place: list[str] = []
        self.conditions: list[str] = []
        self.newer = cursor is not None and cursor.newer
        for condition, moment in (
            ("created_at >= {}", filters.since),
            ("created_at < {}", filters.until),
        ):
            if moment is not None:
                self.window.append(condition.format(self.argument(moment)))
        has_index = filters.status in indexed_statuses
        if has_index:
            # One of our own words, and no argument: a partial index is used for what is known.
            self.window.append(f"status = '{filters.status}'")
        self.window_arguments = tuple(self.arguments)
        if cursor is not None:
            sign = ">" if cursor.newer else "<"
            place = f"{self.argument(cursor.created_at)}, {self.argument(cursor.id)}"
            self.place.append(f"(created_at, id) {sign} ({place})")
        self.place_arguments = tuple(self.arguments)
        looked_at = ("method", "currency") if has_index else ("status", "method", "currency")
        for name in looked_at:
            value = getattr(filters, name)
            if value is not None:
                self.conditions.append(f"{name} = {self.argument(value)}")
        self.conditions += _amount_conditions(self, filters)

    def argument(self, value: Any) -> str:
        """The placeholder of one more argument."""
        self.arguments.append(value)
        return f"${len(self.arguments)}"


def _amount_conditions(query: Query, filters: Filters) -> list[str]:
    """Those of a range of amounts, each currency read with its own digits."""
    found: list[str] = []
    for amount, sign in ((filters.amount_from, ">="), (filters.amount_to, "<=")):
        if amount is None:
            continue
        bounds = amount.at_least() if sign == ">=" else amount.at_most()
        found.append(f"amount {sign} ({query.argument(list(bounds))}::bigint[]){_BY_EXPONENT}")
        if amount.currency is not None:
            found.append(f"currency = {query.argument(amount.currency)}")
    return found


def exact_amount(query: Query, amount: TypedAmount) -> str:
    """The condition that the amount is exactly what was typed, whatever the currency is."""
    values = query.argument(list(amount.exact()))
    possible = query.argument([value for value in amount.exact() if value is not None])
    condition = (
        f"(amount = ANY({possible}::bigint[]) AND amount = ({values}::bigint[]){_BY_EXPONENT}"
    )
    if amount.currency is not None:
        condition += f" AND currency = {query.argument(amount.currency)}"
    return condition + ")"
