"""The processor pool: jobs that fail by our fault, card data, limits, a stop in the middle."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest

from gateway.actors import messages
from gateway.domain import decisions
from gateway.domain.ids import new_id
from gateway.domain.instruments import CardData, Instrument, card_instrument, card_to_bytes
from gateway.domain.jobs import JobKind
from gateway.domain.outcomes import Approved
from gateway.web.surfaces import PAYMENT_CREATED
from tests.actors.process import REQUEST, ActorProcess, actor_process
from tests.support import eventually

CARD = CardData(number="4242424242424242", expiry_month=12, expiry_year=2039, cvv="737")


async def _pay_by_card(process: ActorProcess, *, sealed: bool) -> str:
    order_id, payment_id = await process.make_order(), new_id("pay")
    if sealed:
        await process.tree.sealed.put(payment_id, card_to_bytes(CARD))
    command = decisions.CreatePayment(
        payment_id=payment_id,
        instrument=card_instrument(CARD, process.clock.now()),
    )
    await process.ask(order_id, messages.PayOrder(command=command, request=REQUEST))
    return payment_id


def _take_nothing_at_once(process: ActorProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have all operations go through the queue, as when there is no room for them."""
    monkeypatch.setattr(process.tree.processors, "take_place", lambda: False)


@pytest.fixture
async def process(database_url, redis_url, redis_prefix):
    """One process' actors that take over quickly."""
    async with actor_process(
        database_url, redis_url, redis_prefix, take_over_seconds=0.2, job_failures_max=2
    ) as running:
        yield running


async def test_job_that_keeps_failing_becomes_a_dead_letter(process, monkeypatch):
    """A fault of ours ends in a dead letter, not in a loop; when it is mended, the job is done."""

    def crash(*_args):
        raise RuntimeError("a fault of ours")

    _take_nothing_at_once(process, monkeypatch)
    with monkeypatch.context() as patched:
        patched.setattr(decisions, "begin_operation", crash)
        payment_id = await process.pay(await process.make_order())
        letters = "SELECT count(*) FROM dead_letters WHERE kind = 'job' AND resolved_at IS NULL"
        await eventually(lambda: process.tree.pool.fetchval(letters), within_seconds=15)
        assert 1 == await process.tree.pool.fetchval(letters)
        assert "pending" == await process.status(payment_id)

    # Recovery takes the job for lost after a while.
    process.clock.advance(60)

    assert "success" == await process.until(payment_id, "success")


async def test_card_is_charged_with_its_sealed_data_which_is_then_gone(process):
    """The bank gets number and CVV, and Redis keeps nothing of it afterwards."""
    payment_id = await _pay_by_card(process, sealed=True)

    assert "success" == await process.until(payment_id, "success", "failed")
    [(_, transaction)] = process.bank.asked
    assert transaction.card == CARD
    await eventually(lambda: _is_gone(process, payment_id))


async def _is_gone(process: ActorProcess, payment_id: str) -> bool:
    return not await process.tree.redis.exists(process.tree.keys.sealed(payment_id))


async def test_card_data_that_is_lost_fails_the_payment_honestly(process):
    """P3's exception: never sent, nothing charged, and the order takes another payment."""
    payment_id = await _pay_by_card(process, sealed=False)

    assert "failed" == await process.until(payment_id, "success", "failed", within_seconds=20)
    row = await process.tree.pool.fetchrow("SELECT * FROM payments WHERE id = $1", payment_id)
    assert ("CARD_DATA_LOST", []) == (row["error_code"], process.bank.asked)
    assert "Nothing was charged, please enter your card again" == row["error_description"]


async def test_calls_in_flight_stay_within_the_limit(database_url, redis_url, redis_prefix):
    """A slow bank holds no more calls than allowed; the rest waits in the stream."""
    async with actor_process(
        database_url, redis_url, redis_prefix, processor_calls_max=4, processor_actors=2
    ) as process:
        gates = [asyncio.get_running_loop().create_future() for _ in range(8)]
        process.bank.answers.extend(gates)
        payments = [await process.pay(await process.make_order()) for _ in range(8)]
        await eventually(lambda: len(process.bank.asked) == 4)

        assert 4 == process.tree.processors.in_flight
        for number, gate in enumerate(gates):
            gate.set_result(Approved(reference=f"bank-{number}"))
        for payment_id in payments:
            assert "success" == await process.until(payment_id, "success")


async def test_no_database_connection_is_held_during_a_call(database_url, redis_url, redis_prefix):
    """With one connection in all, fifty hanging calls keep nobody from reading and paying."""
    async with actor_process(database_url, redis_url, redis_prefix, connections_max=1) as process:
        gates = [asyncio.get_running_loop().create_future() for _ in range(50)]
        process.bank.answers.extend(gates)
        payments = [await process.pay(await process.make_order()) for _ in gates]
        await eventually(lambda: len(process.bank.asked) == len(gates))

        await eventually(lambda: process.tree.pool.get_idle_size() == 1)
        assert 1 == process.tree.pool.get_size()
        assert {"processing"} == {await process.status(each) for each in payments}
        another = await process.pay(await process.make_order())
        assert "success" == await process.until(another, "success")
        assert not any(gate.done() for gate in gates)

        for number, gate in enumerate(gates):
            gate.set_result(Approved(reference=f"bank-{number}"))
        for payment_id in payments:
            assert "success" == await process.until(payment_id, "success")


async def test_what_is_accepted_with_room_is_begun_in_the_same_unit(process):
    """One unit of work accepts and begins: the answer and the events say pending, the rows not."""
    gate = asyncio.get_running_loop().create_future()
    process.bank.answers.append(gate)
    order_id = await process.make_order()
    command = decisions.CreatePayment(
        payment_id=new_id("pay"),
        instrument=Instrument(method="upi", vpa="success@bank"),
    )
    done = await process.ask(order_id, messages.PayOrder(command=command, request=REQUEST))

    assert "pending" == done.payment.status
    assert "processing" == await process.status(done.payment.id)
    version = "SELECT version FROM orders WHERE id = $1"
    assert 2 == await process.tree.pool.fetchval(version, order_id)
    bodies = await process.tree.pool.fetch("SELECT body FROM events WHERE order_id = $1", order_id)
    shown = {json.loads(row["body"])["data"]["payment"]["status"] for row in bodies}
    assert (2, {"pending"}) == (len(bodies), shown)
    gate.set_result(Approved(reference="bank-1"))
    assert "success" == await process.until(done.payment.id, "success")
    assert 3 == await process.tree.pool.fetchval(version, order_id)


async def test_places_kept_for_what_is_refused_are_free_again(
    database_url, redis_url, redis_prefix
):
    """Units that are not written do not use the room up."""
    async with actor_process(database_url, redis_url, redis_prefix, processor_calls_max=2) as one:
        claim = messages.ClaimRequest(
            scope="tests", key="one", fingerprint=b"1", surface=PAYMENT_CREATED
        )
        keyed = replace(REQUEST, claim=claim)
        first = await one.pay(await one.make_order(), keyed)
        for _ in range(3):
            with pytest.raises(messages.AlreadyClaimed):
                await one.pay(await one.make_order(), keyed)
        await one.until(first, "success")
        await eventually(lambda: one.tree.processors.in_flight == 0)

        taken = [one.tree.processors.take_place() for _ in range(3)]
        assert [True, True, False] == taken


@pytest.mark.parametrize("queued", [True, False])
async def test_stop_leaves_unfinished_jobs_for_the_next_process(
    database_url, redis_url, redis_prefix, monkeypatch, queued
):
    """A bank that does not answer in time: the job is left, and a later process looks it up."""
    async with actor_process(
        database_url, redis_url, redis_prefix, shutdown_seconds=0.1
    ) as process:
        if queued:
            _take_nothing_at_once(process, monkeypatch)
        process.bank.answers.append(asyncio.get_running_loop().create_future())
        payment_id = await process.pay(await process.make_order())
        await process.bank.called.wait()
    async with actor_process(database_url, redis_url, redis_prefix, start=False) as successor:
        depths = await successor.tree.queue.depths()
        assert queued == depths[JobKind.PAYMENTS].in_flight + depths[JobKind.PAYMENTS].waiting
        # Before it starts: a job met under a lease is put off until the operation is due.
        await successor.tree.pool.execute("UPDATE attempts SET lease_until = sent_at")
        successor.bank.lookups.append(Approved(reference="bank-1"))
        await successor.tree.root.start()

        assert "success" == await successor.until(payment_id, "success")
        assert ["lookup"] == successor.bank.verbs
