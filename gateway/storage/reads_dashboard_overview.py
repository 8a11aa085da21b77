"""The overview's figures: stored sums, with what has happened since they were made.

Quarters of an hour in which something changed lately are added up anew from the rows, so that the
figures are those of this moment. Where too much has changed for that, the sums are taken as they
are: as old as the summariser's interval.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from gateway.storage.journal import Connection
from gateway.storage.reads_dashboard_spans import cut_bars
from gateway.storage.reads_pages import Scope
from gateway.storage.summaries import PAYMENTS, REFUNDS

__all__ = [
    "FailureSum",
    "Overview",
    "PaymentSums",
    "RefundSums",
    "WebhookHealth",
    "load_overview",
    "load_webhook_health",
]

_RECENT_EVENTS_MAX = 2_000
_RECENT_QUARTERS_MAX = 100
_DELIVERIES_MAX = 10_000
_HEALTH_HOURS = 24

_CHANGED = """
WITH recent AS MATERIALIZED (
    SELECT payment_id, refund_id FROM events
    WHERE merchant_id = $1 AND mode = $2
      AND created_at >= coalesce((SELECT settled_until FROM summary_state), 'epoch')
    ORDER BY created_at DESC, id DESC LIMIT $3)
SELECT (SELECT count(*) FROM recent) AS events, ARRAY(
    SELECT date_bin('15 minutes', created_at, 'epoch') FROM payments
    WHERE id IN (SELECT payment_id FROM recent WHERE refund_id IS NULL)
      AND merchant_id = $1 AND mode = $2
    UNION
    SELECT date_bin('15 minutes', created_at, 'epoch') FROM refunds
    WHERE id IN (SELECT refund_id FROM recent) AND merchant_id = $1 AND mode = $2) AS quarters
"""

_QUARTER = """
merchant_id = $1 AND mode = $2
AND created_at >= changed.since AND created_at < changed.since + interval '15 minutes'
"""
# `OFFSET 0` has each piece looked up in the index, and not compared with all that is stored.
# One row for all bars: a row costs our process more than a number.
_SUMS = f"""
SELECT kind, name, method, array_agg(bar), array_agg(entries), array_agg(succeeded),
       array_agg(failed), array_agg(amount)
FROM (
    SELECT kind, bar, name, method, sum(entries)::bigint AS entries,
           sum(succeeded)::bigint AS succeeded, sum(failed)::bigint AS failed,
           sum(amount)::bigint AS amount
    FROM (
        SELECT bar, stored.*
        FROM unnest($3::smallint[], $4::timestamptz[], $5::timestamptz[], $6::integer[])
            AS piece(minutes, since, until, bar)
        CROSS JOIN LATERAL (
            SELECT kind, name, method, entries, succeeded, failed, amount FROM sums
            WHERE merchant_id = $1 AND mode = $2 AND sums.minutes = piece.minutes
              AND sums.since >= piece.since AND sums.since < piece.until OFFSET 0) AS stored
        UNION ALL
        SELECT bar, anew.*
        FROM unnest($7::timestamptz[], $8::integer[]) AS changed(since, bar)
        CROSS JOIN LATERAL (
            {PAYMENTS.format(quarter=_QUARTER)} UNION ALL {REFUNDS.format(quarter=_QUARTER)}
        ) AS anew(kind, name, method, entries, succeeded, failed, amount)
    ) AS together
    GROUP BY kind, bar, name, method ORDER BY kind, name, method, bar
) AS summed
GROUP BY kind, name, method ORDER BY kind, name, method
"""  # noqa: S608 - our own names

_HEALTH = """
SELECT * FROM (
    SELECT count(*) FILTER (WHERE status = 'success') AS succeeded,
           count(*) FILTER (WHERE status = 'failed') AS failed,
           count(*) FILTER (WHERE status = 'pending') AS pending,
           min(created_at) FILTER (WHERE status = 'pending') AS oldest_pending
    FROM (SELECT status, created_at FROM webhook_logs
          WHERE merchant_id = $1 AND mode = $2 AND created_at >= $3
          ORDER BY created_at DESC, id DESC LIMIT $4) AS latest) AS deliveries
CROSS JOIN (
    SELECT count(*) FILTER (WHERE active) AS active,
           count(*) FILTER (WHERE active AND failing_since IS NOT NULL) AS failing,
           count(*) FILTER (WHERE NOT active AND disabled_reason IS NOT NULL) AS disabled
    FROM webhook_endpoints
    WHERE merchant_id = $1 AND mode = $2 AND deleted_at IS NULL AND url IS NOT NULL) AS endpoints
"""


class PaymentSums(NamedTuple):
    """Payments of one method in one currency, for each of the `bars` that have any.

    Bars are counted from zero; `amount` (minor units) is that of those that were approved.
    """

    currency: str
    method: str
    bars: Sequence[int]
    payments: Sequence[int]
    succeeded: Sequence[int]
    failed: Sequence[int]
    amount: Sequence[int]


class RefundSums(NamedTuple):
    """Refunds in one currency that have not failed, for each of the `bars` that have any."""

    currency: str
    bars: Sequence[int]
    refunds: Sequence[int]
    amount: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureSum:
    """Payments that failed for one reason."""

    reason: str
    payments: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """The sums by bar; failures, most frequent first. `is_current`: none of them is old."""

    payments: Sequence[PaymentSums]
    refunds: Sequence[RefundSums]
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
    own = (scope.merchant_id, scope.mode)
    changed, is_current = await _changed_quarters(connection, scope)
    cut = cut_bars(edges, changed)
    pieces = [list(column) for column in zip(*cut.stored, strict=True)] or [[], [], [], []]
    anew = [list(column) for column in zip(*cut.anew, strict=True)] or [[], []]
    payments, refunds, failures = [], [], dict[str, int]()
    for kind, name, method, bars, *sums in await connection.fetch(_SUMS, *own, *pieces, *anew):
        if kind == "payment":
            payments.append(PaymentSums(name, method, bars, *sums))
        elif kind == "refund":
            refunds.append(RefundSums(name, bars, sums[0], sums[-1]))
        else:
            failures[name] = sum(sums[0])
    return Overview(
        payments=payments,
        refunds=refunds,
        failures=[
            FailureSum(reason=reason, payments=count)
            for reason, count in sorted(failures.items(), key=lambda each: (-each[1], each[0]))
        ],
        is_current=is_current,
    )


async def load_webhook_health(connection: Connection, scope: Scope, now: datetime) -> WebhookHealth:
    """How deliveries and endpoints have done in the last day."""
    since = now - timedelta(hours=_HEALTH_HOURS)
    [row] = await connection.fetch(_HEALTH, scope.merchant_id, scope.mode, since, _DELIVERIES_MAX)
    return WebhookHealth(**dict(row))


async def _changed_quarters(
    connection: Connection, scope: Scope
) -> tuple[Sequence[datetime], bool]:
    """The quarters to add up anew, and whether these are all that have changed."""
    [row] = await connection.fetch(_CHANGED, scope.merchant_id, scope.mode, _RECENT_EVENTS_MAX)
    if row["events"] >= _RECENT_EVENTS_MAX or len(row["quarters"]) > _RECENT_QUARTERS_MAX:
        return [], False
    return row["quarters"], True
