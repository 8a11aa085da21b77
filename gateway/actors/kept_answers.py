"""Reads what idempotency keys stand for, many in one go.

Each request with a key asks before anything else, and nearly always in vain. A question of its own
for each took more of our processor than the rest of `POST /orders`.
"""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from gateway.actors.batching import Batcher
from gateway.actors.errors import BatcherFull
from gateway.domain.clock import Clock
from gateway.domain.errors import Unavailable
from gateway.storage.pool import DATABASE_ERRORS, is_connection_lost, is_unavailable
from gateway.storage.reads_idempotency import KeptAnswer, find_kept_answers

__all__ = ["KeptAnswers"]


class KeptAnswers:
    """Finds the rows of keys in batches; raises Unavailable while Postgres is away."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        clock: Clock,
        *,
        batch_max: int,
        pending_max: int,
        acquire_seconds: float,
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._acquire_seconds = acquire_seconds
        self._questions = Batcher(
            self._read,
            name="kept answers",
            size_max=batch_max,
            pending_max=pending_max,
            concurrency=2,
        )

    async def find(self, scope: str, key: str) -> KeptAnswer | None:
        """What the key stands for; None when it is new or has expired."""
        try:
            return await self._questions.submit((scope, key))
        except BatcherFull:
            raise Unavailable("Too many idempotency keys are being read") from None

    async def _read(self, keys: Sequence[tuple[str, str]]) -> Sequence[KeptAnswer | None]:
        try:
            async with self._pool.acquire(timeout=self._acquire_seconds) as connection:
                found = await find_kept_answers(connection, keys, self._clock.now())
        except DATABASE_ERRORS as error:
            if is_unavailable(error) or is_connection_lost(error):
                raise Unavailable("The database is not available") from None
            raise
        return [found.get(key) for key in keys]
