"""The simulated bank passes what any processor is to pass."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager

import pytest

from gateway.domain.clock import Clock
from gateway.domain.outcomes import RequiresAction, Transaction
from gateway.processors import conformance
from gateway.processors.protocol import Pool, ProcessorContext
from gateway.processors.simulator import SimulatedBank
from gateway.storage.pool import open_pool
from tests.processors.transactions import card
from tests.support import StoresForTests

SETTINGS = {"test_mode": True, "test_processing_delay": 0, "simulator_timeout_seconds": 1}
BOOKED = """
SELECT amount FROM simulator_transactions WHERE reference = $1 AND outcome = 'approved'
"""


@pytest.fixture(scope="module", autouse=True)
def _database(stores: StoresForTests) -> Iterator[None]:
    name = stores.create_database()
    TestSimulatedBank.database_url = stores.database(name)
    yield
    stores.drop_database(name)


class TestSimulatedBank(conformance.ProcessorConformance):
    """On a database of this file's own."""

    database_url: str
    pool: Pool

    async def asyncSetUp(self) -> None:
        self.pool = await open_pool(self.database_url, size_min=1, size_max=10)
        self.addAsyncCleanup(self.pool.close)
        await super().asyncSetUp()

    async def start_processor(self) -> SimulatedBank:
        bank = SimulatedBank()
        await bank.start(ProcessorContext(clock=Clock(), pool=self.pool, settings=SETTINGS))
        return bank

    def approved(self) -> Transaction:
        return self.transaction(card=card("4242424242424242"))

    def declined(self) -> Transaction:
        return self.transaction(card=card("4000000000000002"))

    def challenged(self) -> Transaction:
        return self.transaction(card=card("4000000000003220"))

    async def pass_challenge(self, transaction: Transaction, action: RequiresAction) -> None:
        assert isinstance(self.processor, SimulatedBank)
        assert transaction.reference == action.reference
        await self.processor.complete_challenge(action.reference, passed=True)

    def unknown(self) -> Transaction:
        return self.transaction(method="upi", vpa="timeout@bank")

    async def booked(self, transaction: Transaction) -> Sequence[int]:
        return [row["amount"] for row in await self.pool.fetch(BOOKED, transaction.reference)]

    @asynccontextmanager
    async def stalled(self) -> AsyncIterator[None]:
        """Nobody else reads or writes the books."""
        async with self.pool.acquire() as connection, connection.transaction():
            await connection.execute("LOCK TABLE simulator_transactions IN ACCESS EXCLUSIVE MODE")
            yield
