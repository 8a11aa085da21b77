"""Faults of Authorize.Net, and a gateway that dies around a call: both books agree in the end.

One charge, one capture, one void, one refund, however the answers were lost. What was never done
and can be proved by nobody ends with an operator's word, who looks into the processor's book.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import aiohttp
import asyncpg
import pytest

from gateway.domain.clock import Clock
from gateway.domain.decisions import Policy
from gateway.processors.registry import discover
from gateway.web.resolution import Resolver, Verdict, resolve
from tests.authorizenet.shop import Shop, by_card
from tests.sandbox.server import RunningSandbox, running_sandbox
from tests.support import eventually
from tests.survival.conftest import Stores
from tests.survival.gateway_process import GatewayProcess
from tests.web.client import ApiClient

PROCESSING = ("first", "late", "never")
KINDS = ("slow", "dropped", "http_500", "html", "empty", "half")
# A slow answer comes after the timeout, and what is processed late before the lease ends.
SLOW_SECONDS = 3.0
LATE_SECONDS = 0.5
TYPES = {
    "purchase": "authCaptureTransaction",
    "authorize": "authOnlyTransaction",
    "capture": "priorAuthCaptureTransaction",
    "cancel": "voidTransaction",
    "refund": "refundTransaction",
}
AT_ONCE = 3
Act = Callable[[], Awaitable[object]]


@pytest.fixture
async def sandbox() -> AsyncIterator[RunningSandbox]:
    """In this process, so that it outlives the gateway."""
    async with running_sandbox(duplicate_window_seconds=0) as running:
        yield running


@dataclass
class World:
    """A gateway that may die, and the processor's book."""

    gateway: GatewayProcess
    session: aiohttp.ClientSession
    sandbox: RunningSandbox
    database: asyncpg.Connection

    @property
    def shop(self) -> Shop:
        """The merchant; the port is another one after each start."""
        return Shop(ApiClient(self.session, self.gateway.url), self.sandbox)

    async def post(self, path: str, body: dict[str, Any]) -> None:
        """A request whose answer may be anything, or never come."""
        with suppress(aiohttp.ClientError, AssertionError):
            await self.shop.api.post(path, body)

    async def everything(self, count: int) -> list[Act]:
        """So many operations of each kind, ready to be begun, on payments of their own."""
        acts = await self.originals("refund", count, amount=400)
        await self.sandbox.control.settle()
        for kind in ("purchase", "authorize", "capture", "cancel"):
            acts += await self.originals(kind, count)
        return acts

    async def originals(self, kind: str, count: int, *, amount: int = 0) -> list[Act]:
        """So many operations of one kind; `amount` is what is refunded."""
        if kind in ("purchase", "authorize"):
            return [self._later(f"/payments/{kind}", by_card())] * count
        made = "purchase" if kind == "refund" else "authorize"
        making = [self.shop.make(made, by_card()) for _ in range(count)]
        payments = [payment["id"] for payment in await asyncio.gather(*making)]
        if kind == "refund":
            body = {"amount": amount}
            return [self._later(f"/payments/{each}/refunds", body) for each in payments]
        return [self._later(f"/payments/{kind}", {"payment_id": each}) for each in payments]

    def _later(self, path: str, body: dict[str, Any]) -> Act:
        return lambda: self.post(path, body)

    async def until_decided(self) -> None:
        """Have everything be asked about that is unknown, then the operator decide the rest.

        Until a lease is over, which is in real time, not being found proves nothing.
        """
        await eventually(self._no_lease_is_left, 60)
        for seconds in (15, 75, 375):
            answer = await self.shop.api.post("/test/clock", {"advance_seconds": seconds})
            now = datetime.fromisoformat(answer.json["now"])
            await eventually(lambda now=now: self.is_quiet(now), 60)
        for operation_id, attempt_id in await self._unknown():
            # Nobody but the book can tell, and that has none of it.
            assert [] == await self.sandbox.control.transactions(attempt_id)
            resolver = Resolver(
                actor="operator", policy=Policy(processors=discover().traits), clock=Clock()
            )
            verdict = Verdict(approved=False, reference=None, reason="not in the book")
            await resolve(self.database, resolver, operation_id, verdict)

    async def is_quiet(self, now: datetime) -> bool:
        """Whether nothing is open, and nothing unknown that is to be asked about by now."""
        waiting = await self.database.fetchval(
            "SELECT count(*) FROM operations WHERE state = 'open'"
            " OR (state = 'unknown' AND due_at <= $1)",
            now,
        )
        return waiting == 0

    async def _no_lease_is_left(self) -> bool:
        leases = await self.database.fetchval(
            "SELECT count(*) FROM attempts JOIN operations ON operations.id = operation_id"
            " WHERE operations.state IN ('open', 'unknown') AND lease_until > clock_timestamp()"
        )
        return leases == 0

    async def _unknown(self) -> list[tuple[str, str]]:
        rows = await self.database.fetch(
            "SELECT operations.id, attempts.id AS attempt FROM operations"
            " JOIN attempts ON attempts.operation_id = operations.id"
            " WHERE operations.state = 'unknown'"
        )
        return [(row["id"], row["attempt"]) for row in rows]

    async def met_all_faults(self) -> bool:
        """Whether each that is armed was met by a request."""
        return [] == (await self.sandbox.control.send("GET", "faults"))["faults"]

    async def compare(self) -> Counter[str]:
        """Our books and theirs say the same; how many payments ended how."""
        book = await self.sandbox.control.transactions()
        numbers = [each["invoice_number"] for each in book]
        attempts = {row["id"] for row in await self.database.fetch("SELECT id FROM attempts")}
        assert len(set(numbers)) == len(numbers), "something was done twice"
        assert set(numbers) <= attempts, "something was done that we do not know"
        payments = await self.database.fetch("SELECT * FROM payments")
        originals = {each["id"]: each for each in book if each["kind"] != TYPES["refund"]}
        refunded: Counter[str] = Counter()
        for each in book:
            if each["kind"] == TYPES["refund"]:
                refunded[each["ref_transaction_id"]] += cents(each["settle_amount"])
        for payment in payments:
            reference = payment["processor_reference"]
            compare_payment(payment, originals.pop(reference, None), refunded[reference])
        assert {} == originals, "a payment of theirs is none of ours"
        return Counter(payment["status"] for payment in payments)


def cents(amount: str) -> int:
    """Of 10.50 USD, 1,050."""
    return int(amount.replace(".", ""))


def compare_payment(
    payment: asyncpg.Record, original: dict[str, Any] | None, refunded: int
) -> None:
    """One payment, and what the processor says of it."""
    assert (payment["status"] == "failed") == (original is None), payment
    if original is None:
        return
    status, amount = original["status"], cents(original["settle_amount"])
    if payment["status"] == "cancelled":
        assert "voided" == status
    elif payment["amount_captured"] == 0:
        assert "authorizedPendingCapture" == status
    elif status == "voided":  # in place of a refund
        assert payment["amount_captured"] == payment["amount_refunded"] == amount
    else:
        assert status in ("capturedPendingSettlement", "settledSuccessfully")
        assert (amount, refunded) == (payment["amount_captured"], payment["amount_refunded"])


@pytest.fixture
async def world(
    own_stores: Stores,
    session: aiohttp.ClientSession,
    sandbox: RunningSandbox,
    database: asyncpg.Connection,
    tmp_path: Any,
) -> AsyncIterator[World]:
    """A gateway with little patience, whose merchant takes dollars there."""
    gateway = GatewayProcess(
        tmp_path / "gateway.log",
        **own_stores.environment,
        GATEWAY_AUTHORIZENET_URL=sandbox.api_url,
        GATEWAY_AUTHORIZENET_API_LOGIN_ID=sandbox.login_id,
        GATEWAY_AUTHORIZENET_TRANSACTION_KEY=sandbox.transaction_key,
        GATEWAY_AUTHORIZENET_TIMEOUT_SECONDS="2",
        GATEWAY_WAIT_SECONDS_MAX="3",
        # Here the faults are what is tested, not how they are kept away.
        GATEWAY_BREAKER_CALLS_MIN="1000000",
    )
    await gateway.start()
    made = World(gateway, session, sandbox, database)
    await made.shop.route_dollars()
    yield made
    if gateway.is_running:
        gateway.kill()


async def at_once(acts: Sequence[Act]) -> None:
    async with asyncio.TaskGroup() as group:
        for act in acts:
            group.create_task(act())  # type: ignore[arg-type]


async def test_every_fault_of_every_operation(world: World) -> None:
    """Each operation once under each fault: done and not told, done later, or never done."""
    acts = await world.everything(len(KINDS) * len(PROCESSING))
    for transaction_type in TYPES.values():
        for fault in KINDS:
            for processing in PROCESSING:
                seconds = SLOW_SECONDS if fault == "slow" else LATE_SECONDS
                await world.sandbox.control.arm(
                    fault, operation=transaction_type, processing=processing, seconds=seconds
                )
    await at_once(acts)
    await eventually(world.met_all_faults, 30)
    await world.until_decided()

    counted = await world.compare()
    # Only payments that were never made have failed, six of each of the two kinds.
    assert len(acts) == sum(counted.values())
    assert len(KINDS) * len(PROCESSING) == counted["cancelled"]
    assert 2 * len(KINDS) == counted["failed"]


async def test_every_fault_of_a_refund_before_the_settlement(world: World) -> None:
    """It is a void in its place, whichever of its two requests loses its answer."""
    acts = await world.originals("refund", 2 * len(KINDS), amount=1_050)
    for step in ("refundTransaction", "voidTransaction"):
        for fault in KINDS:
            seconds = SLOW_SECONDS if fault == "slow" else 0
            await world.sandbox.control.arm(fault, operation=step, seconds=seconds)
    await at_once(acts)
    await eventually(world.met_all_faults, 30)
    await world.until_decided()

    assert {"success": len(acts)} == await world.compare()
    book = await world.sandbox.control.transactions()
    assert {"voided"} == {each["status"] for each in book}


async def test_refused_connections_are_waited_out(world: World) -> None:
    """Nothing was sent, so it is sent again, in a moment."""
    acts = await world.everything(AT_ONCE)
    await world.sandbox.control.refuse(seconds=1.0)
    await at_once(acts)
    await world.until_decided()

    counted = await world.compare()
    assert {"success": len(acts) - AT_ONCE, "cancelled": AT_ONCE} == counted


@pytest.mark.parametrize(
    "point", ["journal.before_commit", "journal.after_commit", "processor.after_call"]
)
async def test_killed_around_the_call(world: World, point: str) -> None:
    """Before or after a commit, or with an answer that nobody wrote down: every operation once."""
    for strike in range(2):
        acts = await world.everything(AT_ONCE)
        await world.gateway.arm(world.session, point, after=strike * 2)
        await at_once(acts)
        assert -9 == await world.gateway.exit_status(within_seconds=60)
        await world.gateway.start()
    await world.until_decided()

    await world.compare()


async def test_killed_during_the_call(world: World) -> None:
    """The request is done, or will be, or never, when the gateway dies waiting for the answer."""
    acts = await world.everything(AT_ONCE * len(PROCESSING))
    for transaction_type in TYPES.values():
        for processing in PROCESSING:
            await world.sandbox.control.arm(
                "slow",
                operation=transaction_type,
                processing=processing,
                seconds=SLOW_SECONDS,
                count=AT_ONCE,
            )
    asked = asyncio.create_task(at_once(acts))
    await eventually(world.met_all_faults, 30)
    world.gateway.kill()
    await asked
    await world.gateway.start()
    await world.until_decided()

    counted = await world.compare()
    assert len(acts) == sum(counted.values())
    assert 2 * AT_ONCE == counted["failed"]
