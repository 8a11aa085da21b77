"""`gateway reseal`: after a new key was put before the old one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import asyncpg

from gateway.cli.administration import operator_name
from gateway.cli.execution import Opened, open_stores
from gateway.domain.clock import Clock
from gateway.security.credentials import hash_secret
from gateway.security.records import (
    answer_record,
    api_key_record,
    endpoint_record,
    processor_account_record,
)
from gateway.security.vault import Vault
from gateway.settings import load_settings
from gateway.storage.administration_accounts import audit_operator
from gateway.storage.resealing import (
    SLICES,
    SealedRows,
    exchange_check_value,
    reseal_slice,
)

__all__ = ["reseal_everything"]

_SLICE = 500
_HASH = "UPDATE api_keys SET secret_hash = $2 WHERE id = $1"

_RECORDS: dict[str, Callable[[asyncpg.Record], str]] = {
    "api_keys": lambda row: api_key_record(row["id"]),
    "webhook_endpoints": lambda row: endpoint_record(row["id"]),
    "processor_accounts": lambda row: processor_account_record(row["id"]),
    "idempotency_keys": lambda row: answer_record(row["scope"], row["key"]),
}


async def reseal_everything() -> int:
    """Move all sealed values and keyed hashes to the first key; how many there were.

    May be interrupted and repeated. Raises SealBroken, which leaves the check value as it was, when
    a value opens with none of the keys.
    """
    async with open_stores(load_settings()) as opened:
        count = 0
        for rows in SLICES:
            count += await _reseal(opened, rows)
        async with opened.connection.transaction():
            await exchange_check_value(opened.connection, opened.vault.check_value())
            await audit_operator(
                opened.connection, operator_name(), "key.rotated", "", Clock().now()
            )
    return count


async def _reseal(opened: Opened, rows: SealedRows) -> int:
    count = 0
    after: Sequence[Any] | None = rows.start
    while after is not None:
        async with opened.connection.transaction():
            changed, after = await reseal_slice(
                opened.connection, rows, after, _SLICE, _resealer(opened.vault, rows.table)
            )
        count += changed
    if rows.table == "api_keys":
        await _hash_anew(opened)
    return count


def _resealer(vault: Vault, table: str) -> Callable[[asyncpg.Record], bytes | None]:
    record_of = _RECORDS[table]

    def reseal(row: asyncpg.Record) -> bytes | None:
        if not vault.reseal_needed(row["sealed"]):
            return None
        record = record_of(row)
        return vault.seal(vault.open(row["sealed"], record=record), record=record)

    return reseal


async def _hash_anew(opened: Opened) -> None:
    """Keys are found by their hash under the first key as well."""
    vault = opened.vault
    after = ""
    while True:
        found = await opened.connection.fetch(
            "SELECT id, secret_sealed FROM api_keys WHERE id > $1 ORDER BY id LIMIT $2",
            after,
            _SLICE,
        )
        hashes = [(row["id"], hash_secret(vault, _secret(vault, row))) for row in found]
        await opened.connection.executemany(_HASH, hashes)
        if len(found) < _SLICE:
            return
        after = found[-1]["id"]


def _secret(vault: Vault, row: asyncpg.Record) -> str:
    return vault.open(row["secret_sealed"], record=api_key_record(row["id"])).decode()
