"""The audit trail: who did what, newest first, in pages that go on after a row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from gateway.storage.journal import Connection
from gateway.storage.reads_pages import Scope

__all__ = ["AuditFilter", "AuditRow", "list_audits"]

_SELECT = """
SELECT audit_logs.id, audit_logs.actor, audit_logs.action, audit_logs.subject_id,
       audit_logs.details, audit_logs.request_id, audit_logs.address, audit_logs.created_at,
       coalesce(nullif(users.name, ''), users.email) AS actor_name
FROM audit_logs
LEFT JOIN users ON users.merchant_id = $1 AND audit_logs.actor = 'user:' || users.id::text
WHERE audit_logs.merchant_id = $1 AND (audit_logs.mode = $2 OR audit_logs.mode IS NULL)
"""
_ORDER = " ORDER BY audit_logs.created_at DESC, audit_logs.id DESC"
# A condition for each field of AuditFilter; only those that are asked for are in the statement.
_CONDITIONS = (
    ("actor", "audit_logs.actor LIKE {}"),
    ("action", "audit_logs.action = {}"),
    ("since", "audit_logs.created_at >= {}"),
    ("until", "audit_logs.created_at < {}"),
    (
        "after",
        """(audit_logs.created_at, audit_logs.id) <
           (SELECT created_at, id FROM audit_logs WHERE id = {} AND merchant_id = $1)""",
    ),
)


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
    arguments: list[object] = [scope.merchant_id, scope.mode]
    statement = _SELECT
    for name, condition in _CONDITIONS:
        value = getattr(chosen, name)
        if value is not None:
            arguments.append(value)
            statement += f" AND {condition.format(f'${len(arguments)}')}"
    statement += (
        f" ORDER BY audit_logs.created_at DESC, audit_logs.id DESC LIMIT ${len(arguments) + 1}"
    )
    return [AuditRow(**row) for row in await connection.fetch(statement, *arguments, limit)]
