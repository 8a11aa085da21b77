"""Dead letters: what failed again and again, kept for an operator."""

from __future__ import annotations

import asyncpg

from gateway.domain.clock import Clock
from gateway.domain.jobs import Job

__all__ = ["bury_job"]

_BURY = """
INSERT INTO dead_letters (id, kind, subject_id, merchant_id, mode, reason, created_at)
SELECT gen_random_uuid(), 'job', operations.id, payments.merchant_id, payments.mode, $2, $3
FROM operations JOIN payments ON payments.id = operations.payment_id
WHERE operations.id = $1 AND NOT EXISTS (
    SELECT FROM dead_letters WHERE subject_id = $1 AND resolved_at IS NULL)
"""


async def bury_job(pool: asyncpg.Pool, clock: Clock, job: Job, reason: str) -> None:
    """Keep one open dead letter for the job's operation; Recovery goes on trying it."""
    await pool.execute(_BURY, job.subject, reason, clock.now())
