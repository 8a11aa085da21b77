"""The overview's figures: stored sums, with what has happened since they were made.

Quarters of an hour in which something changed lately are added up anew from the rows, so that the
figures are those of this moment. Where too much has changed for that, the sums are taken as they
are: as old as the summariser's interval.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

import asyncpg

from gateway.storage.journal import Connection
from gateway.storage.reads_pages import Scope
from gateway.storage.summaries import FAILURES, PAYMENTS, REFUNDS

__all__ = [
    "FailureSum",
    "Overview",
    "PaymentSum",
    "RefundSum",
    "WebhookHealth",
    "load_overview",
    "load_webhook_health",
]

_RECENT_EVENTS_MAX = 2_000
_RECENT_QUARTERS_MAX = 100
_DELIVERIES_MAX = 10_000
_HEALTH_HOURS = 24

_RECENT = """
SELECT payment_id, refund_id FROM events
WHERE merchant_id = $1 AND mode = $2
  AND created_at >= coalesce((SELECT settled_until FROM summary_state), 'epoch')
ORDER BY created_at DESC, id DESC LIMIT $3
"""
_QUARTERS = """
SELECT DISTINCT date_bin('15 minutes', created_at, 'epoch') AS quarter FROM {table}
WHERE id = ANY($3::text[]) AND merchant_id = $1 AND mode = $2
"""

# $5 are the beginnings of the bars, $6 the quarters that are added up anew. Names are our own.
_STORED = """
SELECT quarter, {groups}, {values} FROM {sums}
WHERE merchant_id = $1 AND mode = $2 AND quarter >= $3 AND quarter < $4
"""
_ANEW = """
  AND quarter <> ALL($6::timestamptz[])
UNION ALL
SELECT changed.quarter, summed.* FROM unnest($6::timestamptz[]) AS changed(quarter)
CROSS JOIN LATERAL (
    SELECT {columns} FROM {table}
    WHERE merchant_id = $1 AND mode = $2 AND created_at >= changed.quarter
      AND created_at < changed.quarter + interval '15 minutes' {condition}
    GROUP BY {positions}) AS summed
WHERE changed.quarter >= $3 AND changed.quarter < $4
"""
_SUMS = """
SELECT width_bucket(quarter, $5::timestamptz[]) - 1 AS number, {groups}, {totals}
FROM ({source}) AS together GROUP BY number, {groups} ORDER BY number, {groups}
"""


class _Sums:
    """The statements that read sums of one kind."""

    def __init__(
        self,
        sums: str,
        table: str,
        columns: str,
        *,
        groups: Sequence[str],
        values: Sequence[str],
        only: str = "",
    ) -> None:
        names = {
            "sums": sums,
            "table": table,
            "columns": columns,
            "groups": ", ".join(groups),
            "values": ", ".join(values),
            "totals": ", ".join(f"sum({value})::bigint AS {value}" for value in values),
            "positions": ", ".join(str(number) for number, _ in enumerate(groups, start=1)),
            "condition": only,
        }
        stored, anew = _STORED.format(**names), _ANEW.format(**names)
        self._stored = _SUMS.format(source=stored, **names)
        self._current = _SUMS.format(source=stored + anew, **names)

    async def read(
        self,
        connection: Connection,
        scope: Scope,
        ends: tuple[datetime, datetime],
        bars: Sequence[datetime],
        changed: Sequence[datetime],
    ) -> list[asyncpg.Record]:
        """The sums of the bars, with the quarters that have `changed` added up anew."""
        arguments = (scope.merchant_id, scope.mode, *ends, bars)
        if not changed:
            return await connection.fetch(self._stored, *arguments)
        return await connection.fetch(self._current, *arguments, changed)


_PAYMENT_SUMS = _Sums(
    "payment_quarters",
    "payments",
    PAYMENTS,
    groups=("currency", "method"),
    values=("payments", "succeeded", "failed", "amount"),
)
_REFUND_SUMS = _Sums(
    "refund_quarters",
    "refunds",
    REFUNDS,
    groups=("currency",),
    values=("refunds", "amount"),
    only="AND status <> 'failed'",
)
_FAILURE_SUMS = _Sums(
    "failure_quarters",
    "payments",
    FAILURES,
    groups=("reason",),
    values=("payments",),
    only="AND status = 'failed'",
)

_DELIVERIES = """
SELECT status, count(*) AS deliveries, min(created_at) AS oldest
FROM (SELECT status, created_at FROM webhook_logs
      WHERE merchant_id = $1 AND mode = $2 AND created_at >= $3
      ORDER BY created_at DESC, id DESC LIMIT $4) AS latest
GROUP BY status
"""
_ENDPOINTS = """
SELECT count(*) FILTER (WHERE active) AS active,
       count(*) FILTER (WHERE active AND failing_since IS NOT NULL) AS failing,
       count(*) FILTER (WHERE NOT active AND disabled_reason IS NOT NULL) AS disabled
FROM webhook_endpoints
WHERE merchant_id = $1 AND mode = $2 AND deleted_at IS NULL AND url IS NOT NULL
"""


class PaymentSum(NamedTuple):
    """Payments made in bar `number`, counted from zero; `amount` of those that were approved."""

    number: int
    currency: str
    method: str
    payments: int
    succeeded: int
    failed: int
    amount: int


class RefundSum(NamedTuple):
    """Refunds made in bar `number` that have not failed."""

    number: int
    currency: str
    refunds: int
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureSum:
    """Payments that failed for one reason."""

    reason: str
    payments: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """The sums by bar; failures, most frequent first. `is_current`: none of them is old."""

    payments: Sequence[PaymentSum]
    refunds: Sequence[RefundSum]
    failures: Sequence[FailureSum]
    is_current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookHealth:
    """Deliveries of the last day, the newest ten thousand at most, and endpoints by how they do."""

    succeeded: int
    failed: int
    pending: int
    oldest_pending: datetime | None
    active: int
    failing: int
    disabled: int

    @property
    def deliveries(self) -> int:
        """All of them."""
        return self.succeeded + self.failed + self.pending


async def load_overview(
    connection: Connection, scope: Scope, edges: Sequence[datetime]
) -> Overview:
    """The sums of the bars between `edges`, each of which begins a quarter of an hour."""
    payments, refunds, is_current = await _changed_quarters(connection, scope)
    ends, bars = (edges[0], edges[-1]), edges[:-1]
    paid = await _PAYMENT_SUMS.read(connection, scope, ends, bars, payments)
    given_back = await _REFUND_SUMS.read(connection, scope, ends, bars, refunds)
    failed = await _FAILURE_SUMS.read(connection, scope, ends, edges[:1], payments)
    failures = [FailureSum(reason=row["reason"], payments=row["payments"]) for row in failed]
    return Overview(
        payments=[PaymentSum(*row) for row in paid],
        refunds=[RefundSum(*row) for row in given_back],
        failures=sorted(failures, key=lambda each: (-each.payments, each.reason)),
        is_current=is_current,
    )


async def load_webhook_health(connection: Connection, scope: Scope, now: datetime) -> WebhookHealth:
    """How deliveries and endpoints have done in the last day."""
    own = (scope.merchant_id, scope.mode)
    since = now - timedelta(hours=_HEALTH_HOURS)
    rows = await connection.fetch(_DELIVERIES, *own, since, _DELIVERIES_MAX)
    by_status = {row["status"]: row for row in rows}
    counts = {status: row["deliveries"] for status, row in by_status.items()}
    [endpoints] = await connection.fetch(_ENDPOINTS, *own)
    return WebhookHealth(
        succeeded=counts.get("success", 0),
        failed=counts.get("failed", 0),
        pending=counts.get("pending", 0),
        oldest_pending=by_status["pending"]["oldest"] if "pending" in by_status else None,
        **dict(endpoints),
    )


async def _changed_quarters(
    connection: Connection, scope: Scope
) -> tuple[list[datetime], list[datetime], bool]:
    """The quarters of payments and of refunds to add up anew, and whether these are all."""
    own = (scope.merchant_id, scope.mode)
    recent = await connection.fetch(_RECENT, *own, _RECENT_EVENTS_MAX)
    if len(recent) >= _RECENT_EVENTS_MAX:
        return [], [], False
    refund_ids = {row["refund_id"] for row in recent} - {None}
    payment_ids = {row["payment_id"] for row in recent if row["refund_id"] is None} - {None}
    payments = await _quarters(connection, scope, "payments", payment_ids)
    refunds = await _quarters(connection, scope, "refunds", refund_ids)
    if len(payments) + len(refunds) > _RECENT_QUARTERS_MAX:
        return [], [], False
    return payments, refunds, True


async def _quarters(
    connection: Connection, scope: Scope, table: str, ids: Collection[str]
) -> list[datetime]:
    if not ids:
        return []
    rows = await connection.fetch(
        _QUARTERS.format(table=table), scope.merchant_id, scope.mode, list(ids)
    )
    return [row["quarter"] for row in rows]
