"""Idempotency keys of requests that are no order's: claimed and answered in one transaction."""

from __future__ import annotations

from datetime import datetime

from gateway.storage.journal import Connection

__all__ = ["claim_key", "store_answer"]

# A key that has expired is taken over. A claim that another transaction has not committed yet is
# waited for, and then stands.
_CLAIM = """
INSERT INTO idempotency_keys AS held (scope, key, fingerprint, surface, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (scope, key) DO UPDATE SET
    fingerprint = excluded.fingerprint, surface = excluded.surface, operation_id = NULL,
    status = NULL, body = NULL, sealed = false, created_at = excluded.created_at,
    expires_at = excluded.expires_at
    WHERE held.expires_at <= excluded.created_at
RETURNING true
"""
_ANSWER = """
UPDATE idempotency_keys SET status = $3, body = $4, sealed = $5 WHERE scope = $1 AND key = $2
"""


async def claim_key(
    connection: Connection,
    *,
    scope: str,
    key: str,
    fingerprint: bytes,
    surface: str,
    now: datetime,
    expires_at: datetime,
) -> bool:
    """Whether the key is ours until the transaction ends; if not, somebody else's row stands."""
    claimed = await connection.fetchval(_CLAIM, scope, key, fingerprint, surface, now, expires_at)
    return claimed is True


async def store_answer(
    connection: Connection, *, scope: str, key: str, status: int, body: bytes, sealed: bool
) -> None:
    """Keep the answer of a key that was claimed in this transaction."""
    await connection.execute(_ANSWER, scope, key, status, body, sealed)
