"""A deliverer with stores of the test's own; the test starts it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from gateway.queue.client import Keys
from gateway.storage.pool import Pool
from tests.webhooks.world import World


@pytest.fixture
async def make_world(
    pool: Pool, redis_url: str, redis_prefix: str
) -> AsyncIterator[Callable[..., Any]]:
    """Makes a world with other settings than the usual ones."""
    async with AsyncExitStack() as stack:

        async def make(**settings: Any) -> World:
            world = World(pool=pool, redis_url=redis_url, keys=Keys(redis_prefix), **settings)
            return await stack.enter_async_context(world)

        yield make


@pytest.fixture
async def world(make_world: Callable[..., Any]) -> World:
    """A deliverer that is running, with the published schedule."""
    made: World = await make_world()
    await made.start()
    return made
