"""The dispatcher: looks up what may be due, hands it to its endpoints, and lets go of what is done.

Postgres alone says what is due (`next_retry_at`). A job or a popped id is a hint, which may come
twice, late or for nothing; a hint about a delivery that is under way is kept until that is done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

import aiohttp
import asyncpg
import structlog

from gateway.actors.batching import Batcher
from gateway.actors.endpoint import (
    BodyFormat,
    Deliver,
    EndpointActor,
    EndpointContext,
    ForgetEndpoint,
)
from gateway.actors.enqueuer import Enqueuer
from gateway.actors.errors import ActorError
from gateway.actors.recorder import AttemptRecorder, RecorderContext
from gateway.actors.region import Region
from gateway.actors.supervisor import TreeNode
from gateway.actors.under_way import UnderWay
from gateway.domain.clock import Clock
from gateway.domain.delivery import RetrySchedule
from gateway.domain.jobs import JobKind
from gateway.domain.work import Event, UnitOfWork
from gateway.queue.jobs import ClaimedJob, JobQueue
from gateway.queue.schedule import DueIndex
from gateway.security.vault import Vault
from gateway.storage.deliveries import Delivery, Endpoint, fail_deliveries, load_deliveries
from gateway.storage.journal import NewDelivery
from gateway.storage.pool import DATABASE_ERRORS, is_connection_lost, is_transient, is_unavailable

__all__ = ["DelivererContext", "DeliveryLimits", "Dispatcher"]

Result = TypeVar("Result")

logger = structlog.get_logger(__name__)

_BACKOFF_SECONDS = 0.5
_CLOSE_SECONDS = 1.0
_NOT_OPEN = "The endpoint is switched off or deleted"
_NO_BODY = "The event's body is no longer kept"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryLimits:
    """How much at once, and for how long.

    `posts_max` requests of all endpoints together, `endpoint_concurrency` of one; `held_max`
    deliveries in memory, `endpoint_backlog_max` of them waiting for one endpoint.
    """

    posts_max: int = 1_000
    endpoint_concurrency: int = 32
    endpoint_backlog_max: int = 1_000
    endpoints_max: int = 10_000
    held_max: int = 4_000
    claim_count: int = 200
    record_max: int = 500
    timeout_seconds: float = 5.0
    response_characters_max: int = 2_048
    poll_seconds: float = 1.0
    take_over_seconds: float = 60.0
    refresh_seconds: float = 15.0
    disable_after_seconds: float = 5 * 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class DelivererContext:
    """What the deliverer works with.

    `session` is a `guarded_session` whose connector has no smaller limits than ours: what waits
    there waits within the receiver's time. `formats` are those of endpoints that do not get the
    stored body. `observe(outcome, seconds)` is told of each attempt: success, refused, unreachable.
    """

    pool: asyncpg.Pool
    queue: JobQueue
    due: DueIndex
    enqueuer: Enqueuer
    clock: Clock
    vault: Vault = field(repr=False)
    session: aiohttp.ClientSession
    schedule: RetrySchedule
    user_agent: str
    observe: Callable[[str, float], None]
    formats: Mapping[str, BodyFormat] = field(default_factory=dict)


class Dispatcher:
    """Between the hints and the endpoint actors; holds `under_way` and the recorder."""

    def __init__(
        self, context: DelivererContext, limits: DeliveryLimits, wake: Callable[[], None]
    ) -> None:
        """`wake` is called when something has become due."""
        self._context = context
        self._limits = limits
        self._wake = wake
        self.under_way = UnderWay(limits.held_max)
        self._known: dict[str, Endpoint] = {}
        self._stopping = False
        self._postgres_is_away = False
        self._recorder = self._make_recorder()
        posting = self._endpoint_context()
        self._endpoints = Region(
            "endpoints",
            lambda endpoint_id: EndpointActor(endpoint_id, posting),
            live_max=limits.endpoints_max,
            mailbox_max=limits.held_max,
            stop_seconds=2.0,
        )
        self._acknowledgements: Batcher[str, None] = Batcher(
            self._acknowledge, name="webhook-acknowledgements", size_max=1_000, pending_max=10_000
        )

    @property
    def degraded(self) -> bool:
        """Whether Postgres is away."""
        return self._postgres_is_away or self._recorder.degraded

    def tree(self) -> TreeNode:
        """The region of endpoint actors."""
        return self._endpoints.tree()

    async def start(self) -> None:
        """Take hints from now on."""
        await self._endpoints.start()

    async def stop(self, drain_seconds: float) -> None:
        """Let requests under way end and be written; what is left by then is due again.

        For another process, or for this one's next start.
        """
        self._stopping = True
        with suppress(TimeoutError):
            async with asyncio.timeout(drain_seconds):
                await self.under_way.is_empty.wait()
        await self._endpoints.stop()
        await self._recorder.close(_CLOSE_SECONDS)
        await self._acknowledgements.close(_CLOSE_SECONDS)
        left = self.under_way.ids
        for delivery_id in left:
            self.under_way.release(delivery_id)
        if left:
            self._context.enqueuer.put(due=dict.fromkeys(left, self._context.clock.now()))

    def forget_endpoint(self, endpoint_id: str) -> None:
        """Have it read anew, if anything is on its way there."""
        self._known.pop(endpoint_id, None)
        if self._endpoints.find(endpoint_id) is not None:
            with suppress(ActorError):
                self._endpoints.tell(endpoint_id, ForgetEndpoint())

    def dispatch_new(
        self, units: Sequence[UnitOfWork], deliveries: Sequence[NewDelivery]
    ) -> Sequence[NewDelivery]:
        """Hand over what was committed just now; the answer is what has to go by the queue.

        That is what there is no room for, and what goes to endpoints that are not known as they
        stood in the commit. If this process dies, Recovery finds the others when they are overdue.
        """
        if self._stopping:
            return deliveries
        events = {event.id: event for unit in units for event in unit.events}
        ready: dict[str, list[Delivery]] = {}
        left: list[NewDelivery] = []
        for new in deliveries:
            endpoint, event = self._known.get(new.endpoint_id), events.get(new.event_id)
            current = endpoint is not None and endpoint.version == new.endpoint_version
            if endpoint is None or event is None or not current:
                left.append(new)
            elif self.under_way.admit_new(new.id):
                ready.setdefault(endpoint.id, []).append(_first_try(new, event, endpoint))
            else:
                left.append(new)
        for endpoint_id, delivered in ready.items():
            self._hand_over(endpoint_id, delivered)
        return left

    async def dispatch_claimed(self, claimed: Sequence[ClaimedJob]) -> None:
        """Jobs from the stream."""
        jobs = []
        for each in claimed:
            if _is_uuid(each.job.subject):
                jobs.append((each.job.subject, each.entry_id))
            else:
                logger.error("webhook_job_invalid", entry_id=each.entry_id)
                self._acknowledge_soon([each.entry_id])
        await self._dispatch(self.under_way.admit_claimed(jobs))

    async def dispatch_due(self, delivery_ids: Iterable[str]) -> None:
        """Ids popped from the schedule's index."""
        await self._dispatch(self.under_way.admit_due(filter(_is_uuid, delivery_ids)))

    async def _dispatch(self, delivery_ids: Sequence[str]) -> None:
        """Load the deliveries and hand them to their endpoints; one statement a batch."""
        if not delivery_ids:
            return
        try:
            await self._look_up(delivery_ids)
        except BaseException:
            # Stopped while Postgres is away, for example: nobody else knows these hints.
            for delivery_id in delivery_ids:
                self._give_back(delivery_id, 0.0)
            raise

    async def _look_up(self, delivery_ids: Sequence[str]) -> None:
        found = await self._postgres(lambda connection: load_deliveries(connection, delivery_ids))
        now = self._context.clock.now()
        self._learn(found)
        ready: dict[str, list[Delivery]] = {}
        refused: dict[str, str] = {}
        waiting: dict[str, datetime] = {}
        for delivery in found:
            if not delivery.endpoint.is_open or delivery.body is None:
                refused[delivery.id] = _NO_BODY if delivery.endpoint.is_open else _NOT_OPEN
            elif delivery.next_retry_at is not None and delivery.next_retry_at > now:
                waiting[delivery.id] = delivery.next_retry_at
            else:
                ready.setdefault(delivery.endpoint.id, []).append(delivery)
        if refused:
            await self._postgres(lambda connection: fail_deliveries(connection, refused, now))
        if waiting:
            self._context.enqueuer.put(due=waiting)
        sent = {delivery.id for deliveries in ready.values() for delivery in deliveries}
        for delivery_id in delivery_ids:
            if delivery_id not in sent:
                self._finished(delivery_id)
        for endpoint_id, deliveries in ready.items():
            self._hand_over(endpoint_id, deliveries)

    def _learn(self, found: Sequence[Delivery]) -> None:
        """Remember the endpoints as they stand."""
        if len(self._known) >= self._limits.endpoints_max:
            self._known.clear()
        self._known.update((each.endpoint.id, each.endpoint) for each in found)

    def _hand_over(self, endpoint_id: str, deliveries: list[Delivery]) -> None:
        try:
            self._endpoints.tell(endpoint_id, Deliver(tuple(deliveries)))
        except ActorError as error:
            kinds = {"endpoint_id": endpoint_id, "error": type(error).__name__}
            logger.warning("deliveries_not_taken", deliveries=len(deliveries), **kinds)
            for delivery in deliveries:
                self._give_back(delivery.id, self._limits.timeout_seconds)

    def _give_back(self, delivery_id: str, seconds: float) -> None:
        """Not now: the schedule brings it back, and the job is done with."""
        due_at = self._context.clock.now() + timedelta(seconds=seconds)
        self._context.enqueuer.put(due={delivery_id: due_at})
        self._finished(delivery_id)

    def _finished(self, delivery_id: str, stale: bool = False) -> None:
        held = self.under_way.release(delivery_id)
        if held.again or stale:
            # Somebody has changed the row meanwhile: look what stands there now.
            self._context.enqueuer.put(due={delivery_id: self._context.clock.now()})
            self._wake()
        self._acknowledge_soon(held.entry_ids)

    def _acknowledge_soon(self, entry_ids: Iterable[str]) -> None:
        for entry_id in entry_ids:
            # What is not acknowledged comes again, and its row says that nothing is to do.
            with suppress(ActorError):
                answer = self._acknowledgements.submit(entry_id)
                answer.add_done_callback(lambda done: done.cancelled() or done.exception())

    async def _acknowledge(self, entry_ids: Sequence[str]) -> Sequence[None]:
        await self._context.queue.acknowledge(JobKind.WEBHOOKS, entry_ids)
        return [None] * len(entry_ids)

    async def _postgres(
        self, work: Callable[[asyncpg.pool.PoolConnectionProxy], Coroutine[Any, Any, Result]]
    ) -> Result:
        """Wait for Postgres as long as it is away: the hints are in our hands alone."""
        while True:
            try:
                async with self._context.pool.acquire() as connection:
                    result = await work(connection)
            except DATABASE_ERRORS as error:
                if not (is_transient(error) or is_unavailable(error) or is_connection_lost(error)):
                    raise
                if not self._postgres_is_away:
                    logger.warning("deliverer_degraded", error=type(error).__name__)
                self._postgres_is_away = True
                await asyncio.sleep(_BACKOFF_SECONDS)
            else:
                self._postgres_is_away = False
                return result

    def _make_recorder(self) -> AttemptRecorder:
        context = self._context
        shared = RecorderContext(
            pool=context.pool,
            clock=context.clock,
            finished=self._finished,
            retry=lambda due: context.enqueuer.put(due=due),
            observe=context.observe,
            disable_after_seconds=self._limits.disable_after_seconds,
        )
        return AttemptRecorder(
            shared, batch_max=self._limits.record_max, pending_max=self._limits.held_max
        )

    def _endpoint_context(self) -> EndpointContext:
        context, limits = self._context, self._limits
        return EndpointContext(
            session=context.session,
            posts=asyncio.Semaphore(limits.posts_max),
            clock=context.clock,
            vault=context.vault,
            schedule=context.schedule,
            record=self._recorder.record,
            give_back=self._give_back,
            is_stopping=lambda: self._stopping,
            formats=context.formats,
            user_agent=context.user_agent,
            concurrency=limits.endpoint_concurrency,
            backlog_max=limits.endpoint_backlog_max,
            timeout_seconds=limits.timeout_seconds,
            response_characters_max=limits.response_characters_max,
        )


def _first_try(new: NewDelivery, event: Event, endpoint: Endpoint) -> Delivery:
    return Delivery(
        id=new.id,
        event_id=event.id,
        event=event.type,
        attempts=0,
        next_retry_at=None,
        body=event.body,
        request_id=event.request_id,
        api_version=new.api_version,
        endpoint=endpoint,
    )


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
