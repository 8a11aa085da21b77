"""Writes that move no money: a merchant's settings and keys, and the trace they leave.

All run inside the caller's transaction. Times are stamped by the caller's clock.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from gateway.domain.work import Audit
from gateway.storage.journal import Connection
from gateway.storage.reads_pages import Scope
from gateway.storage.rows import AUDITS

__all__ = [
    "MERCHANT_SETTINGS",
    "Author",
    "insert_audit",
    "insert_key",
    "note_key_use",
    "revoke_key",
    "update_merchant",
    "write_audit",
]

MERCHANT_SETTINGS = frozenset(
    {
        "name",
        "default_capture",
        "enabled_methods",
        "allowed_origins",
        "return_url",
        "brand_color",
        "logo_url",
    }
)
"""The columns of `merchants` that a merchant may change."""

_INSERT_KEY = """
INSERT INTO api_keys (id, merchant_id, mode, role, permissions, secret_hash, secret_sealed,
                      expires_at, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
_REVOKE_KEY = """
UPDATE api_keys SET revoked_at = $4
WHERE id = $3 AND merchant_id = $1 AND mode = $2 AND revoked_at IS NULL
RETURNING true
"""
_NOTE_USE = """
UPDATE api_keys SET last_used_at = $2
WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $2)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """Who changes something: a key's or user's id, and the request it came with."""

    scope: Scope
    name: str
    request_id: str | None
    address: str | None = None


async def write_audit(
    connection: Connection,
    author: Author,
    action: str,
    subject_id: str | None,
    now: datetime,
    *,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Leave a line for whoever asks later; `details` must hold no secret."""
    audit = Audit(
        id=uuid4(),
        merchant_id=author.scope.merchant_id,
        mode=author.scope.mode,
        actor=author.name,
        action=action,
        subject_id=subject_id,
        details=json.dumps(details or {}),
        request_id=author.request_id,
        address=author.address,
        created_at=now,
    )
    await insert_audit(connection, audit)


async def insert_audit(connection: Connection, audit: Audit) -> None:
    """Leave a line that is put together already."""
    await connection.execute(AUDITS.insert(), AUDITS.insert_argument([audit]))


async def update_merchant(
    connection: Connection, merchant_id: UUID, changes: Mapping[str, Any], now: datetime
) -> None:
    """Change settings. Raises ValueError for a column that is not among MERCHANT_SETTINGS."""
    if not changes.keys() <= MERCHANT_SETTINGS:
        raise ValueError("this column is not a merchant's to change")
    columns = list(changes)
    assignments = ", ".join(f"{name} = ${number}" for number, name in enumerate(columns, 3))
    await connection.execute(
        f"UPDATE merchants SET updated_at = $2, {assignments} WHERE id = $1",  # noqa: S608 - checked
        merchant_id,
        now,
        *(changes[name] for name in columns),
    )


async def insert_key(
    connection: Connection,
    scope: Scope,
    *,
    key_id: str,
    role: str,
    permissions: list[str],
    secret_hash: bytes,
    secret_sealed: bytes,
    expires_at: datetime | None,
    now: datetime,
) -> None:
    """A new API key; its secret is sealed under the key's id."""
    await connection.execute(
        _INSERT_KEY,
        key_id,
        scope.merchant_id,
        scope.mode,
        role,
        permissions,
        secret_hash,
        secret_sealed,
        expires_at,
        now,
    )


async def revoke_key(connection: Connection, scope: Scope, key_id: str, now: datetime) -> bool:
    """Whether there was such a key that still held."""
    revoked = await connection.fetchval(_REVOKE_KEY, scope.merchant_id, scope.mode, key_id, now)
    return revoked is True


async def note_key_use(connection: Connection, key_id: str, now: datetime) -> None:
    """When the key was used last."""
    await connection.execute(_NOTE_USE, key_id, now)
