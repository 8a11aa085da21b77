"""Processes, stores and receivers for the survival tests."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import asyncpg
import pytest
from aiohttp import web

from gateway.domain.clock import Clock
from gateway.embedded import DataDirectory, EmbeddedPostgres, EmbeddedRedis, EmbeddedStores
from gateway.security.vault import new_key
from gateway.storage.migrations import migrate
from tests.survival.gateway_process import KEY_HEADERS, GatewayProcess
from tests.survival.load import Merchant


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """The merchants' HTTP client."""
    connector = aiohttp.TCPConnector(limit=300)
    timeout = aiohttp.ClientTimeout(total=40)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as client:
        yield client


@dataclass
class Stores:
    """A Postgres and a Redis of the test's own, which it stops and starts."""

    postgres: EmbeddedPostgres
    redis: EmbeddedRedis
    database_url: str
    redis_url: str
    key: str = field(default_factory=new_key)

    @property
    def environment(self) -> dict[str, str]:
        return {
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis_url,
            "GATEWAY_ENCRYPTION_KEY": self.key,
        }


@pytest.fixture(scope="session")
def empty_stores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with the schema and no rows, to be copied: making one takes seconds."""
    path = tmp_path_factory.mktemp("survival") / "stores"

    async def make() -> None:
        directory = DataDirectory(path)
        postgres = EmbeddedPostgres(directory)
        running = EmbeddedStores(directory, postgres=postgres, redis=None)
        addresses = await running.start()
        connection = await asyncpg.connect(addresses.database_url)
        await migrate(connection, Clock())
        await connection.close()
        await running.stop()

    # In a thread, because a test's own loop may be running in this one.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, make()).result()
    return path


@pytest.fixture
async def own_stores(tmp_path: Path, empty_stores: Path) -> AsyncIterator[Stores]:
    """Stores that run outside the gateway, so that they can fail without it."""
    # Owners and modes too: Postgres is particular about both.
    copy = ["cp", "-a", empty_stores, tmp_path / "stores"]
    await asyncio.to_thread(subprocess.run, copy, check=True)
    directory = DataDirectory(tmp_path / "stores")
    postgres, redis = EmbeddedPostgres(directory), EmbeddedRedis(directory)
    running = EmbeddedStores(directory, postgres=postgres, redis=redis)
    addresses = await running.start()
    assert addresses.database_url is not None
    assert addresses.redis_url is not None
    yield Stores(
        postgres=postgres,
        redis=redis,
        database_url=addresses.database_url,
        redis_url=addresses.redis_url,
    )
    await running.stop()
    shutil.rmtree(tmp_path / "stores", ignore_errors=True)


@pytest.fixture
async def gateways(tmp_path: Path, own_stores: Stores) -> AsyncIterator[list[GatewayProcess]]:
    """Two gateways on the same stores, not started; stopped in the end."""
    made = [
        GatewayProcess(tmp_path / f"gateway-{number}.log", **own_stores.environment)
        for number in (1, 2)
    ]
    yield made
    for process in made:
        if process.is_running:
            process.kill()


@pytest.fixture
async def gateway(gateways: list[GatewayProcess]) -> GatewayProcess:
    """One running gateway on stores of its own."""
    await gateways[0].start()
    return gateways[0]


@pytest.fixture
async def database(own_stores: Stores) -> AsyncIterator[asyncpg.Connection]:
    """A look into the gateway's database."""
    connection = await asyncpg.connect(own_stores.database_url)
    yield connection
    await connection.close()


@pytest.fixture
def merchant(session: aiohttp.ClientSession, gateway: GatewayProcess) -> Merchant:
    """The test merchant, calling the one gateway."""
    return Merchant(session, lambda: gateway.url)


@dataclass
class Receiver:
    """A merchant's server: what it was sent, and how it answers."""

    url: str = ""
    status: int = 200
    statuses: list[int] = field(default_factory=list)
    received: list[tuple[str, bytes, dict[str, str]]] = field(default_factory=list)
    hang: asyncio.Event = field(default_factory=asyncio.Event)
    came: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.hang.set()

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.received.append((request.headers["webhook-id"], body, dict(request.headers)))
        self.came.set()
        await self.hang.wait()
        return web.Response(status=self.statuses.pop(0) if self.statuses else self.status)


@pytest.fixture
async def make_receiver() -> AsyncIterator[object]:
    """Makes receivers on ports the system gives."""
    runners: list[web.AppRunner] = []

    async def make() -> Receiver:
        receiver = Receiver()
        application = web.Application()
        application.router.add_post("/hook", receiver.take)
        runner = web.AppRunner(application, shutdown_timeout=0.1)
        await runner.setup()
        runners.append(runner)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
        return receiver

    yield make
    for runner in runners:
        await runner.cleanup()


async def set_webhook(session: aiohttp.ClientSession, gateway: GatewayProcess, url: str) -> None:
    """Make `url` the merchant's endpoint for all events."""
    async with session.put(
        f"{gateway.url}/api/v1/merchants/webhook",
        json={"webhook_url": url},
        headers=KEY_HEADERS,
    ) as response:
        assert response.status == 200, await response.text()
