"""What the references of the full path share: stores, two routes, a stream, a signed POST.

No validation, no authentication, no actors, no idempotency, no recovery, no schedule: what they
accept, a crash loses half done. Commits are flushed as the gateway's are.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

import aiohttp
import asyncpg
import orjson
from aiohttp import web

from benchmarks import trial_store
from benchmarks.bare import order_object
from benchmarks.serving import serve
from gateway.domain.clock import Clock
from gateway.embedded import DataDirectory, EmbeddedPostgres, EmbeddedRedis, EmbeddedStores
from gateway.queue.client import Command, exchange, open_redis
from gateway.storage.migrations import migrate

__all__ = ["Grouped", "Reference"]

_GROUP = "reference"
_CLAIM_MAX = 200
_POSTS_MAX = 32

Item = TypeVar("Item")


class Grouped(Generic[Item]):
    """Commits together what has gathered since the last commit."""

    def __init__(self, flush: Callable[[Sequence[Item]], Awaitable[None]]) -> None:
        self._flush = flush
        self._waiting: list[Item] = []
        self._done = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def submit(self, item: Item) -> None:
        self._waiting.append(item)
        done = self._done
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        await done.wait()

    async def _run(self) -> None:
        while self._waiting:
            items, self._waiting = self._waiting, []
            done, self._done = self._done, asyncio.Event()
            await self._flush(items)
            done.set()
        self._task = None


class Reference(ABC):
    """A server that has payments made, charged and told of."""

    streams: tuple[str, ...]

    def __init__(self) -> None:
        directory = DataDirectory(Path(os.environ["GATEWAY_DATA_DIR"]))
        self._stores = EmbeddedStores(
            directory, postgres=EmbeddedPostgres(directory), redis=EmbeddedRedis(directory)
        )
        self.url = os.environ["REFERENCE_WEBHOOK_URL"]
        self._secret = os.environ["REFERENCE_WEBHOOK_SECRET"].encode()
        self._orders = Grouped(self._create_orders)
        self._payments = Grouped(self.accept)
        self.known: dict[str, trial_store.Payment] = {}
        self._tasks: list[asyncio.Task[None]] = []

    @abstractmethod
    async def accept(self, payments: Sequence[trial_store.Payment]) -> None:
        """Make them durable, and have them charged."""

    @abstractmethod
    def loops(self) -> Sequence[Coroutine[Any, Any, None]]:
        """What works through the streams."""

    async def start(self) -> None:
        addresses = await self._stores.start()
        self.pool = await asyncpg.create_pool(addresses.database_url, min_size=2, max_size=16)
        self._redis = open_redis(str(addresses.redis_url), timeout_seconds=10, connections_max=16)
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=_POSTS_MAX))
        async with self.pool.acquire() as connection:
            await migrate(connection, Clock())
            await trial_store.seed(connection, self.url)
        for stream in self.streams:
            await self._redis.xgroup_create(stream, _GROUP, "0", mkstream=True)
        self._tasks = [asyncio.create_task(loop) for loop in self.loops()]

    async def stop(self, _application: web.Application) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._session.close()
        await self._redis.aclose()
        await self.pool.close()
        await self._stores.stop()

    async def create_order(self, request: web.Request) -> web.Response:
        order = order_object(orjson.loads(await request.read()))
        await self._orders.submit(order)
        return _created(order)

    async def create_payment(self, request: web.Request) -> web.Response:
        body = orjson.loads(await request.read())
        # The amount is the order's, which the load does not vary.
        payment = trial_store.Payment(body["order_id"], 50_000, "INR", body["vpa"])
        self.known[payment.id] = payment
        answer = payment.shown()
        await self._payments.submit(payment)
        return _created(answer)

    async def _create_orders(self, orders: Sequence[dict[str, Any]]) -> None:
        async with self.pool.acquire() as connection:
            await trial_store.create_orders(connection, orders)

    async def post(self, event_id: str, body: bytes) -> None:
        headers = {
            "Content-Type": "application/json",
            "webhook-id": event_id,
            "X-Webhook-Signature": hmac.digest(self._secret, body, hashlib.sha256).hex(),
        }
        async with self._session.post(self.url, data=body, headers=headers) as answer:
            await answer.read()

    async def add(self, stream: str, identities: Sequence[str]) -> None:
        await self._exchange([("XADD", stream, "*", "id", identity) for identity in identities])

    async def claim(self, stream: str, name: str) -> tuple[list[bytes], list[str]]:
        reads = ("COUNT", _CLAIM_MAX, "BLOCK", 1_000, "STREAMS", stream, ">")
        [streams] = await self._exchange([("XREADGROUP", "GROUP", _GROUP, name, *reads)])
        entries = streams[0][1] if streams else []
        return [entry[0] for entry in entries], [entry[1][1].decode() for entry in entries]

    async def acknowledge(self, stream: str, entries: Sequence[bytes]) -> None:
        await self._exchange([("XACK", stream, _GROUP, *entries), ("XDEL", stream, *entries)])

    async def _exchange(self, commands: Sequence[Command]) -> list[Any]:
        return await exchange(self._redis, commands, timeout_seconds=10)

    def run(self) -> None:
        """Serve until SIGTERM."""
        application = web.Application()
        application.router.add_post("/api/v1/orders", self.create_order)
        application.router.add_post("/api/v1/payments", self.create_payment)
        application.on_cleanup.append(self.stop)
        serve(application, self.start)


def _created(content: dict[str, Any]) -> web.Response:
    return web.Response(status=201, body=orjson.dumps(content), content_type="application/json")
