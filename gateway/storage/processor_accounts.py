"""Merchants' own accounts at processors: changed and read, scoped by merchant and mode (P9).

Credentials come and go sealed. Changes run inside the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from gateway.domain.processor_accounts import CheckResult
from gateway.storage.journal import Connection
from gateway.storage.reads_pages import Scope

__all__ = [
    "ActiveAccounts",
    "ProcessorAccount",
    "SealedAccount",
    "count_accounts",
    "deactivate_others",
    "find_account",
    "find_sealed",
    "insert_account",
    "is_used",
    "list_accounts",
    "load_active",
    "lock_account",
    "lock_accounts",
    "remove_account",
    "sealed_of_processor",
    "update_account",
]

ActiveAccounts = Mapping[tuple[UUID, str, str], UUID]
"""The id of the active account by merchant, mode and processor."""

_COLUMNS = (
    "id, mode, processor, name, credentials_shown, active, check_result, check_message,"
    " last_checked_at, created_at, updated_at"
)
_OWN = "merchant_id = $1 AND mode = $2"
# All names are our own.
_LIST = f"""
SELECT {_COLUMNS} FROM processor_accounts WHERE {_OWN} ORDER BY created_at DESC, id DESC LIMIT $3
"""  # noqa: S608
_FIND = f"SELECT {_COLUMNS} FROM processor_accounts WHERE {_OWN} AND id = $3"  # noqa: S608
_INSERT = """
INSERT INTO processor_accounts (
    merchant_id, mode, id, processor, name, credentials_sealed, credentials_shown, active,
    check_result, check_message, last_checked_at, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12)
"""
_COUNT = f"""
SELECT count(*) FILTER (WHERE {_OWN}) AS own, count(*) FILTER (WHERE active) AS active
FROM processor_accounts
"""  # noqa: S608
_DEACTIVATE = f"""
UPDATE processor_accounts SET active = false, updated_at = $5
WHERE {_OWN} AND processor = $3 AND id <> $4 AND active
"""  # noqa: S608
_IS_USED = """
SELECT EXISTS (SELECT FROM payments WHERE processor_account_id = $1)
    OR EXISTS (SELECT FROM tokens WHERE processor_account_id = $1)
"""
_SEALED = "SELECT id, mode, credentials_sealed FROM processor_accounts"
_CHANGEABLE = frozenset(
    {
        "name",
        "credentials_sealed",
        "credentials_shown",
        "active",
        "check_result",
        "check_message",
        "last_checked_at",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessorAccount:
    """An account without anything secret; `credentials` are masked."""

    id: UUID
    mode: str
    processor: str
    name: str
    credentials: Mapping[str, str]
    active: bool
    check_result: CheckResult
    check_message: str | None
    last_checked_at: datetime | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedAccount:
    """The sealed credentials of an account of that mode."""

    id: UUID
    mode: str
    credentials_sealed: bytes = field(repr=False)


async def lock_accounts(connection: Connection, scope: Scope) -> None:
    """Let changes of one merchant's accounts wait for each other until the transaction ends."""
    await connection.execute(
        "SELECT FROM merchants WHERE id = $1 FOR NO KEY UPDATE", scope.merchant_id
    )


async def count_accounts(connection: Connection, scope: Scope) -> tuple[int, int]:
    """How many there are of the merchant in this mode, and how many active ones of everybody."""
    row = await connection.fetchrow(_COUNT, scope.merchant_id, scope.mode)
    return (row["own"], row["active"]) if row is not None else (0, 0)


async def list_accounts(
    connection: Connection, scope: Scope, limit: int
) -> Sequence[ProcessorAccount]:
    """The merchant's accounts, newest first."""
    rows = await connection.fetch(_LIST, scope.merchant_id, scope.mode, limit)
    return [_account(row) for row in rows]


async def find_account(
    connection: Connection, scope: Scope, account_id: UUID
) -> ProcessorAccount | None:
    """One of the merchant's accounts, active or not."""
    row = await connection.fetchrow(_FIND, scope.merchant_id, scope.mode, account_id)
    return None if row is None else _account(row)


async def lock_account(
    connection: Connection, scope: Scope, account_id: UUID
) -> ProcessorAccount | None:
    """The same, with its row locked: a payment that comes meanwhile waits, or is seen."""
    row = await connection.fetchrow(
        f"{_FIND} FOR UPDATE", scope.merchant_id, scope.mode, account_id
    )
    return None if row is None else _account(row)


async def insert_account(
    connection: Connection, scope: Scope, account: ProcessorAccount, sealed: bytes
) -> None:
    """A new account. Raises asyncpg.UniqueViolationError beside another active one."""
    await connection.execute(
        _INSERT,
        scope.merchant_id,
        scope.mode,
        account.id,
        account.processor,
        account.name,
        sealed,
        orjson.dumps(dict(account.credentials)).decode(),
        account.active,
        account.check_result,
        account.check_message,
        account.last_checked_at,
        account.created_at,
    )


async def update_account(
    connection: Connection,
    scope: Scope,
    account_id: UUID,
    changes: Mapping[str, Any],
    now: datetime,
) -> None:
    """Change columns. Raises ValueError for one that is not to be changed."""
    if not changes.keys() <= _CHANGEABLE:
        raise ValueError("this column of an account is not to be changed")
    assignments = ", ".join(f"{name} = ${number}" for number, name in enumerate(changes, 5))
    await connection.execute(
        f"UPDATE processor_accounts SET updated_at = $4, {assignments}"  # noqa: S608 - checked
        f" WHERE {_OWN} AND id = $3",
        scope.merchant_id,
        scope.mode,
        account_id,
        now,
        *changes.values(),
    )


async def deactivate_others(
    connection: Connection, scope: Scope, processor: str, account_id: UUID, now: datetime
) -> None:
    """Leave no other account of the processor active."""
    await connection.execute(_DEACTIVATE, scope.merchant_id, scope.mode, processor, account_id, now)


async def is_used(connection: Connection, account_id: UUID) -> bool:
    """Whether payments or kept cards hang on it."""
    return bool(await connection.fetchval(_IS_USED, account_id))


async def remove_account(connection: Connection, scope: Scope, account_id: UUID) -> None:
    """Delete it. Raises asyncpg.ForeignKeyViolationError when something hangs on it."""
    await connection.execute(
        f"DELETE FROM processor_accounts WHERE {_OWN} AND id = $3",  # noqa: S608 - our own text
        scope.merchant_id,
        scope.mode,
        account_id,
    )


async def load_active(connection: Connection) -> ActiveAccounts:
    """Every active account there is."""
    rows = await connection.fetch(
        "SELECT id, merchant_id, mode, processor FROM processor_accounts WHERE active"
    )
    return {(row["merchant_id"], row["mode"], row["processor"]): row["id"] for row in rows}


async def find_sealed(connection: Connection, account_id: UUID) -> SealedAccount | None:
    """What calls for a payment of that account are made with, active or not."""
    row = await connection.fetchrow(f"{_SEALED} WHERE id = $1", account_id)
    return None if row is None else SealedAccount(**row)


async def sealed_of_processor(
    connection: Connection, merchant_id: UUID, processor: str, limit: int
) -> Sequence[SealedAccount]:
    """A merchant's accounts at a processor in both modes, active or not, newest first."""
    rows = await connection.fetch(
        f"{_SEALED} WHERE merchant_id = $1 AND processor = $2 ORDER BY created_at DESC LIMIT $3",
        merchant_id,
        processor,
        limit,
    )
    return [SealedAccount(**row) for row in rows]


def _account(row: asyncpg.Record) -> ProcessorAccount:
    fields = dict(row)
    fields["credentials"] = orjson.loads(fields.pop("credentials_shown"))
    fields["check_result"] = CheckResult(fields["check_result"])
    return ProcessorAccount(**fields)
