"""Changes of API keys that are there: other rights, another expiry, another key in their place."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from gateway.storage.journal import Connection
from gateway.storage.reads_pages import Scope

__all__ = ["lock_keys", "replace_key", "update_key"]

_LOCK = "SELECT FROM merchants WHERE id = $1 FOR NO KEY UPDATE"
_UPDATE = """
UPDATE api_keys SET role = $4, permissions = $5, expires_at = $6
WHERE id = $3 AND merchant_id = $1 AND mode = $2
"""
_REPLACE = """
UPDATE api_keys SET replaced_by = $4, expires_at = least(expires_at, $5)
WHERE id = $3 AND merchant_id = $1 AND mode = $2
"""


async def lock_keys(connection: Connection, scope: Scope) -> None:
    """Let changes of one merchant's keys wait for each other until the transaction ends."""
    await connection.execute(_LOCK, scope.merchant_id)


async def update_key(
    connection: Connection,
    scope: Scope,
    key_id: str,
    *,
    role: str,
    permissions: Sequence[str],
    expires_at: datetime | None,
) -> None:
    """Exchange what the key may do and how long it holds."""
    await connection.execute(
        _UPDATE, scope.merchant_id, scope.mode, key_id, role, permissions, expires_at
    )


async def replace_key(
    connection: Connection, scope: Scope, key_id: str, *, replaced_by: str, holds_until: datetime
) -> None:
    """Another key takes its place; it holds until then, or until it would have expired anyway."""
    await connection.execute(
        _REPLACE, scope.merchant_id, scope.mode, key_id, replaced_by, holds_until
    )
