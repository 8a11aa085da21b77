"""The summariser: keeps the dashboard's sums, and its search, up to date beside the payment path.

It may come late or not at all: pages add what has happened since the sums were made. Everything it
does may be done twice, and by several processes.
"""

from __future__ import annotations

import asyncpg

from gateway.actors.periodic import Periodic
from gateway.domain.clock import Clock
from gateway.storage import summaries

__all__ = ["Summariser"]

# What is to be made up for is taken in growing slices: quiet times are long, busy ones are short.
_FIRST_SLICE_SECONDS = 900.0
_SLICE_SECONDS_MAX = 30 * 86_400.0
_SLICES_MAX = 10_000


class Summariser(Periodic):
    """A unit that catches up at the start, then now and then."""

    def __init__(
        self, *, pool: asyncpg.Pool, clock: Clock, interval_seconds: float, lag_seconds: float
    ) -> None:
        """`lag_seconds`: how long after its stamp an event may still become visible."""
        super().__init__(
            "summariser", self._catch_up, interval_seconds=interval_seconds, clock=clock
        )
        self._pool = pool
        self._clock = clock
        self._lag_seconds = lag_seconds

    async def _catch_up(self) -> None:
        slice_seconds = _FIRST_SLICE_SECONDS
        for _ in range(_SLICES_MAX):
            async with self._pool.acquire() as connection:
                more = await summaries.fold(
                    connection,
                    self._clock.now(),
                    lag_seconds=self._lag_seconds,
                    slice_seconds=slice_seconds,
                )
            if not more:
                break
            slice_seconds = min(2 * slice_seconds, _SLICE_SECONDS_MAX)
        async with self._pool.acquire() as connection:
            await summaries.prepare_search(connection)
