"""The payment path through the actors: outcomes, crashes, passivation, two processes."""

from __future__ import annotations

import asyncio

import pytest

from gateway.actors import messages
from gateway.domain import decisions
from gateway.domain.clock import Clock
from gateway.domain.errors import InvalidState, NotFound, OperationInProgress
from gateway.domain.ids import new_id
from gateway.domain.outcomes import (
    Approved,
    AttemptNotFound,
    Declined,
    FailedSurely,
    RequiresAction,
    Unknown,
)
from tests.actors.process import REQUEST, ActorProcess, ScriptedBank, actor_process
from tests.support import eventually


@pytest.fixture
async def process(database_url, redis_url, redis_prefix):
    """One process' actors."""
    async with actor_process(database_url, redis_url, redis_prefix) as running:
        yield running


async def _refund(process: ActorProcess, order_id: str, payment_id: str, amount: int | None):
    command = decisions.RefundPayment(
        refund_id=new_id("rfnd"), payment_id=payment_id, amount=amount
    )
    return await process.ask(order_id, messages.MakeRefund(command=command, request=REQUEST))


async def test_payment_is_charged_once_and_its_order_paid(process):
    """The shortest path: order, payment, charge, outcome."""
    order_id = await process.make_order()
    payment_id = await process.pay(order_id)

    assert "success" == await process.until(payment_id, "success", "failed")
    assert ["charge"] == process.bank.verbs
    row = await process.tree.pool.fetchrow("SELECT * FROM orders WHERE id = $1", order_id)
    assert ("paid", 50_000, 1) == (row["status"], row["amount_paid"], row["attempts"])
    events = await process.tree.pool.fetch(
        "SELECT type FROM events WHERE order_id = $1 ORDER BY created_at", order_id
    )
    assert {
        "payment.created",
        "payment.pending",
        "payment.success",
        "payment.captured",
        "order.paid",
    } == {row["type"] for row in events}


async def test_declined_payment_makes_room_for_another(process):
    """After a failure a second payment of the order is welcome."""
    process.bank.answers.append(Declined(reason="insufficient_funds"))
    order_id = await process.make_order()
    first = await process.pay(order_id)
    assert "failed" == await process.until(first, "success", "failed")

    second = await process.pay(order_id)

    assert "success" == await process.until(second, "success", "failed")


async def test_second_payment_of_a_paid_order_is_refused(process):
    """One order, one successful payment."""
    order_id = await process.make_order()
    await process.until(await process.pay(order_id), "success")

    with pytest.raises(InvalidState, match="Order already paid"):
        await process.pay(order_id)


async def test_sure_failure_is_sent_again_under_a_new_attempt(process):
    """What surely did not happen is tried again, one second later by the movable clock."""
    process.bank.answers.append(FailedSurely(reason="connection_refused"))
    payment_id = await process.pay(await process.make_order())
    await process.bank.called.wait()
    await _until_attempt_failed(process, payment_id)

    process.clock.advance(1)

    assert "success" == await process.until(payment_id, "success", "failed")
    references = [transaction.reference for _, transaction in process.bank.asked]
    assert 2 == len(set(references))


async def _until_attempt_failed(process: ActorProcess, payment_id: str) -> None:
    with process.tree.hub.subscribe(payment_id) as changes:
        async with asyncio.timeout(10):
            while not await process.tree.pool.fetchval(
                "SELECT 1 FROM attempts WHERE payment_id = $1 AND state = 'failed'", payment_id
            ):
                await changes.wait(0.05)


async def test_unknown_outcome_is_looked_up_and_never_sent_blindly(process):
    """A timeout becomes unknown; ten seconds later the bank is asked, and believed."""
    process.bank.answers.append(Unknown(reason="timeout"))
    process.bank.lookups.append(Approved(reference="bank-1"))
    payment_id = await process.pay(await process.make_order())
    assert "unknown" == await process.until(payment_id, "unknown")
    # The lease is real time: it ends as if the holder's timeout had passed.
    await process.tree.pool.execute("UPDATE attempts SET lease_until = sent_at")
    await _forget_orders(process)

    process.clock.advance(10)

    assert "success" == await process.until(payment_id, "success", "failed")
    assert ["charge", "lookup"] == process.bank.verbs


async def _forget_orders(process: ActorProcess) -> None:
    """Passivate every order, so that the next message rehydrates it."""
    await process.tree.orders.stop()
    await process.tree.orders.start()


async def test_lookup_that_finds_nothing_sends_the_same_attempt_again(process):
    """ "Never heard of it" is believed after the lease: same reference, so never twice."""
    process.bank.answers.append(Unknown(reason="timeout"))
    process.bank.lookups.append(AttemptNotFound())
    payment_id = await process.pay(await process.make_order())
    await process.until(payment_id, "unknown")
    await process.tree.pool.execute("UPDATE attempts SET lease_until = sent_at")
    await _forget_orders(process)

    process.clock.advance(10)

    assert "success" == await process.until(payment_id, "success", "failed")
    assert ["charge", "lookup", "charge"] == process.bank.verbs
    assert 1 == len({transaction.reference for _, transaction in process.bank.asked})


async def test_processor_is_asked_by_its_own_reference(process):
    """What it told about an attempt comes back with the question, and when the attempt began."""
    process.bank.answers.append(RequiresAction(reference="bank-60", next_action="{}"))
    process.bank.lookups.append(Approved(reference="bank-60"))
    order_id = await process.make_order()
    payment_id = await process.pay(order_id)
    await process.until(payment_id, "requires_action")

    await process.ask(order_id, messages.ResumePayment(payment_id=payment_id))

    assert "success" == await process.until(payment_id, "success")
    [(_, sent), (verb, question)] = process.bank.asked
    assert "lookup" == verb
    assert (None, "bank-60") == (sent.known_as, question.known_as)
    assert sent.sent_at == question.sent_at is not None


async def test_outcome_arrives_for_a_passivated_order(process):
    """The actor that began the payment is gone when the bank answers; its successor records."""
    answer = asyncio.get_running_loop().create_future()
    process.bank.answers.append(answer)
    payment_id = await process.pay(await process.make_order())
    await process.bank.called.wait()
    await _forget_orders(process)
    assert 0 == process.tree.orders.live

    answer.set_result(Approved(reference="bank-late"))

    assert "success" == await process.until(payment_id, "success")


async def test_crash_of_an_order_actor_loses_nothing(process, monkeypatch):
    """An actor that crashes in a handler is rebuilt from Postgres by the next message."""
    order_id = await process.make_order()

    def crash(*_args):
        raise RuntimeError("a fault of ours")

    with monkeypatch.context() as patched:
        patched.setattr(decisions, "create_payment", crash)
        with pytest.raises(RuntimeError):
            await process.pay(order_id)

    payment_id = await process.pay(order_id)
    assert "success" == await process.until(payment_id, "success")


async def test_order_of_another_merchant_is_not_found(process):
    """P9 holds in the actor, whatever a handler forgets."""
    order_id = await process.make_order()
    stranger = messages.Request(merchant_id=REQUEST.merchant_id, mode="live")

    with pytest.raises(NotFound, match="Order not found"):
        await process.pay(order_id, stranger)


async def test_order_that_does_not_exist_is_not_kept(process):
    """Made-up identities do not fill the region."""
    with pytest.raises(NotFound):
        await process.pay(new_id("order"))

    await eventually(lambda: process.tree.orders.live == 0)


async def test_capture_void_and_refund_change_the_sums(process):
    """Authorize, capture in two parts, refund in two parts."""
    order_id = await process.make_order(capture="manual")
    payment_id = await process.pay(order_id)
    await process.until(payment_id, "success")
    for amount in (20_000, 30_000):
        message = messages.CapturePayment(payment_id=payment_id, amount=amount, request=REQUEST)
        done = await process.ask(order_id, message)
        await _until_done(process, payment_id, done.operation.id)
    for amount in (10_000, None):
        await _refund(process, order_id, payment_id, amount)
    await _until_refunded(process, payment_id, 50_000)

    assert ["authorize", "capture", "capture", "refund", "refund"] == process.bank.verbs
    with pytest.raises(Exception, match="Refund amount exceeds available amount"):
        await _refund(process, order_id, payment_id, 1)


async def _until_done(process: ActorProcess, payment_id: str, operation_id: str) -> None:
    query = "SELECT state FROM operations WHERE id = $1"
    with process.tree.hub.subscribe(payment_id) as changes:
        async with asyncio.timeout(10):
            while await process.tree.pool.fetchval(query, operation_id) != "done":
                await changes.wait(0.05)


async def _until_refunded(process: ActorProcess, payment_id: str, amount: int) -> None:
    query = "SELECT amount_refunded FROM payments WHERE id = $1"
    with process.tree.hub.subscribe(payment_id) as changes:
        async with asyncio.timeout(10):
            while await process.tree.pool.fetchval(query, payment_id) != amount:
                await changes.wait(0.05)


async def test_two_processes_capture_one_payment_once(database_url, redis_url, redis_prefix):
    """Two actors of one order: one capture wins, and no valid refund is refused as stale."""
    clock, bank = Clock(), ScriptedBank()
    shared = {"clock": clock, "bank": bank}
    async with (
        actor_process(database_url, redis_url, redis_prefix, **shared) as one,
        actor_process(database_url, redis_url, redis_prefix, **shared) as other,
    ):
        order_id = await one.make_order(capture="manual")
        payment_id = await one.pay(order_id)
        await one.until(payment_id, "success")
        capture = messages.CapturePayment(payment_id=payment_id, amount=None, request=REQUEST)

        answers = await asyncio.gather(
            one.ask(order_id, capture), other.ask(order_id, capture), return_exceptions=True
        )

        won = [answer for answer in answers if isinstance(answer, messages.Done)]
        assert 1 == len(won)
        [lost] = [answer for answer in answers if not isinstance(answer, messages.Done)]
        assert isinstance(lost, (OperationInProgress, InvalidState))
        await _until_done(one, payment_id, won[0].operation.id)
        # Each of the two knows an older version than the database now and then.
        await _refund(one, order_id, payment_id, 10_000)
        await _refund(other, order_id, payment_id, 20_000)
        await _refund(one, order_id, payment_id, 20_000)
        await _until_refunded(other, payment_id, 50_000)
        with pytest.raises(Exception, match="Refund amount exceeds available amount"):
            await _refund(other, order_id, payment_id, 1)
        assert 1 == bank.verbs.count("capture")


async def test_jobs_come_back_after_redis_was_emptied(process, stores):
    """Recovery finds in Postgres what Redis lost."""
    answer = asyncio.get_running_loop().create_future()
    process.bank.answers.append(answer)
    first = await process.pay(await process.make_order())
    await process.bank.called.wait()
    stores.delete_keys(process.tree.keys.prefix)
    second = await process.pay(await process.make_order())

    answer.set_result(Approved(reference="bank-1"))
    process.tree.recovery.look()

    assert "success" == await process.until(first, "success")
    assert "success" == await process.until(second, "success")


async def test_expired_authorization_is_voided(process):
    """What is not captured within the window goes back."""
    order_id = await process.make_order(capture="manual")
    payment_id = await process.pay(order_id)
    await process.until(payment_id, "success")

    process.clock.advance(7 * 86_400 + 1)

    assert "expired" == await process.until(payment_id, "expired")
    assert ["authorize", "void"] == process.bank.verbs


async def test_order_remembered_since_it_was_made_is_not_trusted(
    database_url, redis_url, redis_prefix
):
    """Made here, paid through another process: a command here is decided on what is stored."""
    clock, bank = Clock(), ScriptedBank()
    shared = {"clock": clock, "bank": bank}
    async with (
        actor_process(database_url, redis_url, redis_prefix, **shared) as one,
        actor_process(database_url, redis_url, redis_prefix, **shared) as other,
    ):
        order_id = await one.make_order(capture="manual")
        payment_id = await other.pay(order_id)
        await other.until(payment_id, "success")

        with pytest.raises(InvalidState, match="Order already paid"):
            await one.pay(order_id)
        await _refund(one, order_id, payment_id, 10_000)

        second = await one.make_order(capture="manual")
        paid = await other.pay(second)
        await other.until(paid, "success")
        await _refund(one, second, paid, 10_000)
