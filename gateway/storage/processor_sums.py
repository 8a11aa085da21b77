"""How payments did at each processor: kept by the summariser beside the sums of the overview.

Pages read what is stored, and are so as old as the summariser's interval.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any

from gateway.storage.journal import Connection
from gateway.storage.reads_dashboard_spans import cut_bars
from gateway.storage.reads_pages import Scope
from gateway.storage.spans import PLACES, SPANS_MINUTES, Place, columns_of, wider

__all__ = ["ProcessorSum", "fold_processors", "load_processor_sums"]

_CLEAR = f"""
DELETE FROM processor_sums AS sums USING {PLACES}
WHERE sums.merchant_id = changed.merchant_id AND sums.mode = changed.mode
  AND sums.minutes = $4 AND sums.since = changed.since
"""  # noqa: S608 - our own names
_QUARTER = """
    payments.merchant_id = changed.merchant_id AND payments.mode = changed.mode
    AND payments.created_at >= changed.since
    AND payments.created_at < changed.since + interval '15 minutes'
"""
_STORE = f"""
INSERT INTO processor_sums
SELECT changed.merchant_id, changed.mode, $4, changed.since, summed.*
FROM {PLACES} CROSS JOIN LATERAL (
    SELECT processor, reason, sum(entries), sum(succeeded), sum(not_reached) FROM (
        SELECT processor, CASE WHEN status = 'failed'
                   THEN coalesce(error_reason, error_code, 'unknown') ELSE '' END AS reason,
               count(*) AS entries, count(*) FILTER (WHERE status = 'success') AS succeeded,
               0 AS not_reached
        FROM payments WHERE {_QUARTER} GROUP BY 1, 2
        UNION ALL
        SELECT coalesce(attempts.processor, payments.processor), '', 0, 0, count(*)
        FROM payments JOIN attempts ON attempts.payment_id = payments.id
        WHERE {_QUARTER} AND attempts.state = 'failed' GROUP BY 1
    ) AS counted GROUP BY 1, 2) AS summed
"""  # noqa: S608 - our own names
_ADD_UP = f"""
INSERT INTO processor_sums
SELECT changed.merchant_id, changed.mode, $4, changed.since, summed.*
FROM {PLACES} CROSS JOIN LATERAL (
    SELECT processor, reason, sum(entries), sum(succeeded), sum(not_reached)
    FROM processor_sums AS sums
    WHERE merchant_id = changed.merchant_id AND mode = changed.mode AND minutes = $5
      AND since >= changed.since AND since < changed.since + make_interval(mins => $4)
    GROUP BY processor, reason) AS summed
"""  # noqa: S608 - our own names
_READ = """
SELECT bar, processor, reason, sum(entries)::bigint AS entries,
       sum(succeeded)::bigint AS succeeded, sum(not_reached)::bigint AS not_reached
FROM unnest($3::smallint[], $4::timestamptz[], $5::timestamptz[], $6::integer[])
    AS piece(minutes, since, until, bar)
CROSS JOIN LATERAL (
    SELECT processor, reason, entries, succeeded, not_reached FROM processor_sums AS sums
    WHERE merchant_id = $1 AND mode = $2 AND sums.minutes = piece.minutes
      AND sums.since >= piece.since AND sums.since < piece.until OFFSET 0) AS stored
GROUP BY bar, processor, reason
"""


@dataclass(slots=True)
class ProcessorSum:
    """Payments at one processor; `reasons` counts those that failed, by reason.

    `not_reached` are attempts that surely did nothing, also of payments that went on to another.
    """

    payments: int = 0
    succeeded: int = 0
    not_reached: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def failed(self) -> int:
        """How many failed."""
        return self.reasons.total()

    def add(self, other: ProcessorSum) -> None:
        """Count these, too."""
        self.payments += other.payments
        self.succeeded += other.succeeded
        self.not_reached += other.not_reached
        self.reasons.update(other.reasons)


async def fold_processors(connection: Connection, changed: Collection[Place]) -> None:
    """Make anew the sums of these quarters of an hour, and of the longer spans they are in."""
    if not changed:
        return
    quarter = SPANS_MINUTES[0]
    await _replace(connection, _STORE, changed, quarter)
    for part, minutes in pairwise(SPANS_MINUTES):
        await _replace(connection, _ADD_UP, wider(changed, minutes), minutes, part)


async def load_processor_sums(
    connection: Connection, scope: Scope, edges: Sequence[datetime]
) -> Sequence[Mapping[str, ProcessorSum]]:
    """The sums by processor for each bar between `edges`, which begin quarters of an hour."""
    pieces = [list(column) for column in zip(*cut_bars(edges, ()).stored, strict=True)]
    rows = await connection.fetch(_READ, scope.merchant_id, scope.mode, *(pieces or [[]] * 4))
    bars: list[dict[str, ProcessorSum]] = [{} for _ in edges[1:]]
    for row in rows:
        found = bars[row["bar"]].setdefault(row["processor"], ProcessorSum())
        found.payments += row["entries"]
        found.succeeded += row["succeeded"]
        found.not_reached += row["not_reached"]
        if row["reason"]:
            found.reasons[row["reason"]] += row["entries"]
    return bars


async def _replace(
    connection: Connection, statement: str, places: Collection[Place], *minutes: Any
) -> None:
    columns = columns_of(places)
    await connection.execute(_CLEAR, *columns, minutes[0])
    await connection.execute(statement, *columns, *minutes)
