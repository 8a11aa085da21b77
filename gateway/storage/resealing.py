"""Moves what is sealed to the active key, after a new one was put before the old.

Each row is exchanged only if it still holds what was read: a gateway that runs may write meanwhile.
All run inside the caller's transaction, a slice at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg

from gateway.storage.journal import Connection

__all__ = ["SLICES", "SealedRows", "exchange_check_value", "reseal_slice"]

_EXCHANGE = "UPDATE gateway_state SET value = $1 WHERE name = 'encryption_key'"


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedRows:
    """A column of sealed values; `key` are the columns that tell its rows apart."""

    table: str
    key: tuple[str, ...]
    column: str
    where: str = "true"
    # Before every key.
    start: tuple[Any, ...] = ("",)

    @property
    def select(self) -> str:
        """A slice of the rows after a key, in order."""
        key = ", ".join(self.key)
        after = ", ".join(f"${number}" for number in range(2, 2 + len(self.key)))
        return (
            f"SELECT {key}, {self.column} AS sealed FROM {self.table}"  # noqa: S608 - our own names
            f" WHERE {self.column} IS NOT NULL AND {self.where} AND ({key}) > ({after})"
            f" ORDER BY {key} LIMIT $1"
        )

    @property
    def update(self) -> str:
        """Exchange one value."""
        same = " AND ".join(f"{name} = ${number}" for number, name in enumerate(self.key, 3))
        return (
            f"UPDATE {self.table} SET {self.column} = $1"  # noqa: S608 - our own names
            f" WHERE {self.column} = $2 AND {same}"
        )


SLICES = (
    SealedRows(table="api_keys", key=("id",), column="secret_sealed"),
    SealedRows(table="webhook_endpoints", key=("id",), column="secret_sealed"),
    SealedRows(table="webhook_endpoints", key=("id",), column="previous_secret_sealed"),
    SealedRows(
        table="idempotency_keys",
        key=("scope", "key"),
        column="body",
        where="sealed",
        start=("", ""),
    ),
    SealedRows(
        table="processor_accounts", key=("id",), column="credentials_sealed", start=(UUID(int=0),)
    ),
)
"""Everything in the database that is sealed."""


async def reseal_slice(
    connection: Connection,
    rows: SealedRows,
    after: Sequence[Any],
    limit: int,
    reseal: Callable[[asyncpg.Record], bytes | None],
) -> tuple[int, Sequence[Any] | None]:
    """Handle up to `limit` rows after a key; how many were exchanged, and the last key.

    `reseal` answers the new value of a row, None for one that needs none. The last key is None
    when there are no more rows.
    """
    found = await connection.fetch(rows.select, limit, *after)
    changed: list[tuple[Any, ...]] = []
    for row in found:
        value = reseal(row)
        if value is not None:
            changed.append((value, row["sealed"], *(row[name] for name in rows.key)))
    if changed:
        await connection.executemany(rows.update, changed)
    last = tuple(found[-1][name] for name in rows.key) if len(found) == limit else None
    return len(changed), last


async def exchange_check_value(connection: Connection, check_value: bytes) -> None:
    """From now on the database belongs to this key."""
    await connection.execute(_EXCHANGE, check_value)
