"""Work that is done again and again, beside the payment path: a unit with one loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

from gateway.actors.cancelling import cancel_all
from gateway.actors.supervisor import TreeNode
from gateway.domain.clock import Clock
from gateway.storage.pool import DATABASE_ERRORS, is_connection_lost, is_unavailable

__all__ = ["Periodic"]

logger = structlog.get_logger(__name__)

_SOONEST_SECONDS = 0.05
_AWAY_SECONDS = 1.0


class Periodic:
    """Does its work at the start, then after each interval; a database that is away is waited for.

    The work may answer after how many seconds it is wanted again, if that is sooner. `clock`:
    whoever moves it forward has the work looked at again at once. `at_start`: `start` returns only
    when the work was done once.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[], Awaitable[float | None]],
        *,
        interval_seconds: float,
        clock: Clock | None = None,
        at_start: bool = False,
    ) -> None:
        self._name = name
        self._work = work
        self._interval_seconds = interval_seconds
        self._woken_by = clock
        self._at_start = at_start
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._failed: asyncio.Future[Exception] | None = None
        self._unsubscribe: Callable[[], None] | None = None

    @property
    def failed(self) -> asyncio.Future[Exception] | None:
        """Done when something other than the database being away went wrong."""
        return self._failed

    async def start(self) -> None:
        """Begin."""
        self._failed = asyncio.get_running_loop().create_future()
        if self._woken_by is not None:
            self._unsubscribe = self._woken_by.subscribe(self._wake.set)
        if self._at_start:
            await self._guarded()
        self._task = asyncio.create_task(self._run(), name=self._name)
        self._task.add_done_callback(self._ended)

    async def stop(self) -> None:
        """End, also in the middle of the work."""
        task, self._task = self._task, None
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None
        if task is not None:
            await cancel_all([task])

    def tree(self) -> TreeNode:
        """What the dashboard shows."""
        return TreeNode(name=self._name, kind=self._name, alive=self._task is not None)

    def look(self) -> None:
        """There is something to do."""
        self._wake.set()

    async def _run(self) -> None:
        wait_seconds = self._interval_seconds if self._at_start else 0.0
        while True:
            with suppress(TimeoutError):
                # Not wait_for: until Python 3.12 it can swallow a cancellation.
                async with asyncio.timeout(wait_seconds):
                    await self._wake.wait()
            self._wake.clear()
            wait_seconds = await self._guarded()

    async def _guarded(self) -> float:
        """Seconds until the work is wanted again."""
        try:
            wanted = await self._work()
        except DATABASE_ERRORS as error:
            if not (is_unavailable(error) or is_connection_lost(error)):
                raise
            logger.warning("periodic_work_waits", work=self._name, error=type(error).__name__)
            wanted = _AWAY_SECONDS
        if wanted is None:
            return self._interval_seconds
        return max(_SOONEST_SECONDS, min(wanted, self._interval_seconds))

    def _ended(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Exception) and self._failed is not None and not self._failed.done():
            self._failed.set_result(error)
