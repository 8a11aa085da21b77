"""What any processor that keeps cards must do, asked of the simulated bank."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from gateway.domain.clock import Clock
from gateway.domain.outcomes import Approved, Declined, Outcome, RequiresAction, Transaction
from gateway.processors.protocol import Pool, call, forget, look_up, resume
from gateway.processors.simulator import SimulatedBank
from gateway.processors.simulator_ledger import ledger
from tests.processors.transactions import OpenBank, card, transaction

CUSTOMER = "cust_0000000000000001"
CHALLENGED = "4000000000003220"


def storing(number: str = "5555555555554444", kind: str = "charge", **changes: Any) -> Transaction:
    """A card payment whose card is to be kept."""
    return transaction(kind, card=card(number), store_for=CUSTOMER, **changes)


def by(stored: str | None, kind: str = "charge", **changes: Any) -> Transaction:
    """A payment with a card that is kept: no card data, no CVV."""
    return transaction(kind, method="card", vpa=None, stored=stored, **changes)


def stored_of(outcome: Outcome) -> str:
    """What the processor calls the card."""
    assert isinstance(outcome, Approved), outcome
    assert outcome.stored is not None
    return outcome.stored


@pytest.mark.parametrize("kind", ["charge", "authorize"])
async def test_a_card_is_kept_and_charged_again(bank: SimulatedBank, pool: Pool, kind: str) -> None:
    """With the payment's approval comes a name for the card, and that pays as often as asked."""
    assert bank.traits.stores_instruments
    stored = stored_of(await call(bank, storing(kind=kind)))

    for again in (by(stored), by(stored, "authorize")):
        outcome = await call(bank, again)
        assert Approved(reference=again.reference) == outcome
        assert outcome == await call(bank, again)
        assert outcome == await look_up(bank, again)
    assert 3 == (await ledger(pool, limit=10)).total


async def test_nobody_asked_nothing_kept(bank: SimulatedBank, pool: Pool) -> None:
    """A card is kept only where the transaction says for whom, and only a card."""
    plain = await call(bank, transaction(card=card()))
    upi = await call(bank, transaction(store_for=CUSTOMER))

    assert isinstance(plain, Approved)
    assert isinstance(upi, Approved)
    assert (None, None) == (plain.stored, upi.stored)
    assert 0 == await pool.fetchval("SELECT count(*) FROM simulator_cards")


async def test_the_same_payment_keeps_one_card(bank: SimulatedBank, pool: Pool) -> None:
    """However often it is sent or asked for, and at once: the same name, one card."""
    payment = storing()
    outcomes = await asyncio.gather(*(call(bank, payment) for _ in range(5)))
    outcomes.append(await look_up(bank, payment))

    assert 1 == len({stored_of(outcome) for outcome in outcomes})
    assert 1 == await pool.fetchval("SELECT count(*) FROM simulator_cards")


async def test_each_payment_keeps_a_card_of_its_own(bank: SimulatedBank) -> None:
    """Forgetting one leaves the other, though it is the same card."""
    first = stored_of(await call(bank, storing()))
    second = stored_of(await call(bank, storing()))
    assert await forget(bank, first, None) is None

    assert first != second
    assert isinstance(await call(bank, by(second)), Approved)


@pytest.mark.parametrize("number", ["4000000000000002", "4000000000000069", "4000000000000119"])
async def test_a_declined_card_is_not_kept(bank: SimulatedBank, pool: Pool, number: str) -> None:
    """A payment that failed keeps nothing."""
    assert isinstance(await call(bank, storing(number)), Declined)
    assert 0 == await pool.fetchval("SELECT count(*) FROM simulator_cards")


async def test_a_challenged_card_is_kept_when_it_is_passed(bank: SimulatedBank) -> None:
    """The name comes with the approval after the challenge; until then nothing can be charged."""
    payment = storing(CHALLENGED)
    assert isinstance(await call(bank, payment), RequiresAction)
    early = await call(bank, by(f"card_of_{payment.reference}"))
    assert isinstance(early, Declined)
    await bank.complete_challenge(payment.reference, passed=True)
    stored = stored_of(await resume(bank, payment))

    # The bank asks back for every payment with this card, saved or not.
    assert stored == stored_of(await look_up(bank, payment))
    assert isinstance(await call(bank, by(stored)), RequiresAction)


async def test_a_failed_challenge_keeps_nothing(bank: SimulatedBank, pool: Pool) -> None:
    """Whoever could not confirm has no card here."""
    payment = storing(CHALLENGED)
    await call(bank, payment)
    await bank.complete_challenge(payment.reference, passed=False)

    assert isinstance(await resume(bank, payment), Declined)
    assert 0 == await pool.fetchval("SELECT count(*) FROM simulator_cards")


async def test_a_kept_card_goes_on_like_itself(open_bank: OpenBank) -> None:
    """What the card was decides about later payments too, not that the first one went through."""
    lenient = await open_bank(test_payment_success=True)
    strict = await open_bank()
    stored = stored_of(await call(lenient, storing("4000000000009995")))
    outcome = await call(strict, by(stored))

    assert isinstance(outcome, Declined)
    assert "insufficient_funds" == outcome.reason


async def test_a_forgotten_card_pays_nothing(bank: SimulatedBank, pool: Pool) -> None:
    """Forgetting works twice, and for what never was; afterwards the card is unknown."""
    payment = storing()
    stored = stored_of(await call(bank, payment))
    for unknown in (stored, stored, "card_of_nobody"):
        assert await forget(bank, unknown, None) is None
    before = (await ledger(pool, limit=10)).total
    outcome = await call(bank, by(stored))

    assert isinstance(outcome, Declined)
    assert ("INVALID_CARD", "card_missing") == (outcome.code, outcome.reason)
    assert before == (await ledger(pool, limit=10)).total
    # A late repeat of the payment does not bring it back.
    assert Approved(reference=payment.reference) == await call(bank, payment)


async def test_an_expired_card_is_declined(bank: SimulatedBank, clock: Clock) -> None:
    """A card is good to the end of its month, kept or not."""
    stored = stored_of(await call(bank, storing()))
    clock.advance(timedelta(days=366 * 5).total_seconds())
    outcome = await call(bank, by(stored))

    assert isinstance(outcome, Declined)
    assert ("EXPIRED_CARD", "expired_card") == (outcome.code, outcome.reason)


async def test_no_number_in_the_books(bank: SimulatedBank, pool: Pool) -> None:
    """The bank keeps what it shows of the card and what the card does: neither number nor CVV."""
    await call(bank, storing("4000056655665556"))
    [row] = await pool.fetch("SELECT * FROM simulator_cards")

    assert ("visa", "5556", 12, 2030) == (
        row["network"],
        row["last4"],
        row["expiry_month"],
        row["expiry_year"],
    )
    for secret in ("40000566", "5566555", "737"):
        assert secret not in str(dict(row)).replace(row["reference"], "").replace(
            row["payment"], ""
        )
