"""Circuit breakers on the payment path: a processor that is dead is left alone, and tried again."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
import structlog

from gateway.actors import messages
from gateway.actors.breakers import BreakerKey, Breakers, CircuitOpen
from gateway.domain import decisions
from gateway.domain.breaker import BreakerLimits, BreakerState
from gateway.domain.ids import new_id
from gateway.domain.outcomes import (
    Approved,
    Declined,
    FailedSurely,
    Outcome,
    ProcessorTraits,
    RequiresAction,
    Transaction,
    Unknown,
)
from gateway.metrics import Metrics, Watched
from tests.actors.process import REQUEST, ActorProcess, ScriptedBank, actor_process
from tests.operations.test_metrics import value
from tests.support import eventually

REFUSED = FailedSurely(reason="connection_refused")
CHARGE = BreakerKey("simulator", "charge")
LIMITS = BreakerLimits(window_seconds=60, calls_min=2, error_percent=50, open_seconds=30)


class Time:
    """A moment that tests move."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


class SilentBank(ScriptedBank):
    """Hears nothing: lookups raise while `is_dead`."""

    is_dead = True

    async def lookup(self, transaction: Transaction) -> Outcome:
        if self.is_dead:
            self.asked.append(("lookup", transaction))
            raise ConnectionError
        return await super().lookup(transaction)


def called(breakers: Breakers, key: BreakerKey, outcome: Outcome | None) -> None:
    """Make one call that ends like this."""
    with breakers.call(key) as watched:
        watched.outcome = outcome


def state(breakers: Breakers, key: BreakerKey) -> BreakerState | None:
    """The state of one breaker; None when there is none."""
    return next((view.state for view in breakers.views() if view.key == key), None)


@pytest.mark.parametrize(
    "error", [REFUSED, Unknown(reason="timeout", answered=False)], ids=["refused", "timeout"]
)
def test_what_the_processor_did_not_answer_counts_as_error(error: Outcome) -> None:
    """Two such calls of two open the breaker; the next is not made."""
    breakers = Breakers(LIMITS, time=Time())
    for _ in range(2):
        called(breakers, CHARGE, error)

    with pytest.raises(CircuitOpen) as refusal:
        called(breakers, CHARGE, Approved(reference="never"))
    assert (30.0, BreakerState.OPEN) == (refusal.value.wait_seconds, state(breakers, CHARGE))
    assert ({("simulator", "charge"): 1}, {("simulator", "charge"): 1}) == (
        breakers.opened_total,
        breakers.refused_total,
    )


@pytest.mark.parametrize(
    "answer",
    [
        Approved(reference="bank-1"),
        Declined(),
        RequiresAction(reference="bank-1", next_action="{}"),
        Unknown(reason="held_for_review"),
        None,
    ],
    ids=["approved", "declined", "challenge", "held", "not made"],
)
def test_what_the_processor_answered_is_no_error(answer: Outcome | None) -> None:
    """Also that it declines all cards, or does not know yet; and calls that were not made."""
    breakers = Breakers(LIMITS, time=Time())
    for _ in range(10):
        called(breakers, CHARGE, answer)

    assert BreakerState.CLOSED == state(breakers, CHARGE)


def test_a_call_that_is_cancelled_says_nothing() -> None:
    """A trial that ends with the process' own stop leaves room for the next."""
    time = Time()
    breakers = Breakers(LIMITS, time=time)
    for _ in range(2):
        called(breakers, CHARGE, REFUSED)
    time.now += 30
    with pytest.raises(asyncio.CancelledError), breakers.call(CHARGE):
        raise asyncio.CancelledError

    called(breakers, CHARGE, Approved(reference="bank-1"))
    assert BreakerState.CLOSED == state(breakers, CHARGE)


def test_breakers_do_not_know_each_other() -> None:
    """Neither other verbs, nor other processors, nor merchants with accounts of their own."""
    breakers = Breakers(LIMITS, time=Time())
    own = BreakerKey("simulator", "charge", "account-1")
    for _ in range(2):
        called(breakers, own, REFUSED)

    others = [
        CHARGE,
        BreakerKey("simulator", "refund", "account-1"),
        BreakerKey("simulator", "charge", "account-2"),
        BreakerKey("other", "charge", "account-1"),
    ]
    for key in others:
        called(breakers, key, Approved(reference="bank-1"))
    assert BreakerState.OPEN == state(breakers, own)


def test_the_least_recently_used_breaker_is_dropped() -> None:
    """A limit, however many merchants bring accounts of their own."""
    breakers = Breakers(LIMITS, breakers_max=2, time=Time())
    first, second, third = (BreakerKey("simulator", "charge", name) for name in "abc")
    for key in (first, second, first, third):
        called(breakers, key, Approved(reference="bank-1"))

    assert [first, third] == [view.key for view in breakers.views()]


def test_each_change_leaves_a_line_in_the_log() -> None:
    """Opened, tried, opened again, tried, closed."""
    time = Time()
    breakers = Breakers(LIMITS, time=time)
    with structlog.testing.capture_logs() as lines:
        for _ in range(2):
            called(breakers, CHARGE, REFUSED)
        for outcome in (REFUSED, Approved(reference="bank-1")):
            time.now += 30
            called(breakers, CHARGE, outcome)

    assert ["open", "half_open", "open", "half_open", "closed"] == [
        line["state"] for line in lines if line["event"] == "breaker_changed"
    ]


# Through the actors.


@pytest.fixture
def time() -> Time:
    """What the breakers go by."""
    return Time()


@pytest.fixture
async def process(database_url, redis_url, redis_prefix, time):
    """One process whose breakers open after two errors, for a minute."""
    async with actor_process(
        database_url, redis_url, redis_prefix, bank=SilentBank(), start=False
    ) as running:
        running.tree.breakers = Breakers(BreakerLimits(calls_min=2), time=time)
        await running.tree.root.start()
        yield running


async def open_breaker(process: ActorProcess) -> list[str]:
    """Two payments that reach nobody."""
    process.bank.answers.extend([REFUSED] * 2)
    payments = [await process.pay(await process.make_order()) for _ in range(2)]
    await eventually(lambda: state(process.tree.breakers, CHARGE) == BreakerState.OPEN)
    await eventually(lambda: _all_waiting(process, payments))
    process.bank.answers.clear()
    return payments


async def _all_waiting(process: ActorProcess, payments: list[str]) -> bool:
    """Whether each payment's last attempt has failed, and the next is due later."""
    query = """SELECT count(DISTINCT payment_id) FROM attempts
        WHERE payment_id = ANY($1) AND state = 'failed' AND NOT EXISTS (
            SELECT FROM attempts AS open WHERE open.payment_id = attempts.payment_id
            AND open.state = 'sent')"""
    return await process.tree.pool.fetchval(query, payments) == len(payments)


async def operation_of(process: ActorProcess, payment_id: str) -> Any:
    """The payment's operation with its newest attempt's reason and number."""
    return await process.tree.pool.fetchrow(
        """SELECT operations.*, attempts.reason, attempts.number FROM operations
        JOIN attempts ON attempts.operation_id = operations.id
        WHERE operations.payment_id = $1 ORDER BY attempts.number DESC LIMIT 1""",
        payment_id,
    )


async def test_an_open_breaker_keeps_payments_back_and_uses_up_no_retry(process):
    """The bank is not called; the payment is due again when it may be tried."""
    await open_breaker(process)
    calls = len(process.bank.asked)

    payment_id = await process.pay(await process.make_order())
    await eventually(lambda: _all_waiting(process, [payment_id]))

    operation = await operation_of(process, payment_id)
    assert calls == len(process.bank.asked)
    assert ("open", 0, "circuit_open", 1) == (
        operation["state"],
        operation["retries"],
        operation["reason"],
        operation["number"],
    )
    wait = operation["due_at"] - process.clock.now()
    assert timedelta(seconds=50) < wait < timedelta(seconds=75)


async def test_one_payment_is_the_trial_and_lets_the_others_through(process, time):
    """Half open, the bank hears of one; when that went well, of all."""
    waiting = await open_breaker(process)
    waiting += [await process.pay(await process.make_order()) for _ in range(3)]
    await eventually(lambda: _all_waiting(process, waiting))
    gate = asyncio.get_running_loop().create_future()
    process.bank.answers.append(gate)
    calls = len(process.bank.asked)

    time.now += 60
    process.clock.advance(80)

    await eventually(lambda: len(process.bank.asked) > calls)
    await eventually(lambda: _refused(process, 3 + 4))
    assert calls + 1 == len(process.bank.asked)
    assert BreakerState.HALF_OPEN == state(process.tree.breakers, CHARGE)
    gate.set_result(Approved(reference="bank-1"))
    await eventually(lambda: state(process.tree.breakers, CHARGE) == BreakerState.CLOSED)
    process.clock.advance(30)
    for payment_id in waiting:
        assert "success" == await process.until(payment_id, "success", "failed")


async def _refused(process: ActorProcess, count: int) -> bool:
    return process.tree.breakers.refused_total["simulator", "charge"] >= count


async def test_a_payment_fails_when_its_patience_is_over(process):
    """The shopper is told that nothing was charged; the order takes another payment."""
    await open_breaker(process)
    order_id = await process.make_order()
    payment_id = await process.pay(order_id)
    await eventually(lambda: _all_waiting(process, [payment_id]))

    process.clock.advance(200)

    assert "failed" == await process.until(payment_id, "success", "failed")
    row = await process.tree.pool.fetchrow("SELECT * FROM payments WHERE id = $1", payment_id)
    assert ("GATEWAY_ERROR", "The processor could not be reached, nothing was charged") == (
        row["error_code"],
        row["error_description"],
    )


async def test_other_verbs_of_a_dead_processor_go_on(process):
    """Charges fail while refunds work, so refunds are made."""
    order_id = await process.make_order()
    paid = await process.pay(order_id)
    await process.until(paid, "success")
    await open_breaker(process)
    command = decisions.RefundPayment(refund_id=new_id("rfnd"), payment_id=paid, amount=100)
    await process.ask(order_id, messages.MakeRefund(command=command, request=REQUEST))

    query = "SELECT status FROM refunds WHERE id = $1"
    await eventually(lambda: _is_processed(process, query, command.refund_id))
    assert "refund" == process.bank.verbs[-1]


async def _is_processed(process: ActorProcess, query: str, refund_id: str) -> bool:
    return await process.tree.pool.fetchval(query, refund_id) == "processed"


async def test_questions_have_a_breaker_of_their_own_and_are_put_off(process, time):
    """While nobody answers them none is used up; afterwards they are answered."""
    process.bank.answers.extend([Unknown(reason="held_for_review")] * 3)
    payments = [await process.pay(await process.make_order()) for _ in range(3)]
    for payment_id in payments:
        await process.until(payment_id, "unknown")
    lookup = BreakerKey("simulator", "lookup")

    process.clock.advance(10)
    await eventually(lambda: state(process.tree.breakers, lookup) == BreakerState.OPEN)
    await eventually(lambda: _asked(process, payments, [0, 1, 1]))
    assert ["charge"] * 3 + ["lookup"] * 2 == process.bank.verbs
    assert BreakerState.CLOSED == state(process.tree.breakers, CHARGE)

    process.bank.is_dead = False
    process.bank.lookups.extend([Approved(reference=f"bank-{number}") for number in range(3)])
    time.now += 60
    process.clock.advance(80)
    await eventually(lambda: state(process.tree.breakers, lookup) == BreakerState.CLOSED)
    process.clock.advance(80)
    for payment_id in payments:
        assert "success" == await process.until(payment_id, "success")


async def _asked(process: ActorProcess, payments: list[str], lookups: list[int]) -> bool:
    """Whether the payments were asked for as often, and none is waiting for its due time."""
    rows = await process.tree.pool.fetch(
        "SELECT lookups, due_at FROM operations WHERE payment_id = ANY($1)", payments
    )
    is_later = all(row["due_at"] > process.clock.now() for row in rows)
    return is_later and sorted(row["lookups"] for row in rows) == lookups


async def test_a_dead_processor_does_not_stop_another(database_url, redis_url, redis_prefix):
    """Payments at the living one succeed, before and after the dead one's breaker opens."""
    dead = ScriptedBank()
    dead.traits = ProcessorTraits(name="dead", timeout_seconds=5)
    async with actor_process(
        database_url, redis_url, redis_prefix, start=False, breaker_calls_min=2
    ) as process:
        process.tree.registry.add(dead, "tests")
        await process.tree.root.start()
        dead.answers.extend([REFUSED] * 100)
        for _ in range(5):
            await _pay_at(process, "dead")
            living = await process.pay(await process.make_order())
            assert "success" == await process.until(living, "success", "failed")

        assert BreakerState.OPEN == state(process.tree.breakers, BreakerKey("dead", "charge"))
        assert BreakerState.CLOSED == state(process.tree.breakers, CHARGE)
        assert len(dead.asked) < 5


async def _pay_at(process: ActorProcess, processor: str) -> str:
    payment_id = await process.pay(await process.make_order(), processors=[processor])
    await eventually(lambda: _all_waiting(process, [payment_id]))
    return payment_id


async def test_metrics_tell_states_and_counts_without_ids(process):
    """By processor and verb; breakers of merchants' own accounts are counted together."""
    breakers = process.tree.breakers
    for account in ("account-1", "account-2"):
        own = BreakerKey("simulator", "refund", account)
        for _ in range(2):
            called(breakers, own, REFUSED)
        with pytest.raises(CircuitOpen):
            called(breakers, own, None)
    called(breakers, BreakerKey("simulator", "refund"), Approved(reference="bank-1"))
    tree, metrics = process.tree, Metrics()
    metrics.watch(
        Watched(
            supervision_tree=tree.root.tree,
            regions=(),
            degradable={},
            enqueuer=tree.enqueuer,
            processors=tree.processors,
            recovery=tree.recovery,
            notifications={},
            breakers=breakers,
            sealed=tree.sealed,
            pool=tree.pool,
            queue=tree.queue,
            live_streams=lambda: 0,
        )
    )
    text = (await metrics.exposition()).decode()

    labels = {"processor": "simulator", "verb": "refund"}
    assert [2, 0, 1] == [
        value(text, "gateway_breakers", state=state, **labels)
        for state in ("open", "half_open", "closed")
    ]
    assert 2 == value(text, "gateway_breaker_opened_total", **labels)
    assert 2 == value(text, "gateway_breaker_refused_total", **labels)
    assert "account-1" not in text
