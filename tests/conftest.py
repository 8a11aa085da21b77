"""Real stores for every test: started once, isolated by database and by key prefix."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import AsyncIterator, Iterator

import pytest
from hypothesis import settings
from playwright.async_api import Browser

from gateway.storage.pool import Pool, open_pool
from tests.browser.chromium import launched
from tests.support import StoresForTests

# The same examples every time, so that a run says something about the change and not about luck;
# `EXPLORE=1 make test` looks for new ones. A failure prints a blob that repeats it.
settings.register_profile("exploring", deadline=None, print_blob=True)
settings.register_profile("repeating", settings.get_profile("exploring"), derandomize=True)
settings.load_profile("exploring" if os.environ.get("EXPLORE") else "repeating")

# Tests of other folders drive orders with these, too, and are collected before them.
pytest.register_assert_rewrite(
    "tests.sandbox.requests",
    "tests.sandbox.server",
    *(
        f"tests.unit.{name}"
        for name in (
            "bank",
            "holders",
            "invariants",
            "ledger_invariants",
            "recovery",
            "scenario",
        )
    ),
)


@pytest.fixture(scope="session")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoresForTests]:
    """The embedded Postgres and Redis that all tests share."""
    directory = tmp_path_factory.mktemp("stores") / "data"
    running = StoresForTests(directory)
    yield running
    running.close()
    shutil.rmtree(directory)


@pytest.fixture(scope="session")
async def chromium_process() -> AsyncIterator[Browser]:
    """The browser that all tests share: to start one takes longer than most of them."""
    async with launched() as browser:
        yield browser


@pytest.fixture
async def chromium(chromium_process: Browser) -> AsyncIterator[Browser]:
    """The browser; what the test has opened and stored in it ends with the test."""
    yield chromium_process
    for context in chromium_process.contexts:
        await context.close()


@pytest.fixture
def database_url(stores: StoresForTests) -> Iterator[str]:
    """A database of the test's own, with the current schema and no rows."""
    name = stores.create_database()
    yield stores.database(name)
    stores.drop_database(name)


@pytest.fixture
def seeded_database_url(stores: StoresForTests) -> Iterator[str]:
    """A database with the test merchant, sealed with `stores.encryption_key`.

    A gateway starts on it without hashing a password.
    """
    name = stores.create_database("seeded")
    yield stores.database(name)
    stores.drop_database(name)


@pytest.fixture
def empty_database_url(stores: StoresForTests) -> Iterator[str]:
    """A database of the test's own without any schema."""
    name = stores.create_database("template0")
    yield stores.database(name)
    stores.drop_database(name)


@pytest.fixture(scope="session")
def redis_url(stores: StoresForTests) -> str:
    """The Redis that all tests share; take `redis_prefix` for the keys."""
    return stores.redis_url


@pytest.fixture
def redis_prefix(stores: StoresForTests) -> Iterator[str]:
    """What the keys of this test begin with; they are deleted after it."""
    prefix = f"test-{secrets.token_hex(6)}"
    yield prefix
    stores.delete_keys(prefix)


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    """Connections to the test's own database."""
    connections = await open_pool(database_url, size_min=1, size_max=10)
    yield connections
    await connections.close()
