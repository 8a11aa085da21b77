"""How much work is open and done, counted by the rows: for `GET /test/jobs/status`."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.storage.journal import Connection

__all__ = ["JobCounts", "count_jobs"]

# Somebody has an operation in hand while its last attempt has a lease.
_COUNTS = """
SELECT count(*) FILTER (WHERE open AND NOT held) AS pending,
       count(*) FILTER (WHERE open AND held) AS processing,
       count(*) FILTER (WHERE state = 'done') AS completed,
       count(*) FILTER (WHERE state = 'failed') AS failed
FROM (
    SELECT state, state IN ('open', 'unknown') AS open,
           EXISTS (SELECT FROM attempts WHERE attempts.operation_id = operations.id
                   AND attempts.state IN ('sent', 'resumed')) AS held
    FROM operations
    UNION ALL
    SELECT CASE status WHEN 'success' THEN 'done' ELSE status END, status = 'pending', false
    FROM webhook_logs
) AS work
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobCounts:
    """Operations and deliveries together."""

    pending: int
    processing: int
    completed: int
    failed: int


async def count_jobs(connection: Connection) -> JobCounts:
    """Counts everything: in a sandbox there is little."""
    rows = await connection.fetch(_COUNTS)
    return JobCounts(**dict(rows[0]))
