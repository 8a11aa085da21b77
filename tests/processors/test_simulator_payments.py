"""What the simulated bank answers to payments."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from datetime import timedelta

import pytest

from gateway.domain.clock import Clock
from gateway.domain.outcomes import (
    Approved,
    AttemptNotFound,
    Declined,
    FailedSurely,
    RequiresAction,
    Unknown,
)
from gateway.processors.protocol import Pool, ProcessorContext, call, look_up, resume
from gateway.processors.simulator import SimulatedBank
from gateway.processors.simulator_ledger import ledger
from tests.processors.transactions import OpenBank, card, transaction


@pytest.mark.parametrize("kind", ["charge", "authorize"])
async def test_an_ordinary_payment_is_approved_and_booked(
    bank: SimulatedBank, pool: Pool, kind: str
) -> None:
    """What the bank answers as approved stands in its ledger, under our reference."""
    payment = transaction(kind, card=card("5555555555554444"))

    assert Approved(reference=payment.reference) == await call(bank, payment)

    page = await ledger(pool, limit=10)

    assert 1 == page.total
    assert (payment.reference, payment.payment_id, None, kind, 50_000, "INR") == (
        page.rows[0].reference,
        page.rows[0].payment_id,
        page.rows[0].refund_id,
        page.rows[0].kind,
        page.rows[0].amount,
        page.rows[0].currency,
    )


@pytest.mark.parametrize(
    ("instrument", "code", "reason"),
    [
        ({"card": card("4000000000000002")}, "PAYMENT_FAILED", "card_declined"),
        ({"card": card("4000000000009995")}, "PAYMENT_FAILED", "insufficient_funds"),
        ({"card": card("4000000000000069")}, "EXPIRED_CARD", "expired_card"),
        ({"card": card("4000000000000119")}, "GATEWAY_ERROR", "processing_error"),
        ({"vpa": "failure@bank"}, "PAYMENT_FAILED", "payment_declined"),
        ({"vpa": "Failure@Bank"}, "PAYMENT_FAILED", "payment_declined"),
        ({"method": "card", "vpa": None}, "INVALID_CARD", "card_missing"),
    ],
)
async def test_fixed_instruments_are_declined_for_their_reason(
    bank: SimulatedBank, pool: Pool, instrument: dict[str, object], code: str, reason: str
) -> None:
    """Each declined instrument has its own reason, the same when asked again; nothing is moved."""
    payment = transaction(**instrument)

    outcome = await call(bank, payment)

    assert isinstance(outcome, Declined)
    assert (code, reason) == (outcome.code, outcome.reason)
    assert "Nothing was charged" in outcome.description
    assert outcome == await look_up(bank, payment)
    assert 0 == (await ledger(pool, limit=10)).total


@pytest.mark.parametrize("instrument", [{"card": card()}, {"vpa": "success@bank"}])
async def test_fixed_instruments_succeed_outside_test_mode(
    open_bank: OpenBank, instrument: dict[str, object]
) -> None:
    """Chance has no say about the instruments that always succeed."""
    bank = await open_bank(
        test_mode=False,
        simulator_payment_seconds=(0, 0),
        simulator_upi_success_percent=0,
        simulator_card_success_percent=0,
    )

    outcomes = [await call(bank, transaction(**instrument)) for _ in range(5)]

    assert {Approved} == {type(outcome) for outcome in outcomes}


async def test_a_lost_answer_is_unknown_and_known_when_asked(
    bank: SimulatedBank, pool: Pool
) -> None:
    """timeout@bank is charged once, though the first answer says nothing of it."""
    payment = transaction(vpa="timeout@bank")

    assert Unknown(reason="bank_timeout") == await call(bank, payment)
    assert Approved(reference=payment.reference) == await look_up(bank, payment)
    assert Approved(reference=payment.reference) == await call(bank, payment)
    assert 1 == (await ledger(pool, limit=10)).total


async def test_what_was_never_sent_is_not_found(bank: SimulatedBank) -> None:
    """A lookup of a reference that the bank never saw says so."""

    assert AttemptNotFound() == await look_up(bank, transaction())


@pytest.mark.parametrize("vpa", ["success@bank", "failure@bank", "timeout@bank", "any@upi"])
@pytest.mark.parametrize(("setting", "expected"), [(True, Approved), (False, Declined)])
async def test_the_test_setting_decides_every_payment(
    open_bank: OpenBank, vpa: str, setting: bool, expected: type
) -> None:
    """TEST_PAYMENT_SUCCESS is stronger than the instrument."""
    bank = await open_bank(test_payment_success=setting)

    assert expected is type(await call(bank, transaction(vpa=vpa)))


async def test_a_forced_failure_is_the_plain_one(open_bank: OpenBank) -> None:
    """Without a better reason the payment says PAYMENT_FAILED, "Payment processing failed"."""
    bank = await open_bank(test_payment_success=False)

    assert Declined() == await call(bank, transaction())


async def test_chance_keeps_its_share_and_repeats_itself(open_bank: OpenBank) -> None:
    """Outside test mode 90 % of UPI payments succeed; a repeat gets what the first one got."""
    bank = await open_bank(test_mode=False, simulator_payment_seconds=(0, 0))
    payments = [transaction(reference=f"att_{number}") for number in range(1000)]

    first = await asyncio.gather(*(call(bank, payment) for payment in payments))
    again = await asyncio.gather(*(call(bank, payment) for payment in payments))

    assert first == again
    assert 870 <= Counter(type(outcome) for outcome in first)[Approved] <= 930


async def test_one_reference_moves_money_once(open_bank: OpenBank, pool: Pool) -> None:
    """200 concurrent charges under one reference, through two banks, are one charge."""
    banks = [await open_bank({"group_max": 16}) for _ in range(2)]
    payment = transaction()

    outcomes = await asyncio.gather(*(call(banks[n % 2], payment) for n in range(200)))

    assert {Approved(reference=payment.reference)} == set(outcomes)
    assert 1 == (await ledger(pool, limit=10)).total


async def test_a_reference_stands_for_one_request(bank: SimulatedBank, pool: Pool) -> None:
    """The same reference with another amount is no answer about money: it stays unknown."""
    payment = transaction()
    await call(bank, payment)
    other = transaction(reference=payment.reference, payment_id=payment.payment_id, amount=100)

    assert Unknown(reason="ReferenceReused") == await call(bank, other)
    assert [50_000] == [row.amount for row in (await ledger(pool, limit=10)).rows]


async def test_an_impossible_amount_hurts_nobody_else(bank: SimulatedBank) -> None:
    """What cannot be booked never joins a group."""
    good, bad = transaction(), transaction(amount=0)

    outcomes = await asyncio.gather(call(bank, bad), call(bank, good))

    assert [Unknown(reason="ValueError"), Approved(reference=good.reference)] == outcomes


async def test_concurrent_payments_are_written_together(bank: SimulatedBank, pool: Pool) -> None:
    """A thousand payments at once take a few transactions, not a thousand."""
    payments = [transaction() for _ in range(1000)]

    await asyncio.gather(*(call(bank, payment) for payment in payments))

    rows = await pool.fetch("SELECT count(*), xmin::text FROM simulator_transactions GROUP BY 2")

    assert 1000 == sum(row["count"] for row in rows)
    assert len(rows) <= 3


async def test_a_bank_that_is_full_has_certainly_done_nothing(
    open_bank: OpenBank, pool: Pool
) -> None:
    """What is not taken for writing failed surely, and may be sent again."""
    bank = await open_bank({"pending_max": 5})
    payments = [transaction() for _ in range(20)]

    outcomes = await asyncio.gather(*(call(bank, payment) for payment in payments))

    assert 5 == sum(isinstance(outcome, Approved) for outcome in outcomes)
    assert 15 == outcomes.count(FailedSurely(reason="bank_busy"))
    assert 5 == (await ledger(pool, limit=10)).total


async def test_an_answer_that_takes_too_long_is_unknown(open_bank: OpenBank) -> None:
    """The processor's timeout ends the call as unknown; nothing was booked, so it can be resent."""
    bank = await open_bank(test_processing_delay=60_000, simulator_timeout_seconds=0.05)
    payment = transaction()

    assert Unknown(reason="timeout") == await call(bank, payment)
    assert AttemptNotFound() == await look_up(bank, payment)


async def test_the_bank_takes_its_time(open_bank: OpenBank) -> None:
    """The delay is real, of the processing setting, and before the booking."""
    bank = await open_bank(test_processing_delay=50)
    loop = asyncio.get_running_loop()
    begun = loop.time()
    payment = transaction()
    pending = asyncio.ensure_future(call(bank, payment))

    assert AttemptNotFound() == await look_up(bank, payment)

    await pending

    assert 0.05 <= loop.time() - begun


async def test_a_challenge_is_asked_for_and_passed(bank: SimulatedBank, pool: Pool) -> None:
    """A card that asks for a challenge is charged when the shopper has passed it, once."""
    payment = transaction(card=card("4000000000003220"))

    outcome = await call(bank, payment)

    assert isinstance(outcome, RequiresAction)
    assert {"type": "redirect", "url": f"/bank/challenge?reference={payment.reference}"} == (
        json.loads(outcome.next_action)
    )
    assert outcome == await resume(bank, payment)
    assert 0 == (await ledger(pool, limit=10)).total

    approved = Approved(reference=payment.reference)

    assert approved == await bank.complete_challenge(payment.reference, passed=True)
    assert approved == await bank.complete_challenge(payment.reference, passed=False)
    assert approved == await resume(bank, payment)
    assert 1 == (await ledger(pool, limit=10)).total


async def test_a_failed_challenge_is_final(bank: SimulatedBank, pool: Pool) -> None:
    """Who failed the challenge cannot pass it afterwards."""
    payment = transaction("authorize", card=card("4000000000003220"))
    await call(bank, payment)

    outcome = await bank.complete_challenge(payment.reference, passed=False)

    assert isinstance(outcome, Declined)
    assert "authentication_failed" == outcome.reason
    assert outcome == await bank.complete_challenge(payment.reference, passed=True)
    assert outcome == await look_up(bank, payment)
    assert 0 == (await ledger(pool, limit=10)).total


async def test_a_challenge_that_nobody_asked_for(bank: SimulatedBank) -> None:
    """An unknown reference has no challenge to complete."""

    assert AttemptNotFound() == await bank.complete_challenge("att_never", passed=True)


async def test_a_challenge_ends_with_its_time(bank: SimulatedBank, clock: Clock) -> None:
    """After the time for it a challenge can no longer be passed: the gateway has given up."""
    late, asked = (transaction(card=card("4000000000003220")) for _ in range(2))
    for payment in (late, asked):
        await call(bank, payment)
    clock.advance(900)

    assert isinstance(await look_up(bank, asked), Declined)
    assert isinstance(await bank.complete_challenge(late.reference, passed=True), Declined)


async def test_a_challenge_as_its_page_shows_it(bank: SimulatedBank, clock: Clock) -> None:
    """What is to be confirmed, until when, and how it ended; nothing that is no payment's."""
    passed, failed, late = (transaction(card=card("4000000000003220")) for _ in range(3))
    began = clock.now()
    for payment in (passed, failed, late):
        await call(bank, payment)
    shown = await bank.challenge(passed.reference)
    assert ("open", passed.payment_id, passed.amount, passed.currency) == (
        shown.state,
        shown.payment_id,
        shown.amount,
        shown.currency,
    )
    assert timedelta(seconds=900) <= shown.ends_at - began < timedelta(seconds=910)

    await bank.complete_challenge(passed.reference, passed=True)
    await bank.complete_challenge(failed.reference, passed=False)
    capture = transaction("capture", original=passed.reference)
    await call(bank, capture)
    clock.advance(900)
    states = [(await bank.challenge(payment.reference)).state for payment in (passed, failed, late)]

    assert ["passed", "failed", "overdue"] == states
    assert await bank.challenge(capture.reference) is None
    assert await bank.challenge("att_never") is None


async def test_the_ledger_is_paged_in_the_banks_order(bank: SimulatedBank, pool: Pool) -> None:
    """Pages follow the order of booking; a challenge counts from when it was passed."""
    challenged = transaction(card=card("4000000000003220"))
    await call(bank, challenged)
    payments = [transaction() for _ in range(3)]
    for payment in payments:
        await call(bank, payment)
    await bank.complete_challenge(challenged.reference, passed=True)
    expected = [payment.reference for payment in [*payments, challenged]]

    pages = [await ledger(pool, limit=2, offset=offset) for offset in (0, 2, 4)]

    assert expected == [row.reference for page in pages for row in page.rows]
    assert [4, 4, 4] == [page.total for page in pages]

    newest = await ledger(pool, limit=1, newest_first=True)

    assert [challenged.reference] == [row.reference for row in newest.rows]
    with pytest.raises(ValueError, match="not negative"):
        await ledger(pool, limit=-1)


async def test_a_bank_without_books_does_not_start(clock: Clock) -> None:
    """The simulated bank needs Postgres, and says so."""

    with pytest.raises(ValueError, match="needs a pool"):
        await SimulatedBank().start(ProcessorContext(clock=clock))
    with pytest.raises(RuntimeError, match="not started"):
        await SimulatedBank().lookup(transaction())


async def test_books_out_of_reach_leave_the_outcome_unknown(
    open_bank: OpenBank, pool: Pool
) -> None:
    """When the bank cannot write, nobody is told that a payment was approved or refused."""
    bank = await open_bank()
    await pool.close()

    assert Unknown(reason="InterfaceError") == await call(bank, transaction())
    assert Unknown(reason="InterfaceError") == await look_up(bank, transaction())
