"""Recovery: finds work that Redis lost, expires what is overdue, deletes what is old.

It sleeps until something is due, at most `interval_seconds`. Everything it does may be done twice,
and by several processes: the order's actor decides whether there is anything to do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg
import structlog

from gateway.actors.cancelling import cancel_all
from gateway.actors.enqueuer import Enqueuer
from gateway.actors.errors import ActorError
from gateway.actors.messages import ChangeDispute, ExpireOrder, ExpirePayment
from gateway.actors.region import Region
from gateway.actors.supervisor import TreeNode
from gateway.domain.clock import Clock
from gateway.domain.decisions import ExpireDispute
from gateway.domain.errors import Rejected
from gateway.domain.jobs import Job
from gateway.queue.client import is_redis_unavailable
from gateway.queue.jobs import JobQueue
from gateway.storage import recovery as storage
from gateway.storage.pool import is_connection_lost, is_unavailable
from gateway.storage.reads_disputes import expiring_disputes

__all__ = ["Recovery", "RecoveryPeriods"]

logger = structlog.get_logger(__name__)

_SOONEST_SECONDS = 0.05
_ROUNDS_MAX = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryPeriods:
    """How often, how much at once, and how long things are kept."""

    interval_seconds: float = 30.0
    delivery_grace_seconds: float = 30.0
    slice: int = 500
    ask_seconds: float = 30.0
    body_seconds: float = 90 * 86_400
    event_seconds: float = 400 * 86_400
    notification_seconds: float = 90 * 86_400


class Recovery:
    """A unit with one loop; stores that are away are waited for."""

    def __init__(
        self,
        *,
        pool: asyncpg.Pool,
        queue: JobQueue,
        enqueuer: Enqueuer,
        orders: Region,
        clock: Clock,
        periods: RecoveryPeriods,
    ) -> None:
        self._pool = pool
        self._queue = queue
        self._enqueuer = enqueuer
        self._orders = orders
        self._clock = clock
        self._periods = periods
        self._marker: str | None = None
        self._cleaned_at: datetime | None = None
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._failed: asyncio.Future[Exception] | None = None
        self._unsubscribe: Callable[[], None] | None = None
        self.requeued_total = 0

    @property
    def failed(self) -> asyncio.Future[Exception] | None:
        """Done when something other than a lost connection went wrong."""
        return self._failed

    async def start(self) -> None:
        """Begin with everything that has no outcome yet: who worked on it may be dead."""
        self._failed = asyncio.get_running_loop().create_future()
        self._unsubscribe = self._clock.subscribe(self._wake.set)
        self._task = asyncio.create_task(self._run(), name="recovery")
        self._task.add_done_callback(self._ended)

    async def stop(self) -> None:
        """End; what is left is found at the next start."""
        task, self._task = self._task, None
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None
        if task is not None:
            await cancel_all([task])

    def tree(self) -> TreeNode:
        """What the dashboard shows."""
        return TreeNode(name="recovery", kind="recovery", alive=self._task is not None)

    def look(self) -> None:
        """Something is due sooner than it was."""
        self._wake.set()

    async def _run(self) -> None:
        while True:
            wait_seconds = self._periods.interval_seconds
            for step in (self._mend_queue, self._sweep, self._expire, self._delete_old):
                if not await self._guarded(step):
                    wait_seconds = 1.0
            if wait_seconds == self._periods.interval_seconds:
                wait_seconds = await self._until_due()
            with suppress(TimeoutError):
                # Not wait_for: until Python 3.12 it can swallow a cancellation.
                async with asyncio.timeout(wait_seconds):
                    await self._wake.wait()
            self._wake.clear()

    async def _guarded(self, step: Callable[[], Awaitable[None]]) -> bool:
        try:
            await step()
        except Exception as error:
            if not _is_away(error):
                raise
            logger.warning("recovery_waits", error=type(error).__name__)
            return False
        return True

    async def _mend_queue(self) -> None:
        """At the start, and when Redis was emptied: add all jobs anew from what Postgres says."""
        marker = await self._queue.marker()
        if marker is not None and marker == self._marker:
            return
        after = ""
        for _ in range(_ROUNDS_MAX):
            async with self._pool.acquire() as connection:
                jobs = await storage.requeue_operations(connection, after, self._periods.slice)
            if not jobs:
                break
            after = jobs[-1].subject
            self._add(jobs)
        await self._add_deliveries(self._clock.now() + timedelta(days=3_650))
        await self._queue.ensure_groups()
        self._marker = await self._queue.marker()

    async def _sweep(self) -> None:
        now, real_now = self._clock.now(), self._clock.real_now()
        not_since = now - timedelta(seconds=self._periods.interval_seconds)
        for _ in range(_ROUNDS_MAX):
            async with self._pool.acquire() as connection:
                jobs = await storage.due_operations(
                    connection, now, real_now, not_since, self._periods.slice
                )
            self._add(jobs)
            if len(jobs) < self._periods.slice:
                break
        grace = timedelta(seconds=self._periods.delivery_grace_seconds)
        await self._add_deliveries(now - grace)

    async def _add_deliveries(self, due_before: datetime) -> None:
        async with self._pool.acquire() as connection:
            rows = await storage.due_deliveries(connection, due_before, self._periods.slice * 20)
        if rows:
            self._enqueuer.put(due={delivery_id: due for delivery_id, _, due in rows})

    async def _expire(self) -> None:
        now, limit = self._clock.now(), self._periods.slice
        async with self._pool.acquire() as connection:
            orders = await storage.expiring_orders(connection, now, limit)
            payments = await storage.expiring_payments(connection, now, limit)
            disputes = await expiring_disputes(connection, now, limit)
        for order_id in orders:
            await self._ask(order_id, ExpireOrder())
        for order_id, payment_id in payments:
            await self._ask(order_id, ExpirePayment(payment_id=payment_id))
        for order_id, dispute_id in disputes:
            await self._ask(order_id, ChangeDispute(dispute_id=dispute_id, change=ExpireDispute()))

    async def _ask(self, order_id: str, message: object) -> None:
        try:
            await self._orders.ask(order_id, message, deadline_seconds=self._periods.ask_seconds)
        except (Rejected, ActorError) as error:
            logger.warning("recovery_refused", order_id=order_id, error=type(error).__name__)

    async def _delete_old(self) -> None:
        now, periods = self._clock.now(), self._periods
        if self._cleaned_at is not None and now < self._cleaned_at + timedelta(
            seconds=periods.interval_seconds
        ):
            return
        self._cleaned_at = now
        for _ in range(_ROUNDS_MAX):
            async with self._pool.acquire() as connection:
                count = await storage.delete_old(
                    connection,
                    keys_before=now,
                    bodies_before=now - timedelta(seconds=periods.body_seconds),
                    events_before=now - timedelta(seconds=periods.event_seconds),
                    notifications_before=now - timedelta(seconds=periods.notification_seconds),
                    limit=periods.slice,
                )
            if count < periods.slice:
                return
            await asyncio.sleep(0)

    async def _until_due(self) -> float:
        """Seconds until something is due, at most the interval."""
        now, real_now = self._clock.now(), self._clock.real_now()
        try:
            async with self._pool.acquire() as connection:
                due, lease = await storage.earliest_due(connection, now, real_now)
        except Exception as error:
            if not _is_away(error):
                raise
            return 1.0
        waits = [self._periods.interval_seconds]
        if due is not None:
            waits.append((due - now).total_seconds())
        if lease is not None:
            waits.append((lease - real_now).total_seconds())
        return max(_SOONEST_SECONDS, min(waits))

    def _add(self, jobs: Sequence[Job]) -> None:
        self.requeued_total += len(jobs)
        if jobs:
            self._enqueuer.put(jobs)

    def _ended(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Exception) and self._failed is not None and not self._failed.done():
            self._failed.set_result(error)


def _is_away(error: Exception) -> bool:
    return (
        is_unavailable(error)
        or is_connection_lost(error)
        or is_redis_unavailable(error)
        or isinstance(error, TimeoutError)
    )
