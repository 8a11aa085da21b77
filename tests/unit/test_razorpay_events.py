"""Webhook bodies in Razorpay's form, made of the events that the rules emit."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain import canonical_json
from gateway.domain.entities import OrderStatus, Payer, Payment, PaymentStatus, RefundStatus
from gateway.domain.instruments import Instrument
from gateway.domain.outcomes import Declined
from gateway.domain.representation import order_object, payment_object, refund_object
from gateway.domain.work import Event
from gateway.web.razorpay_entities import order_entity, payment_entity, refund_entity
from gateway.web.razorpay_events import RAZORPAY_NAMES, account_id, razorpay_event
from tests.unit.scenario import AMOUNT, CARD, MERCHANT, START, Scenario, authorized, captured

AT = int(START.timestamp())


def told(scenario: Scenario) -> dict[str, Any]:
    """The events of the last decision in Razorpay's form, by our names."""
    work = scenario.decision.work
    assert work is not None
    return {event.type: rendered(event) for event in work.events}


def rendered(event: Event) -> Any:
    return json.loads(razorpay_event(event.body, event.merchant_id))


def payment_with(**fields: Any) -> dict[str, Any]:
    return payment_entity(payment_object(replace(authorized().payment, **fields)))


def test_an_authorized_payment() -> None:
    """The whole body, field by field: nothing is missing that Razorpay's has."""
    scenario = authorized()

    body = told(scenario)["payment.success"]

    assert {
        "entity": "event",
        "account_id": account_id(MERCHANT),
        "event": "payment.authorized",
        "contains": ["payment"],
        "payload": {
            "payment": {
                "entity": {
                    "id": scenario.payment.id,
                    "entity": "payment",
                    "amount": AMOUNT,
                    "currency": "INR",
                    "status": "authorized",
                    "order_id": scenario.order.id,
                    "invoice_id": None,
                    "international": False,
                    "method": "upi",
                    "amount_refunded": 0,
                    "refund_status": None,
                    "captured": False,
                    "description": None,
                    "card_id": None,
                    "bank": None,
                    "wallet": None,
                    "vpa": "success@bank",
                    "email": None,
                    "contact": None,
                    "customer_id": None,
                    "token_id": None,
                    "notes": [],
                    "fee": None,
                    "tax": None,
                    "error_code": None,
                    "error_description": None,
                    "error_source": None,
                    "error_step": None,
                    "error_reason": None,
                    "acquirer_data": {"auth_code": None, "arn": None, "rrn": None},
                    "created_at": AT,
                }
            }
        },
        "created_at": AT,
    } == body


def test_a_captured_payment_and_its_order() -> None:
    """The order is told of with its payment, the payment first."""
    scenario = captured()
    bodies = told(scenario)

    assert "payment.captured" == bodies["payment.captured"]["event"]
    paid = bodies["order.paid"]
    assert ("order.paid", ["payment", "order"]) == (paid["event"], paid["contains"])
    payment = paid["payload"]["payment"]["entity"]
    assert ("captured", True) == (payment["status"], payment["captured"])
    assert {
        "id": scenario.order.id,
        "entity": "order",
        "amount": AMOUNT,
        "amount_paid": AMOUNT,
        "amount_due": 0,
        "currency": "INR",
        "receipt": None,
        "offer_id": None,
        "status": "paid",
        "attempts": 1,
        "notes": [],
        "created_at": AT,
    } == paid["payload"]["order"]["entity"]


def test_a_refund_on_its_way_and_processed() -> None:
    """The refund and its payment, the refund first; in full it leaves the payment refunded."""
    scenario = captured()
    refund = scenario.give_back()
    created = told(scenario)["refund.created"]
    scenario.carry_out()
    processed = told(scenario)["refund.processed"]

    assert ["refund", "payment"] == created["contains"] == processed["contains"]
    assert {
        "id": refund.id,
        "entity": "refund",
        "amount": AMOUNT,
        "currency": "INR",
        "payment_id": scenario.payment.id,
        "notes": [],
        "receipt": None,
        "acquirer_data": {"arn": None},
        "created_at": AT,
        "batch_id": None,
        "status": "pending",
        "speed_processed": "normal",
        "speed_requested": "normal",
    } == created["payload"]["refund"]["entity"]
    assert "processed" == processed["payload"]["refund"]["entity"]["status"]
    payment = processed["payload"]["payment"]["entity"]
    assert ("refunded", AMOUNT, "full") == tuple(
        payment[name] for name in ("status", "amount_refunded", "refund_status")
    )


def test_a_failed_payment() -> None:
    """The reason is told in our words, the code in one that Razorpay's libraries know."""
    scenario = Scenario()
    scenario.pay(CARD)
    scenario.carry_out(Declined(code="EXPIRED_CARD", description="Expired", reason="expired_card"))

    body = told(scenario)["payment.failed"]

    payment = body["payload"]["payment"]["entity"]
    assert ("payment.failed", "failed", False) == (
        body["event"],
        payment["status"],
        payment["captured"],
    )
    assert {
        "error_code": "BAD_REQUEST_ERROR",
        "error_description": "Expired",
        "error_source": None,
        "error_step": "payment_authorization",
        "error_reason": "expired_card",
    } == {name: value for name, value in payment.items() if name.startswith("error_")}


@pytest.mark.parametrize(
    ("code", "shown", "source"),
    [
        (None, None, None),
        ("PAYMENT_FAILED", "BAD_REQUEST_ERROR", None),
        ("CARD_DATA_LOST", "BAD_REQUEST_ERROR", None),
        ("GATEWAY_ERROR", "GATEWAY_ERROR", "gateway"),
        ("SERVER_ERROR", "SERVER_ERROR", None),
    ],
)
def test_error_codes(code: str | None, shown: str | None, source: str | None) -> None:
    """The libraries know three and crash on any other."""
    payment = payment_with(error_code=code)

    assert (shown, source) == (payment["error_code"], payment["error_source"])


def test_a_failure_without_a_reason_has_one() -> None:
    """`payment_failed` is what Razorpay says then."""
    payment = payment_with(status=PaymentStatus.FAILED, error_reason=None)

    assert "payment_failed" == payment["error_reason"]


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"status": PaymentStatus.PENDING}, "created"),
        ({"status": PaymentStatus.PROCESSING}, "created"),
        ({"status": PaymentStatus.REQUIRES_ACTION}, "created"),
        ({"status": PaymentStatus.UNKNOWN}, "created"),
        ({}, "authorized"),
        ({"amount_captured": 1}, "captured"),
        ({"amount_captured": 2, "amount_refunded": 1}, "captured"),
        ({"amount_captured": 2, "amount_refunded": 2}, "refunded"),
        ({"status": PaymentStatus.CANCELLED}, "refunded"),
        ({"status": PaymentStatus.EXPIRED}, "refunded"),
        ({"status": PaymentStatus.FAILED}, "failed"),
    ],
)
def test_the_states_of_payments(fields: dict[str, Any], status: str) -> None:
    """Each state of ours is one of Razorpay's five."""
    assert status == payment_with(**fields)["status"]


@pytest.mark.parametrize("status", [PaymentStatus.CANCELLED, PaymentStatus.EXPIRED])
def test_a_voided_authorization_was_refunded(status: PaymentStatus) -> None:
    """The sums say the same as the state."""
    payment = payment_with(status=status, amount_released=AMOUNT)

    assert (AMOUNT, "full", False) == (
        payment["amount_refunded"],
        payment["refund_status"],
        payment["captured"],
    )


@pytest.mark.parametrize(
    ("status", "shown"),
    [
        (RefundStatus.PENDING, "pending"),
        (RefundStatus.PROCESSING, "pending"),
        (RefundStatus.PROCESSED, "processed"),
        (RefundStatus.FAILED, "failed"),
    ],
)
def test_the_states_of_refunds(status: RefundStatus, shown: str) -> None:
    """Razorpay has three."""
    scenario = captured()
    refund = replace(scenario.give_back(), status=status)

    assert shown == refund_entity(refund_object(refund))["status"]


@pytest.mark.parametrize(
    ("status", "attempts", "shown"),
    [
        (OrderStatus.CREATED, 0, "created"),
        (OrderStatus.ATTEMPTED, 1, "attempted"),
        (OrderStatus.PAID, 1, "paid"),
        (OrderStatus.CANCELLED, 0, "created"),
        (OrderStatus.EXPIRED, 2, "attempted"),
    ],
)
def test_the_states_of_orders(status: OrderStatus, attempts: int, shown: str) -> None:
    """Razorpay's orders neither expire nor are cancelled."""
    order = replace(Scenario().order, status=status, attempts=attempts)

    assert shown == order_entity(order_object(order))["status"]


@pytest.mark.parametrize(
    ("instrument", "shown"),
    [
        (Instrument(method="upi", vpa="a@bank"), {"vpa": "a@bank"}),
        (Instrument(method="netbanking", bank="HDFC"), {"bank": "HDFC"}),
        (Instrument(method="wallet", wallet="paytm"), {"wallet": "paytm"}),
        (CARD, {}),
    ],
)
def test_instruments(instrument: Instrument, shown: dict[str, str]) -> None:
    """The method's own field is set, the others are null."""
    payment = payment_with(instrument=instrument)

    assert {"bank": None, "wallet": None, "vpa": None, **shown} == {
        name: payment[name] for name in ("bank", "wallet", "vpa")
    }
    assert instrument.method == payment["method"]
    assert (instrument is CARD) == ("card" in payment)


@pytest.mark.parametrize(("network", "name"), [("visa", "Visa"), ("unknown", "Unknown")])
def test_a_card_and_who_pays(network: str, name: str) -> None:
    """Network, last four digits and the shopper, as the merchant gave them."""
    payment = payment_with(
        instrument=replace(CARD, card_network=network),
        payer=Payer(name="Asha", email="asha@example.com", contact="+919000090000"),
        notes='{"2":"b","1":"a"}',
    )

    card = payment["card"]
    assert (name, "4242", "Asha") == (card["network"], card["last4"], card["name"])
    assert ("asha@example.com", "+919000090000", {"2": "b", "1": "a"}) == (
        payment["email"],
        payment["contact"],
        payment["notes"],
    )


def test_a_test_has_the_form_without_entities() -> None:
    """Razorpay has no such event; whoever knows the form can read it."""
    body = canonical_json.dumps(
        {"event": "webhook.test", "timestamp": AT, "data": {"message": "This is a test webhook"}}
    )

    assert {
        "entity": "event",
        "account_id": account_id(MERCHANT),
        "event": "webhook.test",
        "contains": [],
        "payload": {},
        "created_at": AT,
    } == json.loads(razorpay_event(body, MERCHANT))


def test_every_event_of_an_order_can_be_told() -> None:
    """Those, too, that Razorpay does not know: the format may change while one is on its way."""
    scenario = Scenario()
    scenario.pay(CARD, capture="automatic")

    assert {"payment.created", "payment.pending"} == {
        body["event"] for body in told(scenario).values()
    }
    assert {"created"} == {
        body["payload"]["payment"]["entity"]["status"] for body in told(scenario).values()
    }


def test_a_dispute_and_its_payment() -> None:
    """Razorpay's name for the event, the payment first, times in unix seconds."""
    scenario = captured()
    dispute = scenario.dispute(20_000)

    body = told(scenario)["dispute.created"]

    assert ("payment.dispute.created", ["payment", "dispute"]) == (body["event"], body["contains"])
    assert {
        "id": dispute.id,
        "entity": "dispute",
        "payment_id": scenario.payment.id,
        "amount": 20_000,
        "currency": "INR",
        "amount_deducted": 0,
        "reason_code": "general",
        "respond_by": AT + 7 * 86_400,
        "status": "open",
        "phase": "chargeback",
        "evidence": {"amount": 20_000, "summary": None, "submitted_at": None},
        "created_at": AT,
    } == body["payload"]["dispute"]["entity"]


def test_the_account_is_the_merchants() -> None:
    """The same for ever, another one for another merchant, in the form of Razorpay's."""
    assert "acc_UVp2SYQ0Kp7cvb" == account_id(MERCHANT)
    accounts = {account_id(uuid4()) for _ in range(100)}
    assert 100 == len(accounts)
    assert all(re.fullmatch(r"acc_[A-Za-z0-9]{14}", each) for each in accounts)


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
NOTES = st.dictionaries(
    TEXTS | st.integers(0, 2**33).map(str),
    TEXTS | st.none() | st.booleans() | st.integers(-(2**53), 2**53),
    max_size=5,
)


@given(
    notes=NOTES,
    name=st.none() | TEXTS,
    amount=st.integers(1, 2**53),
    milliseconds=st.integers(0, 999),
    merchant_id=st.uuids(),
    event=st.sampled_from(sorted(RAZORPAY_NAMES)),
)
def test_the_bytes_are_canonical_and_always_the_same(
    notes: dict[str, Any],
    name: str | None,
    amount: int,
    milliseconds: int,
    merchant_id: UUID,
    event: str,
) -> None:
    """What a receiver parses and writes again is what was signed; each attempt has it anew."""
    payment: Payment = replace(
        authorized().payment,
        amount=amount,
        notes=json.dumps(notes),
        payer=Payer(name=name),
        created_at=START.replace(microsecond=milliseconds * 1_000),
    )
    data = {"payment": payment_object(payment)}
    stored = canonical_json.dumps({"event": event, "timestamp": AT, "data": data})

    body = razorpay_event(stored, merchant_id)

    assert body == razorpay_event(stored, merchant_id)
    assert body == canonical_json.dumps(json.loads(body))
    shown = json.loads(body)["payload"]["payment"]["entity"]
    assert (amount, notes or [], AT) == (shown["amount"], shown["notes"], shown["created_at"])
