"""Invitations to a merchant's team: a link that works once, of which only a hash is kept.

They hold for as long as whoever invited is an owner who may sign in: nobody who leaves comes back
by a link of their own.

All run inside the caller's transaction. Times are stamped by the caller's clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from gateway.storage.journal import Connection

__all__ = [
    "Invitation",
    "accept_invitation",
    "add_invitation",
    "find_invitation",
    "list_invitations",
    "withdraw_invitation",
]

_COLUMNS = """
invitations.id, invitations.merchant_id, merchants.name AS merchant_name, invitations.email,
invitations.role, invitations.expires_at, invitations.created_at,
coalesce(nullif(users.name, ''), users.email) AS invited_by
"""
_FROM = """
FROM invitations JOIN merchants ON merchants.id = invitations.merchant_id
JOIN users ON users.id = invitations.invited_by
WHERE invitations.accepted_at IS NULL AND invitations.withdrawn_at IS NULL
  AND users.active AND users.role = 'owner' AND invitations.expires_at >
"""
_FIND = f"SELECT {_COLUMNS} {_FROM} $2 AND token_hash = $1 AND merchants.active"
_LIST = f"""
SELECT {_COLUMNS} {_FROM} $2 AND invitations.merchant_id = $1
ORDER BY invitations.created_at DESC, invitations.id LIMIT $3
"""
_WITHDRAW_OF = """
UPDATE invitations SET withdrawn_at = $3
WHERE merchant_id = $1 AND email = $2 AND accepted_at IS NULL AND withdrawn_at IS NULL
"""
_ADD = """
INSERT INTO invitations (id, merchant_id, email, role, token_hash, invited_by, expires_at,
                         created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""
_ACCEPT = """
UPDATE invitations SET accepted_at = $2
FROM users
WHERE invitations.id = $1 AND accepted_at IS NULL AND withdrawn_at IS NULL AND expires_at > $2
  AND users.id = invited_by AND users.active AND users.role = 'owner'
RETURNING true
"""
_WITHDRAW = """
UPDATE invitations SET withdrawn_at = $3
WHERE merchant_id = $1 AND id = $2 AND accepted_at IS NULL AND withdrawn_at IS NULL
RETURNING email
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """One that can still be accepted."""

    id: UUID
    merchant_id: UUID
    merchant_name: str
    email: str
    role: str
    invited_by: str
    expires_at: datetime
    created_at: datetime


async def find_invitation(
    connection: Connection, token_hash: bytes, now: datetime
) -> Invitation | None:
    """The open invitation whose token has this hash."""
    row = await connection.fetchrow(_FIND, token_hash, now)
    return None if row is None else Invitation(**row)


async def list_invitations(
    connection: Connection, merchant_id: UUID, now: datetime, *, invitations_max: int
) -> Sequence[Invitation]:
    """The merchant's open invitations, the youngest first."""
    rows = await connection.fetch(_LIST, merchant_id, now, invitations_max)
    return [Invitation(**row) for row in rows]


async def add_invitation(
    connection: Connection,
    *,
    merchant_id: UUID,
    email: str,
    role: str,
    token_hash: bytes,
    invited_by: UUID,
    expires_at: datetime,
    now: datetime,
) -> UUID:
    """A new invitation; an older one for the same address no longer holds."""
    invitation_id = uuid4()
    await connection.execute(_WITHDRAW_OF, merchant_id, email, now)
    await connection.execute(
        _ADD, invitation_id, merchant_id, email, role, token_hash, invited_by, expires_at, now
    )
    return invitation_id


async def accept_invitation(connection: Connection, invitation_id: UUID, now: datetime) -> bool:
    """Use it up; False when somebody was faster, or it no longer holds."""
    return await connection.fetchval(_ACCEPT, invitation_id, now) is True


async def withdraw_invitation(
    connection: Connection, merchant_id: UUID, invitation_id: UUID, now: datetime
) -> str | None:
    """Let one of the merchant's open invitations hold no longer; the address, None if none."""
    email: str | None = await connection.fetchval(_WITHDRAW, merchant_id, invitation_id, now)
    return email
