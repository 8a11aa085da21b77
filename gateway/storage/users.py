"""Users of the dashboard: who they are, and what happens to their access.

All run inside the caller's transaction. Times are stamped by the caller's clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from gateway.storage.journal import Connection

__all__ = [
    "Login",
    "UserRecord",
    "change_password",
    "end_sessions",
    "find_login",
    "find_user",
    "list_users",
    "lock_owners",
    "note_sign_in",
    "rename_user",
    "set_active",
    "set_role",
    "store_hash",
]

_COLUMNS = """
users.id, users.merchant_id, merchants.name AS merchant_name, users.email, users.name, users.role,
users.active AND merchants.active IS NOT false AS active, users.session_epoch,
users.last_signed_in_at, users.created_at
"""
_FROM = "FROM users LEFT JOIN merchants ON merchants.id = users.merchant_id WHERE"
_USER = f"SELECT {_COLUMNS} {_FROM} users.id = $1"
_LOGIN = f"SELECT {_COLUMNS}, users.password_hash {_FROM} users.email = $1"
_OF_MERCHANT = f"""
SELECT {_COLUMNS} {_FROM} users.merchant_id = $1 ORDER BY users.created_at, users.id LIMIT $2
"""
_LOCK_OWNERS = """
SELECT id FROM users WHERE merchant_id = $1 AND role = 'owner' AND active ORDER BY id FOR UPDATE
"""
_NOTE_SIGN_IN = "UPDATE users SET last_signed_in_at = $2 WHERE id = $1"
_EXCHANGE_HASH = """
UPDATE users SET password_hash = $2, session_epoch = session_epoch + 1, updated_at = $3
WHERE id = $1 RETURNING session_epoch
"""
_STORE_HASH = "UPDATE users SET password_hash = $2 WHERE id = $1"
_END_SESSIONS = """
UPDATE users SET session_epoch = session_epoch + 1, updated_at = $2 WHERE id = $1
RETURNING session_epoch
"""
_RENAME = "UPDATE users SET name = $2, updated_at = $3 WHERE id = $1"
_SET_ROLE = """
UPDATE users SET role = $3, updated_at = $4 WHERE id = $2 AND merchant_id = $1 RETURNING true
"""
_SET_ACTIVE = """
UPDATE users SET active = $3, session_epoch = session_epoch + 1, updated_at = $4
WHERE id = $2 AND merchant_id = $1 RETURNING true
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRecord:
    """A user; `active` only while the merchant is active too. Operators have no merchant."""

    id: UUID
    merchant_id: UUID | None
    merchant_name: str | None
    email: str
    name: str
    role: str
    active: bool
    session_epoch: int
    last_signed_in_at: datetime | None
    created_at: datetime

    @property
    def shown_name(self) -> str:
        """The name, or the address of who has not given one."""
        return self.name or self.email


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A user and the hash of the password."""

    user: UserRecord
    password_hash: str = field(repr=False)


async def find_user(connection: Connection, user_id: UUID) -> UserRecord | None:
    """The user, active or not."""
    row = await connection.fetchrow(_USER, user_id)
    return None if row is None else UserRecord(**row)


async def find_login(connection: Connection, email: str) -> Login | None:
    """Who has this address, which is stored in lower case."""
    row = await connection.fetchrow(_LOGIN, email)
    if row is None:
        return None
    fields = dict(row)
    return Login(password_hash=fields.pop("password_hash"), user=UserRecord(**fields))


async def list_users(
    connection: Connection, merchant_id: UUID, *, users_max: int
) -> Sequence[UserRecord]:
    """The merchant's users, in the order they came."""
    return [
        UserRecord(**row) for row in await connection.fetch(_OF_MERCHANT, merchant_id, users_max)
    ]


async def lock_owners(connection: Connection, merchant_id: UUID) -> Sequence[UUID]:
    """The merchant's active owners; nobody else changes them until the transaction ends."""
    return [row["id"] for row in await connection.fetch(_LOCK_OWNERS, merchant_id)]


async def note_sign_in(connection: Connection, user_id: UUID, now: datetime) -> None:
    """When the user signed in last."""
    await connection.execute(_NOTE_SIGN_IN, user_id, now)


async def change_password(
    connection: Connection, user_id: UUID, password_hash: str, now: datetime
) -> int:
    """Exchange the password and end all sessions; the epoch that new ones are opened with."""
    return int(await connection.fetchval(_EXCHANGE_HASH, user_id, password_hash, now))


async def store_hash(connection: Connection, user_id: UUID, password_hash: str) -> None:
    """The same password, hashed at other costs."""
    await connection.execute(_STORE_HASH, user_id, password_hash)


async def end_sessions(connection: Connection, user_id: UUID, now: datetime) -> int:
    """End all of the user's sessions; the epoch that new ones are opened with."""
    return int(await connection.fetchval(_END_SESSIONS, user_id, now))


async def rename_user(connection: Connection, user_id: UUID, name: str, now: datetime) -> None:
    """What the user is called."""
    await connection.execute(_RENAME, user_id, name, now)


async def set_role(
    connection: Connection, merchant_id: UUID, user_id: UUID, role: str, now: datetime
) -> bool:
    """Give one of the merchant's users another role; whether there is such a user."""
    return await connection.fetchval(_SET_ROLE, merchant_id, user_id, role, now) is True


async def set_active(
    connection: Connection, merchant_id: UUID, user_id: UUID, now: datetime, *, active: bool
) -> bool:
    """Let one of the merchant's users in, or out; whether there is such a user."""
    return await connection.fetchval(_SET_ACTIVE, merchant_id, user_id, active, now) is True
