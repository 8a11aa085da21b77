"""One running gateway for all tests of this folder, in a thread of its own: the libraries block."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest

from gateway.app import Gateway
from gateway.seeding import TEST_MERCHANT_ID
from gateway.settings import Settings
from gateway.storage.pool import open_pool
from gateway.storage.settlements import settle
from tests.razorpay.wire import Wire, credentials
from tests.support import LoopThread, StoresForTests
from tests.web.merchants import Administrator, Credentials


@pytest.fixture(scope="session")
def gateway_settings(stores: StoresForTests) -> Iterator[Settings]:
    """Test mode, a bank without delay, a database of its own."""
    name = stores.create_database("seeded")
    yield Settings(
        database_url=stores.database(name),
        redis_url=stores.redis_url,
        redis_prefix="test-razorpay",
        port=0,
        host="127.0.0.1",
        test_mode=True,
        test_processing_delay=0,
        encryption_key=stores.encryption_key,
        wait_seconds_max=10,
    )
    stores.delete_keys("test-razorpay")
    stores.drop_database(name)


@pytest.fixture(scope="session")
def loop() -> Iterator[LoopThread]:
    """Where the gateway runs."""
    thread = LoopThread()
    yield thread
    thread.close()


@pytest.fixture(scope="session")
def base_url(gateway_settings: Settings, loop: LoopThread) -> Iterator[str]:
    """Where the gateway listens."""

    async def start() -> Gateway:
        running = Gateway(gateway_settings)
        await running.start()
        return running

    gateway = loop.run(start())
    yield f"http://127.0.0.1:{gateway.port}"
    loop.run(gateway.stop())


@pytest.fixture
def wire(base_url: str) -> Wire:
    """The seeded merchant, speaking as a library would."""
    return Wire(base_url)


@pytest.fixture(scope="session")
def settlement(base_url: str, gateway_settings: Settings, loop: LoopThread) -> dict[str, Any]:
    """A settlement of the seeded merchant's, with a payment in it."""
    wire = Wire(base_url)
    wire.payment(wire.order(payment_capture=1))
    settled = loop.run(_settle(gateway_settings))
    return wire.get(f"/v1/settlements/{settled}")


async def _settle(settings: Settings) -> str:
    assert settings.database_url is not None
    connection = await asyncpg.connect(settings.database_url.get_secret_value())
    try:
        now = datetime.now(UTC)
        closed = await settle(connection, (TEST_MERCHANT_ID, "test", "INR"), now, now)
    finally:
        await connection.close()
    assert closed is not None
    return closed.id


@pytest.fixture(scope="session")
def stranger(base_url: str, gateway_settings: Settings, loop: LoopThread) -> Wire:
    """Another merchant."""
    made = loop.run(_key(gateway_settings, "full"))
    return Wire(base_url, credentials(made.key, made.secret))


@pytest.fixture(scope="session")
def reader(base_url: str, gateway_settings: Settings, loop: LoopThread) -> Wire:
    """A merchant whose key may only read."""
    made = loop.run(_key(gateway_settings, "read_only"))
    return Wire(base_url, credentials(made.key, made.secret))


async def _key(settings: Settings, role: str) -> Credentials:
    assert settings.database_url is not None
    pool = await open_pool(settings.database_url.get_secret_value(), size_min=1, size_max=1)
    try:
        administrator = Administrator(pool, settings)
        return await administrator.key(await administrator.merchant(), role=role)
    finally:
        await pool.close()
