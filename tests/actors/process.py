"""One process' actors on real stores, without HTTP, with a bank whose answers the test decides."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from gateway.actors import messages
from gateway.actors.journal import FaultPoint, no_fault
from gateway.domain import decisions
from gateway.domain.clock import Clock
from gateway.domain.ids import new_id
from gateway.domain.instruments import Instrument
from gateway.domain.outcomes import (
    Approved,
    AttemptNotFound,
    Outcome,
    ProcessorTraits,
    Transaction,
)
from gateway.observers import Observers
from gateway.processors.protocol import Processor
from gateway.processors.registry import Registry
from gateway.queue.client import Keys, open_redis
from gateway.queue.jobs import JobQueue
from gateway.queue.notifications import ChangeHub
from gateway.queue.sealed import SealedCards
from gateway.security.outbound import OutboundGuard, guarded_connector, guarded_session
from gateway.security.passwords import PasswordHasher
from gateway.security.vault import Vault
from gateway.seeding import TEST_MERCHANT_ID, seed_test_merchant
from gateway.settings import Settings
from gateway.storage.pool import open_pool
from gateway.tree import Tree

KEY = bytes(range(32))
REQUEST = messages.Request(merchant_id=TEST_MERCHANT_ID, mode="test", request_id="request-1")


class ScriptedBank(Processor):
    """Answers what the test says, approves otherwise, and remembers what it was asked."""

    def __init__(self, timeout_seconds: float = 5.0) -> None:
        self.traits = ProcessorTraits(name="simulator", timeout_seconds=timeout_seconds)
        self.answers: deque[Outcome | asyncio.Future[Outcome]] = deque()
        self.lookups: deque[Outcome] = deque()
        self.asked: list[tuple[str, Transaction]] = []
        self.called = asyncio.Event()

    async def _answer(self, verb: str, transaction: Transaction) -> Outcome:
        self.asked.append((verb, transaction))
        self.called.set()
        answer: Any = self.answers.popleft() if self.answers else None
        if isinstance(answer, asyncio.Future):
            answer = await answer
        return answer or Approved(reference=f"bank-{transaction.reference}")

    async def charge(self, transaction: Transaction) -> Outcome:
        return await self._answer("charge", transaction)

    async def authorize(self, transaction: Transaction) -> Outcome:
        return await self._answer("authorize", transaction)

    async def capture(self, transaction: Transaction) -> Outcome:
        return await self._answer("capture", transaction)

    async def void(self, transaction: Transaction) -> Outcome:
        return await self._answer("void", transaction)

    async def refund(self, transaction: Transaction) -> Outcome:
        return await self._answer("refund", transaction)

    async def lookup(self, transaction: Transaction) -> Outcome:
        self.asked.append(("lookup", transaction))
        return self.lookups.popleft() if self.lookups else AttemptNotFound()

    @property
    def verbs(self) -> list[str]:
        """What it was asked, in order."""
        return [verb for verb, _ in self.asked]


@dataclass
class ActorProcess:
    """The tree, and the commands of a merchant."""

    tree: Tree
    bank: ScriptedBank
    clock: Clock
    fault_calls: list[str] = field(default_factory=list)

    async def ask(self, order_id: str, message: object) -> Any:
        """Ask the order's actor."""
        return await self.tree.intake.ask(order_id, message, deadline_seconds=10)

    async def make_order(
        self, amount: int = 50_000, capture: str = "automatic", **more: Any
    ) -> str:
        """A new order of the test merchant."""
        order_id = new_id("order")
        command = decisions.CreateOrder(
            order_id=order_id,
            merchant_id=TEST_MERCHANT_ID,
            mode="test",
            amount=amount,
            currency="INR",
            capture=capture,
            **more,
        )
        await self.ask(order_id, messages.MakeOrder(command=command, request=REQUEST))
        return order_id

    async def pay(self, order_id: str, request: messages.Request = REQUEST) -> str:
        """A new payment by UPI."""
        payment_id = new_id("pay")
        command = decisions.CreatePayment(
            payment_id=payment_id,
            instrument=Instrument(method="upi", vpa="success@bank"),
            processor="simulator",
        )
        await self.ask(order_id, messages.PayOrder(command=command, request=request))
        return payment_id

    async def status(self, payment_id: str) -> str:
        """The payment's status in the database."""
        return await self.tree.pool.fetchval(
            "SELECT status FROM payments WHERE id = $1", payment_id
        )

    async def until(self, payment_id: str, *statuses: str, within_seconds: float = 10) -> str:
        """Wait until the payment has one of these statuses."""
        async with asyncio.timeout(within_seconds):
            with self.tree.hub.subscribe(payment_id) as changes:
                while (status := await self.status(payment_id)) not in statuses:
                    await changes.wait(0.2)
        return status


@asynccontextmanager
async def actor_process(
    database_url: str,
    redis_url: str,
    redis_prefix: str,
    *,
    clock: Clock | None = None,
    bank: ScriptedBank | None = None,
    fault: FaultPoint = no_fault,
    start: bool = True,
    **settings: Any,
) -> AsyncIterator[ActorProcess]:
    """Start the actors of one process; several may share the stores."""
    clock, bank = clock or Clock(), bank or ScriptedBank()
    vault, keys = Vault([KEY]), Keys(redis_prefix)
    pool = await open_pool(database_url, size_max=10)
    async with pool.acquire() as connection:
        passwords = PasswordHasher()
        await seed_test_merchant(connection, vault, passwords, clock)
        passwords.close()
    redis = open_redis(redis_url, timeout_seconds=1, connections_max=8)
    reader = open_redis(redis_url, timeout_seconds=1, connections_max=8)
    registry = Registry()
    registry.add(bank, "tests")
    consumer = new_id("test")
    hub = ChangeHub(keys, own_name=consumer)
    sealed = SealedCards(redis, keys, vault)
    guard = OutboundGuard(allow_loopback=True, allowed_networks=())
    client = guarded_session(guarded_connector(guard))
    tree = Tree(
        settings=Settings(test_mode=True, **settings),
        clock=clock,
        pool=pool,
        redis=redis,
        keys=keys,
        queue=JobQueue(redis, keys, consumer, reader=reader),
        hub=hub,
        sealed=sealed,
        vault=vault,
        registry=registry,
        guard=guard,
        session=client,
        observers=Observers(),
        fault=fault,
    )
    if start:
        await tree.root.start()
    listening = asyncio.create_task(hub.run(reader))
    try:
        yield ActorProcess(tree=tree, bank=bank, clock=clock)
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        await tree.root.stop()
        await client.close()
        await sealed.aclose()
        await redis.aclose()
        await reader.aclose()
        await pool.close()
