"""A running gateway, people of every role, and browsers without a screen for them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import pytest

from gateway.app import Gateway
from gateway.storage.pool import Pool
from tests.dashboard.people import Browser, People
from tests.queue.conftest import server  # noqa: F401 - a fixture
from tests.web.conftest import (  # noqa: F401 - fixtures
    administrator,
    api,
    client_for,
    database_url,
    gateway,
    session,
    settings,
)


@pytest.fixture
async def browser_for(gateway: Gateway) -> AsyncIterator[Callable[[], Browser]]:  # noqa: F811
    """Browsers, each with cookies of its own."""
    async with AsyncExitStack() as stack:

        def make(**headers: str) -> Browser:
            browser = Browser(f"http://127.0.0.1:{gateway.port}", headers)
            stack.push_async_callback(browser.close)
            return browser

        yield make


@pytest.fixture
async def browser(browser_for: Callable[[], Browser]) -> Browser:
    """A browser that is not signed in."""
    return browser_for()


@pytest.fixture
def people(pool: Pool, browser_for: Callable[[], Browser]) -> People:
    """Makes users and signs them in."""
    return People(pool, browser_for)


@pytest.fixture
async def owner(people: People) -> Browser:
    """The seeded owner of the test merchant, signed in."""
    return await people.seeded_owner()
