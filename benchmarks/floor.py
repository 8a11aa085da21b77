"""The reference of the full path: the least program that does the same work.

Grouped inserts, XADD, XREADGROUP, grouped updates, a signed POST; the same rows in the same schema
with the same number of commits, flushed as the gateway's are. No validation, no authentication, no
actors, no idempotency, no recovery, no schedule: what it accepts, a crash loses half done.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar
from uuid import UUID

import aiohttp
import asyncpg
import orjson
from aiohttp import web

from benchmarks import floor_store
from benchmarks.bare import order_object
from benchmarks.serving import serve
from gateway.domain.clock import Clock
from gateway.embedded import DataDirectory, EmbeddedPostgres, EmbeddedRedis, EmbeddedStores
from gateway.queue.client import Command, exchange, open_redis
from gateway.storage.migrations import migrate

_GROUP = "floor"
_CLAIM_MAX = 200
_POSTS_MAX = 32
# One claims and writes while the other's transaction is being flushed.
_WORKERS = 2

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


class Floor:
    """Stores, workers, and the two routes."""

    def __init__(self) -> None:
        directory = DataDirectory(Path(os.environ["GATEWAY_DATA_DIR"]))
        self._stores = EmbeddedStores(
            directory, postgres=EmbeddedPostgres(directory), redis=EmbeddedRedis(directory)
        )
        self._url = os.environ["FLOOR_WEBHOOK_URL"]
        self._secret = os.environ["FLOOR_WEBHOOK_SECRET"].encode()
        self._orders = Grouped(self._create_orders)
        self._payments = Grouped(self._accept)
        self._known: dict[str, floor_store.Payment] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        addresses = await self._stores.start()
        self._pool = await asyncpg.create_pool(addresses.database_url, min_size=2, max_size=16)
        self._redis = open_redis(str(addresses.redis_url), timeout_seconds=10, connections_max=16)
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=_POSTS_MAX))
        async with self._pool.acquire() as connection:
            await migrate(connection, Clock())
            await self._seed(connection)
        for stream in ("payments", "webhooks"):
            await self._redis.xgroup_create(stream, _GROUP, "0", mkstream=True)
        for number in range(_WORKERS):
            for loop in (self._charge, self._deliver):
                self._tasks.append(asyncio.create_task(loop(f"worker-{number}")))

    async def stop(self, _application: web.Application) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._session.close()
        await self._redis.aclose()
        await self._pool.close()
        await self._stores.stop()

    async def _seed(self, connection: floor_store.Connection) -> None:
        await connection.execute(
            "INSERT INTO merchants (id, name, email, api_version, created_at, updated_at)"
            " VALUES ($1, 'Test', 'test@example.com', '2026-11-01', now(), now())",
            floor_store.MERCHANT,
        )
        await connection.execute(
            "INSERT INTO webhook_endpoints (id, merchant_id, mode, url, events, secret_sealed,"
            " created_at, updated_at) VALUES ('we_floor', $1, 'test', $2, '{payment.success}',"
            " '', now(), now())",
            floor_store.MERCHANT,
            self._url,
        )

    async def create_order(self, request: web.Request) -> web.Response:
        order = order_object(orjson.loads(await request.read()))
        await self._orders.submit(order)
        return _created(order)

    async def create_payment(self, request: web.Request) -> web.Response:
        body = orjson.loads(await request.read())
        # The amount is the order's, which the load does not vary.
        payment = floor_store.Payment(body["order_id"], 50_000, "INR", body["vpa"])
        self._known[payment.id] = payment
        answer = payment.shown()
        await self._payments.submit(payment)
        return _created(answer)

    async def _create_orders(self, orders: Sequence[dict[str, Any]]) -> None:
        async with self._pool.acquire() as connection:
            await floor_store.create_orders(connection, orders)

    async def _accept(self, payments: Sequence[floor_store.Payment]) -> None:
        async with self._pool.acquire() as connection:
            await floor_store.accept(connection, payments)
        await self._add("payments", [payment.id for payment in payments])

    async def _charge(self, name: str) -> None:
        while True:
            entries, ids = await self._claim("payments", name)
            payments = [self._known.pop(identity) for identity in ids]
            if not payments:
                continue
            async with self._pool.acquire() as connection:
                await floor_store.begin(connection, payments)
                await floor_store.book(connection, payments)
                await floor_store.finish(connection, payments)
            await self._add("webhooks", [str(payment.delivery_id) for payment in payments])
            await self._acknowledge("payments", entries)

    async def _deliver(self, name: str) -> None:
        while True:
            entries, ids = await self._claim("webhooks", name)
            if not entries:
                continue
            async with self._pool.acquire() as connection:
                deliveries = await floor_store.bodies(connection, ids)
            await asyncio.gather(*(self._post(*delivery) for delivery in deliveries))
            async with self._pool.acquire() as connection:
                await floor_store.record(connection, [delivery[0] for delivery in deliveries])
            await self._acknowledge("webhooks", entries)

    async def _post(self, _delivery_id: UUID, event_id: str, body: bytes) -> None:
        headers = {
            "Content-Type": "application/json",
            "webhook-id": event_id,
            "X-Webhook-Signature": hmac.digest(self._secret, body, hashlib.sha256).hex(),
        }
        async with self._session.post(self._url, data=body, headers=headers) as answer:
            await answer.read()

    async def _add(self, stream: str, identities: Sequence[str]) -> None:
        await self._exchange([("XADD", stream, "*", "id", identity) for identity in identities])

    async def _claim(self, stream: str, name: str) -> tuple[list[bytes], list[str]]:
        reads = ("COUNT", _CLAIM_MAX, "BLOCK", 1_000, "STREAMS", stream, ">")
        [streams] = await self._exchange([("XREADGROUP", "GROUP", _GROUP, name, *reads)])
        entries = streams[0][1] if streams else []
        return [entry[0] for entry in entries], [entry[1][1].decode() for entry in entries]

    async def _acknowledge(self, stream: str, entries: Sequence[bytes]) -> None:
        await self._exchange([("XACK", stream, _GROUP, *entries), ("XDEL", stream, *entries)])

    async def _exchange(self, commands: Sequence[Command]) -> list[Any]:
        return await exchange(self._redis, commands, timeout_seconds=10)


def _created(content: dict[str, Any]) -> web.Response:
    return web.Response(status=201, body=orjson.dumps(content), content_type="application/json")


def main() -> None:
    floor = Floor()
    application = web.Application()
    application.router.add_post("/api/v1/orders", floor.create_order)
    application.router.add_post("/api/v1/payments", floor.create_payment)
    application.on_cleanup.append(floor.stop)
    serve(application, floor.start)


if __name__ == "__main__":
    main()
