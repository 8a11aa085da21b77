"""A deliverer with real stores, and the rows that the journal would have written."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from typing import Any, Self
from uuid import UUID, uuid4

import asyncpg
from redis.asyncio import Redis

from gateway.actors.deliverer import DelivererContext, DeliveryLimits, WebhookDeliverer
from gateway.actors.endpoint import BodyFormat
from gateway.actors.enqueuer import Enqueuer
from gateway.domain.clock import Clock
from gateway.domain.delivery import STANDARD_SCHEDULE, RetrySchedule
from gateway.domain.ids import new_id
from gateway.domain.jobs import Job, JobKind
from gateway.queue.client import Keys, open_redis
from gateway.queue.jobs import JobQueue
from gateway.queue.schedule import DueIndex
from gateway.security.credentials import new_webhook_secret
from gateway.security.outbound import OutboundGuard, guarded_connector, guarded_session
from gateway.security.records import endpoint_record
from gateway.security.vault import Vault, new_key
from gateway.storage.pool import Pool
from tests.support import eventually
from tests.webhooks.receivers import Receiver

USER_AGENT = "PaymentGateway/test"


@dataclass(frozen=True, slots=True)
class MadeEndpoint:
    """An endpoint, and the secret its merchant knows."""

    id: str
    secret: str


@dataclass(kw_only=True)
class World:
    """One process's worth of delivering; `start_another` gives a second process."""

    pool: Pool
    redis_url: str
    keys: Keys
    clock: Clock = field(default_factory=Clock)
    schedule: RetrySchedule = STANDARD_SCHEDULE
    limits: DeliveryLimits = field(default_factory=DeliveryLimits)
    allow_loopback: bool = True
    formats: Mapping[str, BodyFormat] = field(default_factory=dict)
    concurrency: int | None = None
    observe: Callable[[str, float], None] | None = None
    observed: list[tuple[str, float]] = field(default_factory=list)
    merchant_id: UUID = field(default_factory=uuid4)

    async def __aenter__(self) -> Self:
        self._stack = AsyncExitStack()
        if self.concurrency is not None:
            self.limits = replace(self.limits, endpoint_concurrency=self.concurrency)
        self.vault = Vault([new_key()])
        self.redis = await self._open_redis()
        self.due = DueIndex(self.redis, self.keys)
        self.session = guarded_session(
            guarded_connector(
                OutboundGuard(allow_loopback=self.allow_loopback), limit=1_000, limit_per_host=0
            )
        )
        self._stack.push_async_callback(self.session.close)
        await self.pool.execute(
            "INSERT INTO merchants (id, name, email, api_version, created_at, updated_at)"
            " VALUES ($1, 'Merchant', $2, '2026-11-01', $3, $3)",
            self.merchant_id,
            f"{self.merchant_id}@example.com",
            self.clock.now(),
        )
        self.queue, self.enqueuer = await self._make_queue()
        await self.queue.ensure_groups()
        self.deliverer = self._make_deliverer(self.queue, self.enqueuer, self.pool)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.deliverer.stop()
        await self._stack.aclose()

    async def _open_redis(self) -> Redis:
        redis = open_redis(self.redis_url, timeout_seconds=5, connections_max=8)
        self._stack.push_async_callback(redis.aclose)
        return redis

    async def _make_queue(self) -> tuple[JobQueue, Enqueuer]:
        reader = await self._open_redis()
        queue = JobQueue(self.redis, self.keys, f"test-{secrets.token_hex(4)}", reader=reader)
        enqueuer = Enqueuer(queue, batch_max=500, pending_max=100_000)
        await enqueuer.start()
        self._stack.push_async_callback(enqueuer.stop)
        return queue, enqueuer

    def _make_deliverer(
        self, queue: JobQueue, enqueuer: Enqueuer, pool: asyncpg.Pool
    ) -> WebhookDeliverer:
        context = DelivererContext(
            pool=pool,
            queue=queue,
            due=self.due,
            enqueuer=enqueuer,
            clock=self.clock,
            vault=self.vault,
            session=self.session,
            schedule=self.schedule,
            user_agent=USER_AGENT,
            formats=self.formats,
            observe=self.observe or (lambda *told: self.observed.append(told)),
        )
        return WebhookDeliverer(context, self.limits, drain_seconds=0.5)

    async def start(self) -> None:
        await self.deliverer.start()

    async def restart(self) -> None:
        """A new deliverer in place of the old one: nothing but the stores is left."""
        await self.deliverer.stop()
        self.queue, self.enqueuer = await self._make_queue()
        self.deliverer = self._make_deliverer(self.queue, self.enqueuer, self.pool)
        await self.deliverer.start()

    async def start_another(self, pool: asyncpg.Pool | None = None) -> WebhookDeliverer:
        """What another process would run on the same stores."""
        queue, enqueuer = await self._make_queue()
        another = self._make_deliverer(queue, enqueuer, pool or self.pool)
        self._stack.push_async_callback(another.stop)
        await another.start()
        return another

    async def receiver(self, *statuses: int, answer: Any = None, hangs: bool = False) -> Receiver:
        """A merchant's server, stopped at the end."""
        receiver = Receiver(*statuses, answer=answer)
        if hangs:
            receiver._answer = receiver.hang
        await receiver.start()
        self._stack.push_async_callback(receiver.stop)
        return receiver

    async def endpoint(self, url: str, **columns: Any) -> MadeEndpoint:
        """An active endpoint at `url`."""
        id_, secret = new_id("we"), columns.pop("secret", None) or new_webhook_secret()
        names = ", ".join(["", *columns])
        places = "".join(f", ${number}" for number in range(6, 6 + len(columns)))
        await self.pool.execute(
            "INSERT INTO webhook_endpoints"
            f" (id, merchant_id, mode, url, secret_sealed, created_at, updated_at{names})"
            f" VALUES ($1, $2, 'test', $3, $4, $5, $5{places})",
            id_,
            self.merchant_id,
            url,
            self.seal(id_, secret),
            self.clock.now(),
            *columns.values(),
        )
        return MadeEndpoint(id_, secret)

    def seal(self, endpoint_id: str, secret: str) -> bytes:
        return self.vault.seal(secret.encode(), record=endpoint_record(endpoint_id))

    async def deliver(self, endpoint: MadeEndpoint, count: int = 1) -> list[str]:
        """Deliveries as the journal commits them, and their jobs; the deliveries' ids."""
        ids = await self.insert(endpoint, count)
        await self.queue.add(Job(JobKind.WEBHOOKS, endpoint.id, id_) for id_ in ids)
        return ids

    async def add_job(self, endpoint: MadeEndpoint, delivery_id: str) -> None:
        """A job about the delivery, whether there is one already or not."""
        await self.queue.add([Job(JobKind.WEBHOOKS, endpoint.id, delivery_id)])

    async def insert(self, endpoint: MadeEndpoint, count: int = 1) -> list[str]:
        """Deliveries as the journal commits them, without jobs."""
        now = self.clock.now()
        events = [new_id("evt") for _ in range(count)]
        ids = [str(uuid4()) for _ in range(count)]
        bodies = [body_of(event_id) for event_id in events]
        await self.pool.execute(
            "INSERT INTO events (id, merchant_id, mode, type, body, created_at)"
            " SELECT id, $3, 'test', 'payment.success', body, $4"
            " FROM unnest($1::text[], $2::bytea[]) AS given(id, body)",
            events,
            bodies,
            self.merchant_id,
            now,
        )
        await self.pool.execute(
            "INSERT INTO webhook_logs (id, merchant_id, mode, event_id, endpoint_id, event, status,"
            " next_retry_at, created_at)"
            " SELECT id, $3, 'test', event_id, $4, 'payment.success', 'pending', $5, $5"
            " FROM unnest($1::uuid[], $2::text[]) AS given(id, event_id)",
            ids,
            events,
            self.merchant_id,
            endpoint.id,
            now,
        )
        return ids

    async def retry(self, delivery_id: str) -> None:
        """What the API's retry does."""
        await self.pool.execute(
            "UPDATE webhook_logs SET status = 'pending', attempts = 0, next_retry_at = $2"
            " WHERE id = $1",
            delivery_id,
            self.clock.now(),
        )
        await self.deliverer.deliver_now([delivery_id])

    async def row(self, delivery_id: str) -> asyncpg.Record:
        return await self.pool.fetchrow("SELECT * FROM webhook_logs WHERE id = $1", delivery_id)

    async def attempts(self, delivery_id: str) -> Sequence[asyncpg.Record]:
        return await self.pool.fetch(
            "SELECT * FROM webhook_attempts WHERE delivery_id = $1 ORDER BY id", delivery_id
        )

    async def endpoint_row(self, endpoint: MadeEndpoint) -> asyncpg.Record:
        return await self.pool.fetchrow(
            "SELECT * FROM webhook_endpoints WHERE id = $1", endpoint.id
        )

    async def dead_letters(self, delivery_id: str) -> Sequence[asyncpg.Record]:
        return await self.pool.fetch(
            "SELECT * FROM dead_letters WHERE kind = 'webhook' AND subject_id = $1", delivery_id
        )

    async def attempted(
        self, delivery_id: str, times: int, within_seconds: float = 5.0
    ) -> asyncpg.Record:
        """The row after so many attempts."""

        async def look() -> asyncpg.Record | None:
            row = await self.row(delivery_id)
            return row if row["attempts"] == times else None

        return await eventually(look, within_seconds)

    async def ended(
        self, delivery_id: str, status: str, within_seconds: float = 5.0
    ) -> asyncpg.Record:
        """The row when it has this status."""

        async def look() -> asyncpg.Record | None:
            row = await self.row(delivery_id)
            return row if row["status"] == status else None

        return await eventually(look, within_seconds)

    async def all_ended(self, count: int, status: str, within_seconds: float) -> None:
        """So many deliveries have this status."""

        async def look() -> bool:
            await asyncio.sleep(0.05)
            found = await self.pool.fetchval(
                "SELECT count(*) FROM webhook_logs WHERE status = $1", status
            )
            return found == count

        await eventually(look, within_seconds)

    async def drain_by_moving_the_clock(self, count: int, within_seconds: float) -> None:
        """Move the clock on until so many deliveries have succeeded."""

        async def look() -> bool:
            self.clock.advance(5)
            await asyncio.sleep(0.05)
            found = await self.pool.fetchval(
                "SELECT count(*) FROM webhook_logs WHERE status = 'success'"
            )
            return found == count

        await eventually(look, within_seconds)

    async def until(
        self, condition: Callable[[], Awaitable[Any] | Any], within_seconds: float = 5.0
    ) -> None:
        """Wait for a condition that nothing signals."""
        await eventually(condition, within_seconds)

    async def nothing_left(self) -> bool:
        """Every job acknowledged, nothing in hand."""
        return self.deliverer.in_flight == 0 and await self.jobs_left() == 0

    async def jobs_left(self) -> int:
        """Entries of the stream that nobody has acknowledged."""
        depth = (await self.queue.depths())[JobKind.WEBHOOKS]
        return depth.waiting + depth.in_flight


def body_of(event_id: str) -> bytes:
    """A body such as the journal stores; its bytes are what is signed."""
    payment = {"id": "pay_1234567890123456", "amount": 50_000, "note": f"₹ {event_id}"}
    event = {"event": "payment.success", "timestamp": 1705315870, "data": {"payment": payment}}
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
