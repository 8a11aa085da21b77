"""A process whose bank sends notifications."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.actors.process import ActorProcess, actor_process
from tests.inbound.sending import Sender


@pytest.fixture
async def process(
    database_url: str, redis_url: str, redis_prefix: str
) -> AsyncIterator[ActorProcess]:
    """The actors of one process."""
    async with actor_process(database_url, redis_url, redis_prefix) as running:
        yield running


@pytest.fixture
def sender(process: ActorProcess) -> Sender:
    """Sends to it."""
    return Sender(process)
