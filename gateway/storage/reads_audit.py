"""The audit trail: who did what, newest first, in pages that go on after a row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from gateway.storage.journal import Connection
from gateway.storage.reads_pages import Scope

__all__ = ["AuditFilter", "AuditRow", "list_audits"]

_LIST = """
SELECT audit_logs.id, audit_logs.actor, audit_logs.action, audit_logs.subject_id,
       audit_logs.details, audit_logs.request_id, audit_logs.address, audit_logs.created_at,
       coalesce(nullif(users.name, ''), users.email) AS actor_name
FROM audit_logs
LEFT JOIN users ON users.merchant_id = $1 AND audit_logs.actor = 'user:' || users.id::text
WHERE audit_logs.merchant_id = $1 AND (audit_logs.mode = $2 OR audit_logs.mode IS NULL)
  AND ($3::text IS NULL OR audit_logs.actor LIKE $3)
  AND ($4::text IS NULL OR audit_logs.action = $4)
  AND ($5::timestamptz IS NULL OR audit_logs.created_at >= $5)
  AND ($6::timestamptz IS NULL OR audit_logs.created_at < $6)
  AND ($7::uuid IS NULL OR (audit_logs.created_at, audit_logs.id) < (
        SELECT created_at, id FROM audit_logs WHERE id = $7 AND merchant_id = $1))
ORDER BY audit_logs.created_at DESC, audit_logs.id DESC
LIMIT $8
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """Which lines: None lets all through. `actor` is a pattern of LIKE, `until` is not included."""

    actor: str | None = None
    action: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    after: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRow:
    """One line; `actor_name` is there where the actor is one of the merchant's users."""

    id: UUID
    actor: str
    actor_name: str | None
    action: str
    subject_id: str | None
    details: str
    request_id: str | None
    address: str | None
    created_at: datetime


async def list_audits(
    connection: Connection, scope: Scope, chosen: AuditFilter, *, limit: int
) -> Sequence[AuditRow]:
    """The lines of the merchant, those of the mode and those that belong to none."""
    rows = await connection.fetch(
        _LIST,
        scope.merchant_id,
        scope.mode,
        chosen.actor,
        chosen.action,
        chosen.since,
        chosen.until,
        chosen.after,
        limit,
    )
    return [AuditRow(**row) for row in rows]
