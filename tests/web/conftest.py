"""The real gateway on a port of its own, with real stores, and a client that speaks to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import aiohttp
import pytest

from gateway.app import Gateway
from gateway.settings import Settings
from gateway.storage.pool import Pool
from tests.support import StoresForTests
from tests.web.client import ApiClient
from tests.web.merchants import Administrator


@pytest.fixture
def database_url(seeded_database_url: str) -> str:
    """Where a gateway starts quickly: its test merchant is there."""
    return seeded_database_url


@pytest.fixture
def settings(
    stores: StoresForTests, database_url: str, redis_url: str, redis_prefix: str
) -> Settings:
    """Test mode, a bank without delay, stores of the test's own."""
    return Settings(
        database_url=database_url,
        redis_url=redis_url,
        port=0,
        test_mode=True,
        test_processing_delay=0,
        host="127.0.0.1",
        redis_prefix=redis_prefix,
        encryption_key=stores.encryption_key,
        test_controls=True,
        wait_seconds_max=10,
    )


@pytest.fixture
async def gateway(settings: Settings) -> AsyncIterator[Gateway]:
    """A running gateway."""
    running = Gateway(settings)
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """Connections of the test's own."""
    async with aiohttp.ClientSession(auto_decompress=False) as opened:
        yield opened


@pytest.fixture
def api(gateway: Gateway, session: aiohttp.ClientSession) -> ApiClient:
    """The seeded test merchant's client."""
    return ApiClient(session, f"http://127.0.0.1:{gateway.port}")


@pytest.fixture
def client_for(gateway: Gateway, session: aiohttp.ClientSession) -> Callable[..., ApiClient]:
    """Clients with other credentials."""

    def make(key: str | None, secret: str | None) -> ApiClient:
        return ApiClient(session, f"http://127.0.0.1:{gateway.port}", key=key, secret=secret)

    return make


@pytest.fixture
def administrator(gateway: Gateway, pool: Pool, settings: Settings) -> Administrator:
    """Makes further merchants and keys."""
    return Administrator(pool, settings)
