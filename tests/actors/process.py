"""One process' actors on real stores, without HTTP, with a bank whose answers the test decides."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from gateway.actors import messages
from gateway.actors.journal import FaultPoint, no_fault
from gateway.actors.messages import Done
from gateway.domain import decisions
from gateway.domain.clock import Clock
from gateway.domain.ids import new_id
from gateway.domain.instruments import Instrument
from gateway.domain.outcomes import (
    Account,
    Approved,
    AttemptNotFound,
    Credential,
    Outcome,
    ProcessorTraits,
    Transaction,
)
from gateway.observers import Observers
from gateway.processors.protocol import (
    Finding,
    InvalidNotification,
    Notification,
    Processor,
)
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
from tests.unit.scenario import rules_to

KEY = bytes(range(32))
REQUEST = messages.Request(merchant_id=TEST_MERCHANT_ID, mode="test", request_id="request-1")


SHARED_KEY = "the gateway's"


def signature(body: bytes, key: str = SHARED_KEY) -> str:
    """What the scripted bank puts into `X-Signature`."""
    return hmac.digest(key.encode(), body, "sha256").hex()


class ScriptedBank(Processor):
    """Answers what the test says, approves otherwise, and remembers what it was asked."""

    def __init__(self, timeout_seconds: float = 5.0, name: str = "simulator", **more: Any) -> None:
        self.traits = ProcessorTraits(
            name=name,
            timeout_seconds=timeout_seconds,
            credentials=(Credential(name="key", label="Key"),),
            **more,
        )
        self.answers: deque[Outcome | asyncio.Future[Outcome]] = deque()
        self.lookups: deque[Outcome] = deque()
        self.asked: list[tuple[str, Transaction]] = []
        self.findings: dict[str, Finding | Exception | asyncio.Future[Finding]] = {}
        self.clarified: list[tuple[Notification, Account | None]] = []
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

    def parse_notification(
        self, headers: Mapping[str, str], body: bytes, account: Account | None
    ) -> Sequence[Notification]:
        key = SHARED_KEY if account is None else account["key"]
        if not hmac.compare_digest(headers.get("x-signature", ""), signature(body, key)):
            raise InvalidNotification("The signature is wrong")
        return [Notification(**told) for told in json.loads(body)]

    async def clarify(self, notification: Notification, account: Account | None) -> Finding | None:
        self.clarified.append((notification, account))
        finding = self.findings.get(notification.reference or "")
        if isinstance(finding, asyncio.Future):
            finding = await finding
        if isinstance(finding, Exception):
            raise finding
        return finding

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

    async def pay(
        self, order_id: str, request: messages.Request = REQUEST, *, processors: Sequence[str] = ()
    ) -> str:
        """A new payment by UPI, at the first of these, by default at the scripted bank."""
        payment_id = new_id("pay")
        command = decisions.CreatePayment(
            payment_id=payment_id,
            instrument=Instrument(method="upi", vpa="success@bank"),
            rules=rules_to(*processors) if processors else (),
        )
        await self.ask(order_id, messages.PayOrder(command=command, request=request))
        return payment_id

    async def capture(self, order_id: str, payment_id: str) -> Done:
        """Begin a capture of all that is left."""
        message = messages.CapturePayment(payment_id=payment_id, amount=None, request=REQUEST)
        done: Done = await self.ask(order_id, message)
        return done

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
    connections_max: int = 10,
    **settings: Any,
) -> AsyncIterator[ActorProcess]:
    """Start the actors of one process; several may share the stores."""
    clock, bank = clock or Clock(), bank or ScriptedBank()
    vault, keys = Vault([KEY]), Keys(redis_prefix)
    pool = await open_pool(database_url, size_max=connections_max)
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
