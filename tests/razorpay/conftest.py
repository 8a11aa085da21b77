"""One running gateway for all tests of this folder, in a thread of its own: the libraries block."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway.app import Gateway
from gateway.settings import Settings
from tests.razorpay.wire import Wire
from tests.support import LoopThread, StoresForTests


@pytest.fixture(scope="session")
def base_url(stores: StoresForTests) -> Iterator[str]:
    """Where the gateway listens."""
    name = stores.create_database("seeded")
    settings = Settings(
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
    loop = LoopThread()

    async def start() -> Gateway:
        running = Gateway(settings)
        await running.start()
        return running

    gateway = loop.run(start())
    yield f"http://127.0.0.1:{gateway.port}"
    loop.run(gateway.stop())
    loop.close()
    stores.delete_keys("test-razorpay")
    stores.drop_database(name)


@pytest.fixture
def wire(base_url: str) -> Wire:
    """The seeded merchant, speaking as a library would."""
    return Wire(base_url)
