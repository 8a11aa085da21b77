"""The summariser: keeps the dashboard's sums, and its search, up to date beside the payment path.

It may come late or not at all: pages add what has happened since the sums were made. Everything it
does may be done twice, and by several processes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

import asyncpg
import structlog

from gateway.actors.cancelling import cancel_all
from gateway.actors.supervisor import TreeNode
from gateway.domain.clock import Clock
from gateway.storage import summaries
from gateway.storage.pool import DATABASE_ERRORS, is_unavailable

__all__ = ["Summariser"]

logger = structlog.get_logger(__name__)

# What is to be made up for is taken in growing slices: quiet times are long, busy ones are short.
_FIRST_SLICE_SECONDS = 900.0
_SLICE_SECONDS_MAX = 30 * 86_400.0
_SLICES_MAX = 10_000


class Summariser:
    """A unit with one loop; a database that is away is waited for."""

    def __init__(
        self, *, pool: asyncpg.Pool, clock: Clock, interval_seconds: float, lag_seconds: float
    ) -> None:
        """`lag_seconds`: how long after its stamp an event may still become visible."""
        self._pool = pool
        self._clock = clock
        self._interval_seconds = interval_seconds
        self._lag_seconds = lag_seconds
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._failed: asyncio.Future[Exception] | None = None
        self._unsubscribe: Callable[[], None] | None = None

    @property
    def failed(self) -> asyncio.Future[Exception] | None:
        """Done when something other than the database being away went wrong."""
        return self._failed

    async def start(self) -> None:
        """Begin with what has happened since the last process."""
        self._failed = asyncio.get_running_loop().create_future()
        self._unsubscribe = self._clock.subscribe(self._wake.set)
        self._task = asyncio.create_task(self._run(), name="summariser")
        self._task.add_done_callback(self._ended)

    async def stop(self) -> None:
        """End; the next start goes on from here."""
        task, self._task = self._task, None
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None
        if task is not None:
            await cancel_all([task])

    def tree(self) -> TreeNode:
        """What the dashboard shows."""
        return TreeNode(name="summariser", kind="summariser", alive=self._task is not None)

    async def _run(self) -> None:
        while True:
            try:
                await self._catch_up()
            except DATABASE_ERRORS as error:
                if not is_unavailable(error):
                    raise
                logger.warning("summariser_waits", error=type(error).__name__)
            with suppress(TimeoutError):
                # Not wait_for: until Python 3.12 it can swallow a cancellation.
                async with asyncio.timeout(self._interval_seconds):
                    await self._wake.wait()
            self._wake.clear()

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

    def _ended(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Exception) and self._failed is not None and not self._failed.done():
            self._failed.set_result(error)
