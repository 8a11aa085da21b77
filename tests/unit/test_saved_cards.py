"""Saved cards: whose they are, what comes of a payment that saves one, what is never shown."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain import decisions
from gateway.domain.customers import Token, TokenState, chargeable
from gateway.domain.entities import NOBODY, Payer
from gateway.domain.errors import ExpiredCard, InvalidRequest, NotFound
from gateway.domain.outcomes import Approved, Declined, RequiresAction
from gateway.domain.representation import payment_object, token_object
from tests.unit.scenario import CARD, MERCHANT, START, UPI, Scenario

ASHA, RAVI = "cust_0000000000000001", "cust_0000000000000002"
KEPT = Approved(reference="bank_1", stored="kept_1")


def token(**changes: Any) -> Token:
    """A card of Asha's that the bank keeps."""
    values: dict[str, Any] = {
        "id": "tok_0000000000000001",
        "customer_id": ASHA,
        "merchant_id": MERCHANT,
        "mode": "test",
        "payment_id": "pay_0000000000000001",
        "processor": "bank",
        "instrument": replace(CARD, stored="kept_1"),
        "created_at": START,
        "updated_at": START,
    }
    return Token(**(values | changes))


def saving(**options: Any) -> Scenario:
    """An order of Asha's, paid by a card that is to be saved."""
    scenario = Scenario(customer_id=ASHA, **options)
    scenario.pay(CARD, save=True)
    return scenario


@pytest.mark.parametrize("capture", ["manual", "automatic"])
def test_a_token_comes_with_the_approval(capture: str) -> None:
    """Payment, token and events are one unit of work; the token is the customer's."""
    scenario = saving(capture=capture)
    assert scenario.payment.token_id is None
    scenario.carry_out(KEPT)

    work = scenario.decision.work
    assert work is not None
    [made] = work.tokens
    assert (ASHA, "bank", TokenState.ACTIVE) == (made.customer_id, made.processor, made.state)
    assert replace(CARD, stored="kept_1") == made.instrument
    assert made.id == scenario.payment.token_id
    assert ["payment.success", "token.created"] == scenario.events[:2]
    assert made.id == scenario.bodies[0]["data"]["payment"]["token_id"]
    assert token_object(made) == scenario.bodies[1]["data"]["token"]


def test_a_challenge_keeps_the_card_when_it_is_passed() -> None:
    """Nothing is kept while the shopper is asked; the approval afterwards brings the token."""
    scenario = saving()
    scenario.carry_out(RequiresAction(reference="bank_1", next_action='{"type":"redirect"}'))
    assert [] == scenario.tokens
    scenario.resume()
    scenario.begin()
    scenario.tell(KEPT)

    assert [scenario.payment.token_id] == [each.id for each in scenario.tokens]


@pytest.mark.parametrize("outcome", [Declined(), Approved(reference="bank_1")])
def test_without_a_kept_card_there_is_no_token(outcome: Approved | Declined) -> None:
    """A declined payment saves nothing; nor does a processor that kept nothing."""
    scenario = saving()
    scenario.carry_out(outcome)

    assert (None, []) == (scenario.payment.token_id, scenario.tokens)
    assert "token.created" not in scenario.events


def test_nothing_is_kept_that_was_not_asked_for() -> None:
    """A processor that keeps a card by itself makes no token."""
    scenario = Scenario(customer_id=ASHA)
    scenario.pay(CARD)
    scenario.carry_out(KEPT)

    assert (None, []) == (scenario.payment.token_id, scenario.tokens)


def test_a_late_approval_has_the_card_forgotten() -> None:
    """The payment failed and stays so: what the processor keeps of it is to be deleted there."""
    scenario = saving()
    scenario.carry_out(Declined())
    attempt = scenario.attempt
    scenario.tell(KEPT, attempt.id)

    [kept] = scenario.tokens
    assert (TokenState.DELETING, "kept_1") == (kept.state, kept.instrument.stored)
    assert scenario.payment.token_id is None
    assert [] == scenario.events
    scenario.tell(KEPT, attempt.id)
    assert 1 == len(scenario.tokens)


def test_a_token_is_charged_without_card_data() -> None:
    """The payment shows the card and the token; there is no sealed data to be lost or deleted."""
    scenario = Scenario(customer_id=ASHA)
    asked = token()
    payment = scenario.pay(asked.instrument, token=asked)
    scenario.carry_out()

    assert (ASHA, asked.id, "kept_1") == (
        payment.customer_id,
        payment.token_id,
        payment.instrument.stored,
    )
    assert not payment.instrument.is_card_data
    assert asked.id == scenario.payment.token_id
    assert scenario.decision.work is not None
    assert () == scenario.decision.work.sealed_deletions
    shown = payment_object(scenario.payment)
    assert ("card", "4242", asked.id) == (shown["method"], shown["card_last4"], shown["token_id"])
    assert "kept_1" not in str(shown)


@pytest.mark.parametrize(
    ("order_of", "payment_of", "owner", "refusal"),
    [
        (ASHA, None, ASHA, None),
        (None, ASHA, ASHA, None),
        (ASHA, ASHA, ASHA, None),
        (RAVI, None, ASHA, NotFound),
        (None, RAVI, ASHA, NotFound),
        (None, None, ASHA, NotFound),
        (RAVI, ASHA, ASHA, InvalidRequest),
    ],
)
def test_a_token_is_its_customers_alone(
    order_of: str | None,
    payment_of: str | None,
    owner: str,
    refusal: type[Exception] | None,
) -> None:
    """The order's customer, else the payment's own, must be the one whose card it is."""
    scenario = Scenario(customer_id=order_of)
    asked = token(customer_id=owner)
    if refusal is None:
        assert (
            owner == scenario.pay(asked.instrument, token=asked, customer_id=payment_of).customer_id
        )
        return
    with pytest.raises(refusal):
        scenario.pay(asked.instrument, token=asked, customer_id=payment_of)
    assert {} == scenario.state.payments


def test_what_cannot_be_saved_is_refused() -> None:
    """For nobody, and by a processor that keeps none."""
    with pytest.raises(InvalidRequest, match="customer_id is required") as nobody:
        Scenario().pay(CARD, save=True)
    with pytest.raises(InvalidRequest, match="cannot be saved") as nowhere:
        Scenario(customer_id=ASHA).pay(CARD, save=True, processor="two_step")

    assert ("customer_id", "save") == (nobody.value.field, nowhere.value.field)


@given(
    year=st.integers(2020, 2040),
    month=st.integers(1, 12),
    now=st.integers(1_577_836_800, 2_240_524_800).map(lambda at: datetime.fromtimestamp(at, UTC)),
    state=st.sampled_from(TokenState),
    asked_by=st.sampled_from([ASHA, RAVI, None]),
)
def test_who_can_be_charged_when(
    year: int, month: int, now: datetime, state: TokenState, asked_by: str | None
) -> None:
    """An active token by its customer to the end of the card's month; all else is refused."""
    card = replace(CARD, card_expiry_year=year, card_expiry_month=month, stored="kept_1")
    asked = token(instrument=card, state=state)
    if state != TokenState.ACTIVE or asked_by != ASHA:
        with pytest.raises(NotFound):
            chargeable(asked, asked_by, now)
    elif now.year * 12 + now.month > year * 12 + month:
        with pytest.raises(ExpiredCard):
            chargeable(asked, asked_by, now)
    else:
        assert asked is chargeable(asked, asked_by, now)


def test_a_customer_is_taken_off_the_payments() -> None:
    """Of a deleted customer's payments the money stays and the person goes; nobody else's."""
    scenario = Scenario(customer_id=ASHA)
    scenario.pay(UPI)
    scenario.carry_out()
    payer = Payer(name="Asha", email="asha@example.com", contact="+919876543210")
    paid = replace(scenario.payment, payer=payer)
    state = replace(scenario.state, payments={paid.id: paid})
    other = decisions.forget_payer(state, RAVI, scenario.moment())
    decision = decisions.forget_payer(state, ASHA, scenario.moment())

    assert other.work is None
    assert decision.work is not None
    assert ((paid.id,), (), ()) == (
        decision.work.nameless,
        decision.work.updates,
        decision.work.events,
    )
    assert replace(paid, payer=NOBODY) == decision.state.payments[paid.id]
    assert decisions.forget_payer(decision.state, ASHA, scenario.moment()).work is None


def test_what_the_processor_calls_it_does_not_show() -> None:
    """Neither in logs nor in answers."""
    shown = repr(token()) + str(token_object(token()))

    assert "kept_1" not in shown
