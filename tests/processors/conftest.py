"""A simulated bank on the test's own database, in test mode and without delay."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from gateway.domain.clock import Clock
from gateway.processors.protocol import Pool, ProcessorContext
from gateway.processors.simulator import SimulatedBank
from tests.processors.transactions import OpenBank

QUICK = {"test_mode": True, "test_processing_delay": 0}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def open_bank(pool: Pool, clock: Clock) -> AsyncIterator[OpenBank]:
    """Starts banks on the same books, with these settings; they are closed at the end."""
    async with AsyncExitStack() as stack:

        async def start(limits: dict[str, Any] | None = None, **settings: Any) -> SimulatedBank:
            bank = SimulatedBank(**(limits or {}))
            stack.push_async_callback(bank.close)
            await bank.start(ProcessorContext(clock=clock, pool=pool, settings=QUICK | settings))
            return bank

        yield start


@pytest.fixture
async def bank(open_bank: OpenBank) -> SimulatedBank:
    return await open_bank()
