"""The processor pool: claims jobs for its actors, keeps them claimed, and acknowledges them.

What an order's actor of this process has begun together with its acceptance comes without a job.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

import structlog

from gateway.actors.batching import Batcher
from gateway.actors.cancelling import cancel_all
from gateway.actors.errors import ActorError
from gateway.actors.processor import ProcessorActor, ProcessorContext, RunJob
from gateway.actors.supervisor import ChildSpec, Supervisor, TreeNode
from gateway.domain.decisions import Proceed
from gateway.domain.jobs import Job, JobKind
from gateway.queue.client import is_redis_unavailable
from gateway.queue.jobs import ClaimedJob, JobQueue

__all__ = ["PoolLimits", "ProcessorPool"]

Result = TypeVar("Result")

logger = structlog.get_logger(__name__)

_KINDS = (JobKind.PAYMENTS, JobKind.REFUNDS)
_BLOCK_MILLISECONDS = 1_000
_BACKOFF_SECONDS = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolLimits:
    """How many actors, calls in flight, jobs a claim; when a silent holder is taken for dead."""

    actors: int
    calls_max: int
    claim_count: int
    take_over_seconds: float = 60.0
    refresh_seconds: float = 15.0
    failures_max: int = 5


class ProcessorPool:
    """Feeds processor actors from the streams, within the limit of calls in flight."""

    def __init__(
        self,
        queue: JobQueue,
        context: Callable[[Callable[[ClaimedJob, bool, str | None], None]], ProcessorContext],
        bury: Callable[[ClaimedJob, str], Awaitable[None]],
        limits: PoolLimits,
        *,
        drain_seconds: float,
    ) -> None:
        """`bury` keeps a dead letter for a job that fails again and again."""
        self._queue = queue
        self._limits = limits
        self._bury = bury
        self._drain_seconds = drain_seconds
        shared = context(self._finished)
        calls = -(-limits.calls_max // limits.actors)
        names = [f"processor-{number}" for number in range(limits.actors)]
        self._supervisor = Supervisor(
            "processors",
            [
                ChildSpec(
                    name=name,
                    factory=lambda: ProcessorActor(shared, calls_max=calls),
                    mailbox_max=calls,
                    stop_seconds=1.0,
                )
                for name in names
            ],
        )
        self._actors = [self._supervisor.child(name) for name in names]
        self._running: dict[str, ClaimedJob] = {}
        # Claims that were under way when the last place was taken.
        self._waiting: deque[ClaimedJob] = deque()
        self._places_kept = 0
        self._held_by: Counter[int] = Counter()
        self._holder: dict[str, int] = {}
        self._failures: Counter[str] = Counter()
        self._room = asyncio.Event()
        self._idle = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._acknowledgements: Batcher[ClaimedJob, None] | None = None
        self.degraded = False

    @property
    def failed(self) -> asyncio.Future[Exception]:
        """Done when the processor actors failed too often."""
        return self._supervisor.failed

    @property
    def in_flight(self) -> int:
        """How many jobs are being carried out."""
        return len(self._running)

    @property
    def is_running(self) -> bool:
        """Whether jobs are being claimed."""
        return bool(self._tasks) and not any(task.done() for task in self._tasks)

    async def start(self) -> None:
        """Start the actors, then claim."""
        self._acknowledgements = Batcher(
            self._acknowledge,
            name="acknowledgements",
            size_max=1_000,
            pending_max=self._limits.calls_max * 2,
        )
        self._room.set()
        self._idle.set()
        await self._supervisor.start()
        loops = [self._claim(kind) for kind in _KINDS]
        loops += [self._refresh(), self._take_over()]
        self._tasks = [asyncio.create_task(each, name="processor-pool") for each in loops]
        for task in self._tasks:
            task.add_done_callback(self._loop_ended)

    async def stop(self) -> None:
        """Claim no more, give what is under way its time, leave the rest unacknowledged."""
        tasks, self._tasks = self._tasks, []
        await cancel_all(tasks)
        self._waiting.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), self._drain_seconds)
        if self._acknowledgements is not None:
            await self._acknowledgements.close(within_seconds=2)
        await self._supervisor.stop()

    def tree(self) -> TreeNode:
        """What the dashboard shows."""
        below = self._supervisor.tree()
        return TreeNode(
            name="processors",
            kind="pool",
            alive=self.is_running,
            restarts=below.restarts,
            live=self.in_flight,
            children=below.children,
        )

    async def _claim(self, kind: JobKind) -> None:
        while True:
            await self._room.wait()
            count = min(self._limits.claim_count, self._free)
            try:
                claimed = await self._queue.claim(kind, count, _BLOCK_MILLISECONDS)
            except Exception as error:
                if not is_redis_unavailable(error):
                    raise
                await self._degrade(error)
                continue
            self.degraded = False
            self._dispatch(claimed)

    @property
    def _free(self) -> int:
        taken = len(self._running) + len(self._waiting) + self._places_kept
        return self._limits.calls_max - taken

    def take_place(self) -> bool:
        """Keep a place free for an operation that is being begun; False when there is none."""
        if self._free <= 0 or not self._tasks:
            return False
        self._places_kept += 1
        return True

    def give_back_place(self) -> None:
        """Keep it no longer."""
        self._places_kept -= 1
        self._signal_room()

    def carry_out(self, job: Job, begun: Proceed, asked_at: float) -> None:
        """Carry out what is begun and committed. What cannot be started now is found by Recovery.

        The lease did not begin before `asked_at`, a moment of the monotonic clock.
        """
        self._start(RunJob(ClaimedJob("", job, deliveries=1), (begun, asked_at)))

    def _dispatch(self, jobs: Sequence[ClaimedJob]) -> None:
        held = {claimed.entry_id for claimed in self._waiting}
        for claimed in jobs:
            if claimed.entry_id not in self._running and claimed.entry_id not in held:
                self._waiting.append(claimed)
        self._start_waiting()

    def _start_waiting(self) -> None:
        while self._waiting and len(self._running) < self._limits.calls_max:
            self._start(RunJob(self._waiting.popleft()))
        self._signal_room()

    def _start(self, message: RunJob) -> None:
        number = min(range(len(self._actors)), key=self._held_by.__getitem__)
        try:
            self._actors[number].tell(message)
        except ActorError:
            # It stays claimed, and is taken over when nobody has refreshed it for a while.
            logger.warning("job_not_taken", job=message.claimed.job.subject)
            return
        key = _key(message.claimed)
        self._running[key] = message.claimed
        self._holder[key] = number
        self._held_by[number] += 1
        self._idle.clear()

    def _signal_room(self) -> None:
        if self._free > 0:
            self._room.set()
        else:
            self._room.clear()

    def _finished(self, claimed: ClaimedJob, done: bool, error: str | None) -> None:
        key = _key(claimed)
        self._running.pop(key, None)
        self._held_by[self._holder.pop(key)] -= 1
        self._start_waiting()
        if not self._running:
            self._idle.set()
        if done:
            self._failures.pop(claimed.job.subject, None)
            self._acknowledge_soon(claimed)
        elif error is not None:
            self._count_failure(claimed, error)

    def _acknowledge_soon(self, claimed: ClaimedJob) -> None:
        if claimed.entry_id and self._acknowledgements is not None:
            answer = self._acknowledgements.submit(claimed)
            # What is not acknowledged is delivered again, and begin says that nothing is to do.
            answer.add_done_callback(lambda done: done.cancelled() or done.exception())

    def _count_failure(self, claimed: ClaimedJob, error: str) -> None:
        self._failures[claimed.job.subject] += 1
        if self._failures[claimed.job.subject] < self._limits.failures_max:
            return
        del self._failures[claimed.job.subject]
        task = asyncio.create_task(self._bury_job(claimed, error), name="bury")
        task.add_done_callback(self._loop_ended)
        self._tasks.append(task)

    async def _bury_job(self, claimed: ClaimedJob, error: str) -> None:
        await self._bury(claimed, error)
        self._acknowledge_soon(claimed)

    async def _acknowledge(self, jobs: Sequence[ClaimedJob]) -> Sequence[None]:
        for kind in _KINDS:
            entries = [claimed.entry_id for claimed in jobs if claimed.job.kind == kind]
            if entries:
                await self._queue.acknowledge(kind, entries)
        return [None] * len(jobs)

    async def _refresh(self) -> None:
        """Say that what is under way is alive, so that nobody takes it over."""
        while True:
            await asyncio.sleep(self._limits.refresh_seconds)
            for kind in _KINDS:
                held = [
                    each.entry_id
                    for each in (*self._running.values(), *self._waiting)
                    if each.entry_id and each.job.kind == kind
                ]
                if held:
                    await self._guarded(self._queue.refresh(kind, held))

    async def _take_over(self) -> None:
        """Take what a dead process has left."""
        idle = int(self._limits.take_over_seconds * 1_000)
        while True:
            await asyncio.sleep(self._limits.take_over_seconds / 2)
            for kind in _KINDS:
                if self._free <= 0:
                    continue
                jobs = await self._guarded(self._queue.take_over(kind, idle, self._free))
                self._dispatch(jobs or ())

    async def _guarded(self, work: Awaitable[Result]) -> Result | None:
        try:
            return await work
        except Exception as error:
            if not is_redis_unavailable(error):
                raise
            await self._degrade(error)
            return None

    async def _degrade(self, error: Exception) -> None:
        if not self.degraded:
            logger.warning("pool_degraded", error=type(error).__name__)
        self.degraded = True
        await asyncio.sleep(_BACKOFF_SECONDS)

    def _loop_ended(self, task: asyncio.Task[None]) -> None:
        if task in self._tasks:
            self._tasks.remove(task)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Exception) and not self.failed.done():
            logger.error("pool_failed", error=type(error).__name__)
            self.failed.set_result(error)


def _key(claimed: ClaimedJob) -> str:
    return claimed.entry_id or claimed.job.subject
