"""The webhook deliverer: takes new deliveries from the stream, and due ones by a timer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import TypeVar

import structlog

from gateway.actors.cancelling import cancel_all
from gateway.actors.dispatcher import DelivererContext, DeliveryLimits, Dispatcher
from gateway.actors.supervisor import TreeNode
from gateway.domain.jobs import JobKind
from gateway.domain.work import UnitOfWork
from gateway.queue.client import is_redis_unavailable
from gateway.storage.journal import NewDelivery

__all__ = ["DelivererContext", "DeliveryLimits", "WebhookDeliverer"]

Result = TypeVar("Result")

logger = structlog.get_logger(__name__)

_BLOCK_MILLISECONDS = 1_000
_BACKOFF_SECONDS = 0.5
_SOONEST_SECONDS = 0.001


class WebhookDeliverer:
    """A unit: a claim loop, a timer for the next due delivery, and a region of endpoint actors.

    Stores that are away are waited for. A job is acknowledged when its attempt is committed.
    """

    def __init__(
        self, context: DelivererContext, limits: DeliveryLimits, *, drain_seconds: float
    ) -> None:
        """A stop gives requests under way `drain_seconds`."""
        self._context = context
        self._limits = limits
        self._drain_seconds = drain_seconds
        self._wake = asyncio.Event()
        self._dispatcher: Dispatcher | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._unsubscribe: Callable[[], None] | None = None
        self._failed: asyncio.Future[Exception] | None = None
        self._redis_is_away = False

    @property
    def failed(self) -> asyncio.Future[Exception] | None:
        """Done when something other than a lost connection went wrong."""
        return self._failed

    @property
    def degraded(self) -> bool:
        """Whether a store is away."""
        return self._redis_is_away or (self._dispatcher is not None and self._dispatcher.degraded)

    @property
    def in_flight(self) -> int:
        """How many deliveries are under way."""
        return len(self._dispatcher.under_way) if self._dispatcher is not None else 0

    @property
    def is_running(self) -> bool:
        """Whether deliveries are being taken."""
        return bool(self._tasks) and not any(task.done() for task in self._tasks)

    async def start(self) -> None:
        """Take deliveries from now on."""
        if self._dispatcher is not None:
            return
        self._failed = asyncio.get_running_loop().create_future()
        dispatcher = self._dispatcher = Dispatcher(self._context, self._limits, self._wake.set)
        await dispatcher.start()
        self._unsubscribe = self._context.clock.subscribe(self._wake.set)
        loops = (self._claim, self._follow_schedule, self._refresh, self._take_over)
        self._tasks = [
            asyncio.create_task(each(dispatcher), name="webhook-deliverer") for each in loops
        ]
        for task in self._tasks:
            task.add_done_callback(self._loop_ended)

    async def stop(self) -> None:
        """Claim no more, give requests under way their time, leave the rest unacknowledged."""
        tasks, self._tasks = self._tasks, []
        await cancel_all(tasks)
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None
        if self._dispatcher is not None:
            await self._dispatcher.stop(self._drain_seconds)
            self._dispatcher = None

    def tree(self) -> TreeNode:
        """What the dashboard shows."""
        below = self._dispatcher.tree() if self._dispatcher is not None else None
        return TreeNode(
            name="webhooks",
            kind="deliverer",
            alive=self.is_running,
            mailbox_length=self.in_flight,
            live=below.live if below else None,
            children=(below,) if below else (),
        )

    async def deliver_now(self, delivery_ids: list[str]) -> None:
        """These deliveries are committed as due at once: have them sent."""
        due = dict.fromkeys(delivery_ids, self._context.clock.now())
        try:
            await self._context.due.put(due)
        except Exception as error:
            if not is_redis_unavailable(error):
                raise
            self._context.enqueuer.put(due=due)
        self._wake.set()

    def take_new(
        self, units: Sequence[UnitOfWork], deliveries: Sequence[NewDelivery]
    ) -> Sequence[NewDelivery]:
        """Send deliveries that were committed just now; the answer is those that need a job."""
        if self._dispatcher is None or not self.is_running:
            return deliveries
        return self._dispatcher.dispatch_new(units, deliveries)

    def forget_endpoint(self, endpoint_id: str) -> None:
        """The endpoint was changed: read it anew before the next post."""
        if self._dispatcher is not None:
            self._dispatcher.forget_endpoint(endpoint_id)

    async def _claim(self, dispatcher: Dispatcher) -> None:
        under_way = dispatcher.under_way
        while True:
            await under_way.has_room.wait()
            count = min(self._limits.claim_count, under_way.room)
            claim = self._context.queue.claim(JobKind.WEBHOOKS, count, _BLOCK_MILLISECONDS)
            await dispatcher.dispatch_claimed(await self._guarded(claim) or ())

    async def _take_over(self, dispatcher: Dispatcher) -> None:
        """Take what a dead process has left."""
        idle_milliseconds = int(self._limits.take_over_seconds * 1_000)
        while True:
            await asyncio.sleep(self._limits.take_over_seconds / 2)
            count = min(self._limits.claim_count, dispatcher.under_way.room)
            if count:
                taking = self._context.queue.take_over(JobKind.WEBHOOKS, idle_milliseconds, count)
                await dispatcher.dispatch_claimed(await self._guarded(taking) or ())

    async def _refresh(self, dispatcher: Dispatcher) -> None:
        """Say that what is under way is alive, so that nobody takes it over."""
        while True:
            await asyncio.sleep(self._limits.refresh_seconds)
            held = dispatcher.under_way.entry_ids
            if held:
                await self._guarded(self._context.queue.refresh(JobKind.WEBHOOKS, held))

    async def _follow_schedule(self, dispatcher: Dispatcher) -> None:
        under_way, clock, due = dispatcher.under_way, self._context.clock, self._context.due
        while True:
            await under_way.has_room.wait()
            # Before it is looked at: what becomes due from here on wakes the next wait.
            self._wake.clear()
            count = min(self._limits.claim_count, under_way.room)
            popped = await self._guarded(due.pop_due(clock.now(), count))
            if popped:
                await dispatcher.dispatch_due(popped)
            else:
                await self._until_due()

    async def _until_due(self) -> None:
        """Wait for the earliest delivery, or for news of an earlier one.

        Other processes put some too, and nobody tells of those: look again after a while.
        """
        earliest = await self._guarded(self._context.due.earliest())
        wait_seconds = self._limits.poll_seconds
        if earliest is not None:
            wait_seconds = min(wait_seconds, self._context.clock.seconds_until(earliest))
        with suppress(TimeoutError):
            # Not wait_for: until 3.12 it swallows a cancellation that meets the event.
            async with asyncio.timeout(max(wait_seconds, _SOONEST_SECONDS)):
                await self._wake.wait()

    async def _guarded(self, work: Awaitable[Result]) -> Result | None:
        """The answer; None after a while when Redis is away."""
        try:
            result = await work
        except Exception as error:
            if not is_redis_unavailable(error):
                raise
            if not self._redis_is_away:
                logger.warning("deliverer_degraded", error=type(error).__name__)
            self._redis_is_away = True
            await asyncio.sleep(_BACKOFF_SECONDS)
            return None
        self._redis_is_away = False
        return result

    def _loop_ended(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Exception) and self._failed is not None and not self._failed.done():
            logger.error("deliverer_failed", error=type(error).__name__)
            self._failed.set_result(error)
