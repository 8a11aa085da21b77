"""The rows of idempotency keys: what was answered before."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from gateway.storage.journal import Connection

__all__ = ["KeptAnswer", "find_kept_answer"]

_KEPT = """
SELECT fingerprint, surface, operation_id, status, body, sealed
FROM idempotency_keys WHERE scope = $1 AND key = $2 AND expires_at > $3
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptAnswer:
    """What a key stands for. Without `body` its operation is still under way.

    A `sealed` body is opened with the vault; its record is in `gateway.web.idempotency`.
    """

    fingerprint: bytes
    surface: str
    operation_id: str | None
    status: int | None
    body: bytes | None = field(repr=False)
    sealed: bool


async def find_kept_answer(
    connection: Connection, scope: str, key: str, now: datetime
) -> KeptAnswer | None:
    """The row of a key that has not expired."""
    row = await connection.fetchrow(_KEPT, scope, key, now)
    return None if row is None else KeptAnswer(**dict(row))
