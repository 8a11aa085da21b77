"""How orders, payments and refunds look to merchants."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain import canonical_json
from gateway.domain.entities import Payer
from gateway.domain.instruments import Instrument
from gateway.domain.outcomes import Declined, RequiresAction
from gateway.domain.representation import (
    order_object,
    payment_object,
    refund_object,
    timestamp,
)
from tests.unit.scenario import AMOUNT, CARD, MERCHANT, Scenario, authorized, captured

AT = "2026-11-21T12:00:00.000Z"


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (None, None),
        (datetime(2026, 11, 21, 12, 0, tzinfo=UTC), AT),
        (datetime(2026, 11, 21, 12, 0, 0, 123_999, tzinfo=UTC), "2026-11-21T12:00:00.123Z"),
        (
            datetime(2026, 11, 21, 17, 30, tzinfo=timezone(timedelta(hours=5, minutes=30))),
            AT,
        ),
        (datetime(1, 1, 1, tzinfo=UTC), "0001-01-01T00:00:00.000Z"),
    ],
)
def test_times_are_rfc_3339_in_utc(moment: datetime | None, text: str | None) -> None:
    """With milliseconds and a Z, whatever zone they come in."""
    assert text == timestamp(moment)


@given(st.datetimes(timezones=st.just(UTC)))
def test_times_are_cut_to_milliseconds(moment: datetime) -> None:
    """As `isoformat` cuts them: nothing is rounded up into the next second."""
    cut = moment.isoformat(timespec="milliseconds")

    assert cut.replace("+00:00", "Z") == timestamp(moment)


def test_an_order_shows_what_the_contract_names() -> None:
    """What is paid and what is due add up to the amount."""
    scenario = captured(20_000)
    order = replace(scenario.order, notes='{"a":"b"}', receipt="r1")

    assert {
        "id": order.id,
        "merchant_id": str(MERCHANT),
        "amount": AMOUNT,
        "amount_paid": 20_000,
        "amount_due": 30_000,
        "attempts": 1,
        "currency": "INR",
        "receipt": "r1",
        "notes": {"a": "b"},
        "customer_id": None,
        "status": "paid",
        "capture": "manual",
        "expires_at": None,
        "return_url": None,
        "created_at": AT,
        "updated_at": AT,
    } == order_object(order)


def test_a_upi_payment_shows_what_the_contract_names() -> None:
    """`captured` is always there, and nothing that is internal."""
    scenario = authorized()
    payment = replace(scenario.payment, payer=Payer(name="A", email="a@b.c", contact="+91"))

    assert {
        "id": payment.id,
        "order_id": scenario.order.id,
        "amount": AMOUNT,
        "currency": "INR",
        "method": "upi",
        "vpa": "success@bank",
        "status": "success",
        "captured": False,
        "amount_authorized": AMOUNT,
        "amount_captured": 0,
        "amount_released": 0,
        "amount_refunded": 0,
        "refund_status": None,
        "customer_id": None,
        "token_id": None,
        "fee": 0,
        "tax": 0,
        "customer": {"name": "A", "email": "a@b.c", "contact": "+91"},
        "processor": "bank",
        "processor_reference": payment.processor_reference,
        "error_code": None,
        "error_description": None,
        "error_reason": None,
        "next_action": None,
        "notes": {},
        "created_at": AT,
        "updated_at": AT,
    } == payment_object(payment)


def test_a_card_payment_shows_the_mask_twice() -> None:
    """Nested and flat, for both kinds of readers."""
    scenario = Scenario()
    shown = payment_object(scenario.pay(CARD))

    assert {
        "network": "visa",
        "last4": "4242",
        "expiry_month": 12,
        "expiry_year": 2030,
    } == shown["card"]
    assert ("card", "visa", "4242") == tuple(
        shown[name] for name in ("method", "card_network", "card_last4")
    )
    assert "vpa" not in shown


@pytest.mark.parametrize(
    ("instrument", "expected"),
    [
        (Instrument(method="netbanking", bank="HDFC"), {"method": "netbanking", "bank": "HDFC"}),
        (Instrument(method="wallet", wallet="paytm"), {"method": "wallet", "wallet": "paytm"}),
    ],
)
def test_other_methods_show_their_own_field(
    instrument: Instrument, expected: dict[str, str]
) -> None:
    """And no other method's."""
    shown = payment_object(Scenario().pay(instrument))
    names = ("method", "vpa", "card", "bank", "wallet")

    assert expected == {name: shown[name] for name in names if name in shown}


def test_a_failed_payment_shows_why() -> None:
    """Code, text and a word for programs."""
    scenario = Scenario()
    scenario.pay()
    scenario.carry_out(Declined(code="PAYMENT_FAILED", description="No money", reason="no_funds"))
    shown = payment_object(scenario.payment)

    assert ("failed", "PAYMENT_FAILED", "No money", "no_funds") == tuple(
        shown[name] for name in ("status", "error_code", "error_description", "error_reason")
    )


def test_a_challenge_is_shown_as_an_object() -> None:
    """Not as the text it is stored as."""
    scenario = Scenario()
    scenario.pay()
    scenario.carry_out(RequiresAction(reference="b", next_action='{"type":"redirect","url":"/x"}'))

    assert {"type": "redirect", "url": "/x"} == payment_object(scenario.payment)["next_action"]


def test_a_refund_shows_what_the_contract_names() -> None:
    """`processed_at` once it is processed."""
    scenario = captured()
    refund = scenario.give_back(20_000)
    expected = {
        "id": refund.id,
        "payment_id": scenario.payment.id,
        "order_id": scenario.order.id,
        "amount": 20_000,
        "currency": "INR",
        "reason": None,
        "receipt": None,
        "notes": {},
        "status": "pending",
        "error_description": None,
        "created_at": AT,
        "updated_at": AT,
        "processed_at": None,
    }
    assert expected == refund_object(refund)

    scenario.carry_out()
    assert expected | {"status": "processed", "processed_at": AT} == refund_object(scenario.refund)


def test_every_object_takes_the_fast_way_to_bytes() -> None:
    """Plain types only: an enumeration's member would send each event the slow way."""
    scenario = captured()
    scenario.give_back()
    shown = (
        order_object(scenario.order),
        payment_object(scenario.payment),
        refund_object(scenario.refund),
    )
    for each in shown:
        assert type(each["status"]) is str
        assert orjson.dumps(each) == canonical_json.dumps(each)
