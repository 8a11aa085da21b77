"""Two scripted banks: what one surely did not do the other does, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway.actors import messages
from gateway.domain import decisions
from gateway.domain.ids import new_id
from gateway.domain.instruments import CardData, card_instrument, card_to_bytes
from gateway.domain.outcomes import Approved, FailedSurely, Unknown
from tests.actors.process import REQUEST, ActorProcess, ScriptedBank, actor_process
from tests.support import eventually
from tests.unit.scenario import rules_to

REFUSED = FailedSurely(reason="connection_refused")
ROUTE = ("simulator", "second")
CARD = CardData(number="4242424242424242", expiry_month=12, expiry_year=2039, cvv="737")


@pytest.fixture
def second() -> ScriptedBank:
    """The bank in reserve."""
    return ScriptedBank(name="second")


@pytest.fixture
async def process(
    database_url: str, redis_url: str, redis_prefix: str, second: ScriptedBank
) -> AsyncIterator[ActorProcess]:
    """One process' actors with two banks."""
    async with actor_process(
        database_url, redis_url, redis_prefix, start=False, breaker_calls_min=2
    ) as running:
        running.tree.registry.add(second, "tests")
        await running.tree.root.start()
        yield running


async def attempts(process: ActorProcess, payment_id: str) -> list[tuple[Any, ...]]:
    """Number, processor and state of each attempt."""
    rows = await process.tree.pool.fetch(
        "SELECT number, processor, state FROM attempts WHERE payment_id = $1 ORDER BY sent_at",
        payment_id,
    )
    return [tuple(row) for row in rows]


async def test_a_sure_failure_goes_to_the_second_bank(process, second):
    """At once, under a reference of its own; what follows goes there too."""
    process.bank.answers.append(REFUSED)
    order_id = await process.make_order(capture="manual")
    payment_id = await process.pay(order_id, processors=ROUTE)

    assert "success" == await process.until(payment_id, "success", "failed", within_seconds=0.9)
    assert [(1, "simulator", "failed"), (2, "second", "approved")] == await attempts(
        process, payment_id
    )
    [(_, sent), (_, sent_then)] = process.bank.asked + second.asked
    assert sent.reference != sent_then.reference
    await process.capture(order_id, payment_id)

    async def captured() -> bool:
        query = "SELECT amount_captured FROM payments WHERE id = $1"
        return await process.tree.pool.fetchval(query, payment_id) == 50_000

    await eventually(captured)
    assert (["authorize"], ["authorize", "capture"]) == (process.bank.verbs, second.verbs)
    assert second.asked[-1][1].original == f"bank-{sent_then.reference}"


async def test_an_unknown_outcome_is_asked_where_it_was_sent(process, second):
    """Never at the second bank, and never sent there."""
    process.bank.answers.append(Unknown(reason="timeout"))
    payment_id = await process.pay(await process.make_order(), processors=ROUTE)
    await process.until(payment_id, "unknown")
    process.bank.lookups.append(Approved(reference="bank-1"))
    process.clock.advance(11)

    assert "success" == await process.until(payment_id, "success", "failed")
    assert (["charge", "lookup"], []) == (process.bank.verbs, second.verbs)


async def test_after_a_move_the_second_bank_is_asked(process, second):
    """The attempt that is unknown was sent there; the first bank has nothing to say about it."""
    process.bank.answers.append(REFUSED)
    second.answers.append(Unknown(reason="timeout"))
    payment_id = await process.pay(await process.make_order(), processors=ROUTE)
    await process.until(payment_id, "unknown")
    second.lookups.append(Approved(reference="bank-2"))
    process.clock.advance(11)

    assert "success" == await process.until(payment_id, "success", "failed")
    assert (["charge"], ["charge", "lookup"]) == (process.bank.verbs, second.verbs)
    assert second.asked[0][1].reference == second.asked[1][1].reference


async def test_an_open_breaker_goes_to_the_second_bank(process, second):
    """The first one is not even called."""
    process.bank.answers.extend([REFUSED] * 2)
    for _ in range(4):
        payment_id = await process.pay(await process.make_order(), processors=ROUTE)
        assert "success" == await process.until(payment_id, "success", "failed")

    assert (["charge"] * 2, ["charge"] * 4) == (process.bank.verbs, second.verbs)
    reason = "SELECT reason FROM attempts WHERE payment_id = $1 AND number = 1"
    assert "circuit_open" == await process.tree.pool.fetchval(reason, payment_id)


async def test_the_second_bank_gets_the_card(process, second):
    """Sealed card data is kept until the payment has an outcome."""
    process.bank.answers.append(REFUSED)
    order_id, payment_id = await process.make_order(), new_id("pay")
    await process.tree.sealed.put(payment_id, card_to_bytes(CARD))
    command = decisions.CreatePayment(
        payment_id=payment_id,
        instrument=card_instrument(CARD, process.clock.now()),
        rules=rules_to(*ROUTE),
    )
    await process.ask(order_id, messages.PayOrder(command=command, request=REQUEST))

    assert "success" == await process.until(payment_id, "success", "failed")
    assert [CARD, CARD] == [sent.card for _, sent in process.bank.asked + second.asked]


async def test_the_last_bank_is_tried_again_after_a_while(process, second):
    """When none is left, the payment waits for the last of them."""
    process.bank.answers.append(REFUSED)
    second.answers.append(REFUSED)
    payment_id = await process.pay(await process.make_order(), processors=ROUTE)

    async def waiting() -> bool:
        return [each[2] for each in await attempts(process, payment_id)] == ["failed", "failed"]

    await eventually(waiting)
    process.clock.advance(2)

    assert "success" == await process.until(payment_id, "success", "failed")
    assert (["charge"], ["charge", "charge"]) == (process.bank.verbs, second.verbs)


async def test_a_process_that_dies_after_the_move_is_followed_up_at_the_second_bank(
    database_url, redis_url, redis_prefix
):
    """The second bank has done it and nobody was told: it is asked, and nothing is sent again."""
    first, second = ScriptedBank(), ScriptedBank(0.2, name="second")
    first.answers.append(REFUSED)

    async def fault(point: str) -> None:
        if point == "processor.after_call" and second.asked:
            await asyncio.Event().wait()

    options = {"lease_margin_seconds": 0.5, "shutdown_seconds": 0.1, "start": False, "bank": first}
    stores = (database_url, redis_url, redis_prefix)
    async with actor_process(*stores, **options, fault=fault) as dying:
        dying.tree.registry.add(second, "tests")
        await dying.tree.root.start()
        payment_id = await dying.pay(await dying.make_order(), processors=ROUTE)
        await second.called.wait()
    second.lookups.append(Approved(reference="bank-2"))
    async with actor_process(*stores, **options) as living:
        living.tree.registry.add(second, "tests")
        await living.tree.root.start()
        living.clock.advance(31)

        assert "success" == await living.until(payment_id, "success", "failed")
        assert (["charge"], ["charge", "lookup"]) == (first.verbs, second.verbs)
