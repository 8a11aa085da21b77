"""Merchants, users and keys as the operator makes them from the command line.

All run inside the caller's transaction. Times are stamped by the caller's clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID, uuid4

from gateway.domain.work import Audit
from gateway.storage.administration import insert_audit
from gateway.storage.journal import Connection

__all__ = [
    "MerchantRow",
    "NewMerchant",
    "audit_operator",
    "disable_merchant",
    "find_key_owner",
    "insert_default_endpoint",
    "insert_merchant",
    "insert_user",
    "list_merchants",
    "set_password",
]

_MERCHANTS_MAX = 10_000

_INSERT_MERCHANT = """
INSERT INTO merchants (id, name, email, api_version, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $5)
"""
_LIST = """
SELECT id, name, email, active, created_at FROM merchants ORDER BY created_at, id LIMIT $1
"""
_DISABLE = "UPDATE merchants SET active = false, updated_at = $2 WHERE id = $1 RETURNING true"
_KEYS = "SELECT id FROM api_keys WHERE merchant_id = $1 AND revoked_at IS NULL ORDER BY id"
_KEY_OWNER = "SELECT merchant_id, mode FROM api_keys WHERE id = $1"
_INSERT_ENDPOINT = """
INSERT INTO webhook_endpoints (id, merchant_id, mode, secret_sealed, active, is_default, created_at,
                               updated_at)
VALUES ($1, $2, $3, $4, false, true, $5, $5)
"""
_INSERT_USER = """
INSERT INTO users (id, merchant_id, email, password_hash, role, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $6)
"""
_EXCHANGE_HASH = """
UPDATE users SET password_hash = $2, session_epoch = session_epoch + 1, updated_at = $3
WHERE email = $1 RETURNING id, merchant_id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class MerchantRow:
    """A merchant in the operator's list."""

    id: UUID
    name: str
    email: str
    active: bool
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMerchant:
    """A merchant to be made; pinned to the API's version of today."""

    id: UUID = field(default_factory=uuid4)
    name: str
    email: str
    api_version: str


async def insert_merchant(connection: Connection, merchant: NewMerchant, now: datetime) -> None:
    """A new merchant. Raises asyncpg.UniqueViolationError when the address is taken."""
    await connection.execute(
        _INSERT_MERCHANT, merchant.id, merchant.name, merchant.email, merchant.api_version, now
    )


async def list_merchants(connection: Connection) -> Sequence[MerchantRow]:
    """The merchants, oldest first, at most ten thousand."""
    return [MerchantRow(**row) for row in await connection.fetch(_LIST, _MERCHANTS_MAX)]


async def disable_merchant(
    connection: Connection, merchant_id: UUID, now: datetime
) -> Sequence[str] | None:
    """Let its keys open nothing; the keys, or None when there is no such merchant."""
    if not await connection.fetchval(_DISABLE, merchant_id, now):
        return None
    return [row["id"] for row in await connection.fetch(_KEYS, merchant_id)]


async def find_key_owner(connection: Connection, key_id: str) -> tuple[UUID, str] | None:
    """Whose key it is, and its mode; None when there is no such key."""
    row = await connection.fetchrow(_KEY_OWNER, key_id)
    return (row["merchant_id"], row["mode"]) if row is not None else None


async def insert_default_endpoint(
    connection: Connection,
    merchant_id: UUID,
    mode: str,
    *,
    endpoint_id: str,
    secret_sealed: bytes,
    now: datetime,
) -> None:
    """The endpoint that the merchant's one webhook URL is for; silent until there is a URL."""
    await connection.execute(_INSERT_ENDPOINT, endpoint_id, merchant_id, mode, secret_sealed, now)


async def insert_user(
    connection: Connection,
    *,
    merchant_id: UUID | None,
    email: str,
    password_hash: str,
    role: str,
    now: datetime,
) -> UUID:
    """A new user of the dashboard.

    Raises asyncpg.UniqueViolationError when the address is taken, ForeignKeyViolationError when
    there is no such merchant.
    """
    user_id = uuid4()
    await connection.execute(_INSERT_USER, user_id, merchant_id, email, password_hash, role, now)
    return user_id


async def set_password(
    connection: Connection, email: str, password_hash: str, now: datetime
) -> tuple[UUID, UUID | None] | None:
    """Exchange a user's password and end all sessions.

    The user and the merchant, or None when there is none.
    """
    row = await connection.fetchrow(_EXCHANGE_HASH, email, password_hash, now)
    return (row["id"], row["merchant_id"]) if row is not None else None


async def audit_operator(
    connection: Connection,
    operator: str,
    action: str,
    subject_id: str,
    now: datetime,
    *,
    merchant_id: UUID | None = None,
    mode: str | None = None,
) -> None:
    """Leave a line about what an operator did."""
    audit = Audit(
        id=uuid4(),
        merchant_id=merchant_id,
        mode=mode,
        actor=operator,
        action=action,
        subject_id=subject_id,
        created_at=now,
    )
    await insert_audit(connection, audit)
