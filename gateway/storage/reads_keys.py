"""API keys as their merchant sees them, and the sealed secret of one that is to be shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.storage.journal import Connection
from gateway.storage.reads_pages import Listing, Page, Scope, Selection, fetch_page

__all__ = [
    "KeyRow",
    "count_keys",
    "find_merchant_key",
    "list_keys",
    "oldest_key",
    "oldest_key_with_secret",
    "page_of_keys",
    "sealed_secret",
]

_COLUMNS = (
    "id, mode, role, permissions, expires_at, revoked_at, last_used_at, created_at, replaced_by"
)
_FROM = "FROM api_keys WHERE merchant_id = $1 AND mode = $2"
_LIST = f"""
SELECT {_COLUMNS} {_FROM}
ORDER BY revoked_at IS NOT NULL, created_at DESC, id LIMIT $3
"""
_COUNT = f"""
SELECT count(*) {_FROM} AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $3)
"""
_ONE = f"SELECT {_COLUMNS} {_FROM} AND id = $3"
_OLDEST = f"""
SELECT {_COLUMNS} {_FROM} AND revoked_at IS NULL
  AND (expires_at IS NULL OR expires_at > $3)
ORDER BY created_at, id LIMIT 1
"""
_OLDEST_WITH_SECRET = f"""
SELECT id, secret_sealed {_FROM} AND revoked_at IS NULL
  AND (expires_at IS NULL OR expires_at > $3)
ORDER BY created_at, id LIMIT 1
"""
_SEALED = """
SELECT secret_sealed FROM api_keys
WHERE merchant_id = $1 AND mode = $2 AND id = $3 AND revoked_at IS NULL
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRow:
    """A key without anything secret."""

    id: str
    mode: str
    role: str
    permissions: tuple[str, ...]
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    created_at: datetime
    replaced_by: str | None

    def state(self, now: datetime) -> str:
        """`active`, `expired` or `revoked`."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= now else "active"


async def list_keys(connection: Connection, scope: Scope, *, keys_max: int) -> Sequence[KeyRow]:
    """The merchant's keys: those that hold, the youngest first, then the revoked ones."""
    rows = await connection.fetch(_LIST, scope.merchant_id, scope.mode, keys_max)
    return [_key(row) for row in rows]


async def page_of_keys(
    connection: Connection, scope: Scope, page: Page
) -> tuple[Sequence[KeyRow], Listing] | None:
    """All keys, the revoked ones too, newest first; None for an unknown `starting_after`."""
    listing = await fetch_page(
        connection,
        table="api_keys",
        columns=_COLUMNS,
        selection=Selection(scope, page),
        page=page,
    )
    return None if listing is None else ([_key(row) for row in listing.rows], listing)


async def find_merchant_key(connection: Connection, scope: Scope, key_id: str) -> KeyRow | None:
    """One of the merchant's keys, whether it holds or not."""
    row = await connection.fetchrow(_ONE, scope.merchant_id, scope.mode, key_id)
    return None if row is None else _key(row)


async def count_keys(connection: Connection, scope: Scope, now: datetime) -> int:
    """How many keys hold."""
    return int(await connection.fetchval(_COUNT, scope.merchant_id, scope.mode, now))


async def oldest_key(connection: Connection, scope: Scope, now: datetime) -> KeyRow | None:
    """The merchant's oldest key that holds: the one the checkout signs with."""
    row = await connection.fetchrow(_OLDEST, scope.merchant_id, scope.mode, now)
    return None if row is None else _key(row)


async def oldest_key_with_secret(
    connection: Connection, scope: Scope, now: datetime
) -> tuple[str, bytes] | None:
    """The same key's id and sealed secret."""
    row = await connection.fetchrow(_OLDEST_WITH_SECRET, scope.merchant_id, scope.mode, now)
    return None if row is None else (row["id"], row["secret_sealed"])


async def sealed_secret(connection: Connection, scope: Scope, key_id: str) -> bytes | None:
    """The sealed secret of a key that was not revoked."""
    sealed: bytes | None = await connection.fetchval(_SEALED, scope.merchant_id, scope.mode, key_id)
    return sealed


def _key(row: object) -> KeyRow:
    fields = dict(row)  # type: ignore[call-overload] # a record of asyncpg is a mapping
    return KeyRow(**{**fields, "permissions": tuple(fields["permissions"])})
