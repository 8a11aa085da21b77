"""The enqueuer: what follows from a commit goes to Redis, batched, bounded, and late if need be.

Nobody waits for it: a Redis that hangs delays no answer. What does not fit into its buffer is
dropped, because Recovery finds it in Postgres.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime

import structlog

from gateway.actors.cancelling import cancel_all
from gateway.actors.journal import FaultPoint, no_fault
from gateway.actors.supervisor import TreeNode
from gateway.domain.jobs import Job
from gateway.queue.client import is_redis_unavailable
from gateway.queue.jobs import JobQueue

__all__ = ["Enqueuer"]

logger = structlog.get_logger(__name__)

_BACKOFF_FIRST_SECONDS = 0.05
_BACKOFF_MAX_SECONDS = 2.0


class Enqueuer:
    """Sends jobs, changed ids and due times in one pipeline a batch; repeats what failed."""

    def __init__(
        self,
        queue: JobQueue,
        *,
        batch_max: int,
        pending_max: int,
        fault: FaultPoint = no_fault,
    ) -> None:
        self._queue = queue
        self._batch_max = batch_max
        self._pending_max = pending_max
        self._fault = fault
        self._jobs: list[Job] = []
        self._changed: dict[str, None] = {}
        self._due: dict[str, datetime] = {}
        self._sealed: list[str] = []
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._failed: asyncio.Future[Exception] | None = None
        self.degraded = False
        self.dropped_total = 0

    @property
    def failed(self) -> asyncio.Future[Exception] | None:
        """Done when something other than a lost connection went wrong."""
        return self._failed

    async def start(self) -> None:
        """Begin to send."""
        self._failed = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._run(), name="enqueuer")
        self._task.add_done_callback(self._ended)

    async def stop(self) -> None:
        """Send what waits, once, and end."""
        task, self._task = self._task, None
        if task is None:
            return
        await cancel_all([task])
        if not self.degraded:
            await self._send_all()

    def tree(self) -> TreeNode:
        """What the dashboard shows."""
        return TreeNode(
            name="enqueuer",
            kind="enqueuer",
            alive=self._task is not None,
            mailbox_length=self.pending,
        )

    @property
    def pending(self) -> int:
        """How many jobs, changes and due times wait."""
        return len(self._jobs) + len(self._changed) + len(self._due)

    def put(
        self,
        jobs: Iterable[Job] = (),
        *,
        changed_ids: Iterable[str] = (),
        due: dict[str, datetime] | None = None,
        sealed_deletions: Iterable[str] = (),
    ) -> None:
        """Have these sent soon."""
        self._jobs.extend(jobs)
        self._changed.update(dict.fromkeys(changed_ids))
        self._due.update(due or {})
        self._sealed.extend(sealed_deletions)
        self._shed()
        self._wake.set()

    def _shed(self) -> None:
        """Keep within the limit, oldest first: Postgres knows all of it."""
        for kept in (self._jobs, self._sealed):
            if len(kept) > self._pending_max:
                self.dropped_total += len(kept) - self._pending_max
                del kept[: len(kept) - self._pending_max]
        for mapping in (self._changed, self._due):
            while len(mapping) > self._pending_max:
                self.dropped_total += 1
                mapping.pop(next(iter(mapping)))

    async def _run(self) -> None:
        backoff = _BACKOFF_FIRST_SECONDS
        while True:
            await self._wake.wait()
            self._wake.clear()
            if await self._send_all():
                backoff = _BACKOFF_FIRST_SECONDS
                continue
            await asyncio.sleep(backoff)
            backoff = min(backoff * 2, _BACKOFF_MAX_SECONDS)
            self._wake.set()

    async def _send_all(self) -> bool:
        while self.pending or self._sealed:
            if not await self._send_batch():
                return False
        return True

    async def _send_batch(self) -> bool:
        size = self._batch_max
        jobs, self._jobs = self._jobs[:size], self._jobs[size:]
        sealed, self._sealed = self._sealed[:size], self._sealed[size:]
        changed = self._take(self._changed)
        due = {key: self._due.pop(key) for key in self._take_keys(self._due)}
        await self._fault("enqueuer.before_send")
        try:
            await self._queue.send(jobs=jobs, changed_ids=changed, due=due, sealed_delete=sealed)
        except BaseException as error:
            self._give_back(jobs, changed, due, sealed)
            if not is_redis_unavailable(error):
                raise
            self._degrade(error)
            return False
        self.degraded = False
        return True

    def _take_keys(self, mapping: dict[str, datetime] | dict[str, None]) -> list[str]:
        return [key for key, _ in zip(mapping, range(self._batch_max), strict=False)]

    def _take(self, mapping: dict[str, None]) -> list[str]:
        keys = self._take_keys(mapping)
        for key in keys:
            del mapping[key]
        return keys

    def _give_back(
        self,
        jobs: list[Job],
        changed: Sequence[str],
        due: dict[str, datetime],
        sealed: list[str],
    ) -> None:
        self._jobs[:0] = jobs
        self._sealed[:0] = sealed
        self._changed = {**dict.fromkeys(changed), **self._changed}
        self._due = {**due, **self._due}

    def _degrade(self, error: BaseException) -> None:
        if not self.degraded:
            logger.warning("enqueuer_degraded", error=type(error).__name__, pending=self.pending)
        self.degraded = True

    def _ended(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Exception) and self._failed is not None and not self._failed.done():
            self._failed.set_result(error)
