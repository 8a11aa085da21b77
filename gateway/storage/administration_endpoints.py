"""Webhook endpoints: made, changed, given new secrets, deleted. Secrets are sealed under their id.

All run inside the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from gateway.storage.journal import Connection
from gateway.storage.reads_pages import Scope

__all__ = [
    "ENDPOINT_SETTINGS",
    "NewEndpoint",
    "count_endpoints",
    "delete_endpoint",
    "fail_pending_deliveries",
    "insert_endpoint",
    "lock_merchant",
    "rotate_endpoint_secret",
    "update_endpoint",
]

ENDPOINT_SETTINGS = frozenset({"url", "description", "events", "format", "active"})
"""The columns of `webhook_endpoints` that a merchant may change."""

_OWN = "WHERE id = $3 AND merchant_id = $1 AND mode = $2 AND deleted_at IS NULL"
_INSERT = """
INSERT INTO webhook_endpoints (id, merchant_id, mode, url, description, events, format,
                               secret_sealed, active, is_default, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)
"""
_COUNT = """
SELECT count(*) FROM webhook_endpoints
WHERE merchant_id = $1 AND mode = $2 AND deleted_at IS NULL AND url IS NOT NULL
"""
_ROTATE = f"""
UPDATE webhook_endpoints
SET previous_secret_sealed = CASE WHEN $5::timestamptz > $6 THEN secret_sealed END,
    previous_secret_expires_at = CASE WHEN $5::timestamptz > $6 THEN $5 END,
    secret_sealed = $4, updated_at = $6
{_OWN}
"""  # noqa: S608 - our own text
_DELETE = f"""
UPDATE webhook_endpoints SET deleted_at = $4, updated_at = $4, active = false, is_default = false
{_OWN} RETURNING true
"""  # noqa: S608 - our own text
# Nothing is lost: what did not arrive can be replayed from the dead letters.
_FAIL_PENDING = """
WITH failed AS (
    UPDATE webhook_logs SET status = 'failed', next_retry_at = NULL
    WHERE endpoint_id = $1 AND status = 'pending'
    RETURNING id, merchant_id, mode
)
INSERT INTO dead_letters (id, kind, subject_id, merchant_id, mode, reason, created_at)
SELECT gen_random_uuid(), 'webhook', id::text, merchant_id, mode, $2, $3 FROM failed
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEndpoint:
    """An endpoint to be made."""

    id: str
    url: str | None
    description: str | None = None
    events: tuple[str, ...] = ()
    format: str = "gateway"
    secret_sealed: bytes = field(repr=False)
    active: bool = True
    is_default: bool = False


async def lock_merchant(connection: Connection, scope: Scope) -> None:
    """Let changes of one merchant's endpoints wait for each other until the transaction ends."""
    await connection.execute(
        "SELECT FROM merchants WHERE id = $1 FOR NO KEY UPDATE", scope.merchant_id
    )


async def count_endpoints(connection: Connection, scope: Scope) -> int:
    """How many endpoints with an address the merchant has."""
    found: int = await connection.fetchval(_COUNT, scope.merchant_id, scope.mode)
    return found


async def insert_endpoint(
    connection: Connection, scope: Scope, endpoint: NewEndpoint, now: datetime
) -> None:
    """A new endpoint."""
    await connection.execute(
        _INSERT,
        endpoint.id,
        scope.merchant_id,
        scope.mode,
        endpoint.url,
        endpoint.description,
        list(endpoint.events),
        endpoint.format,
        endpoint.secret_sealed,
        endpoint.active,
        endpoint.is_default,
        now,
    )


async def update_endpoint(
    connection: Connection,
    scope: Scope,
    endpoint_id: str,
    changes: Mapping[str, Any],
    now: datetime,
) -> None:
    """Change settings; an endpoint that is switched on again begins with a clean record.

    Raises ValueError for a column that is not among ENDPOINT_SETTINGS.
    """
    if not changes.keys() <= ENDPOINT_SETTINGS:
        raise ValueError("this column is not a merchant's to change")
    columns = list(changes)
    assignments = [f"{name} = ${number}" for number, name in enumerate(columns, 5)]
    if changes.get("active"):
        assignments += ["disabled_reason = NULL", "failing_since = NULL"]
    await connection.execute(
        "UPDATE webhook_endpoints "  # noqa: S608 - the columns were checked
        f"SET {', '.join(['updated_at = $4', *assignments])} {_OWN}",
        scope.merchant_id,
        scope.mode,
        endpoint_id,
        now,
        *(changes[name] for name in columns),
    )


async def rotate_endpoint_secret(
    connection: Connection,
    scope: Scope,
    endpoint_id: str,
    *,
    secret_sealed: bytes,
    previous_expires_at: datetime,
    now: datetime,
) -> None:
    """A new secret; the one before it signs too until `previous_expires_at`."""
    await connection.execute(
        _ROTATE,
        scope.merchant_id,
        scope.mode,
        endpoint_id,
        secret_sealed,
        previous_expires_at,
        now,
    )


async def delete_endpoint(
    connection: Connection, scope: Scope, endpoint_id: str, now: datetime
) -> bool:
    """Whether there was such an endpoint. Its row stays, for the deliveries that name it."""
    deleted = await connection.fetchval(_DELETE, scope.merchant_id, scope.mode, endpoint_id, now)
    return deleted is True


async def fail_pending_deliveries(
    connection: Connection, endpoint_id: str, reason: str, now: datetime
) -> None:
    """What waits for an endpoint that is switched off or deleted has failed, and is replayable."""
    await connection.execute(_FAIL_PENDING, endpoint_id, reason, now)
