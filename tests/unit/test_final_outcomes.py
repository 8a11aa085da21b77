"""Approvals and declines, for each kind of operation, told once and twice."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway.domain.entities import OrderStatus, PaymentStatus
from gateway.domain.errors import NotFound
from gateway.domain.outcomes import (
    Approved,
    Declined,
    Outcome,
)
from tests.unit.operations import (
    APPROVED,
    DAY,
    DECLINED,
    REFUSED,
    TIMEOUT,
    Make,
    authorizing,
    capturing,
    charging,
    each_kind,
    each_payment,
    refunding,
    voiding,
    voiding_for_a_refund,
)
from tests.unit.scenario import (
    AMOUNT,
    Scenario,
    amounts,
)


@pytest.mark.parametrize(
    ("make", "status", "sums", "events"),
    [
        (authorizing, "success", {"authorized": AMOUNT}, ["payment.success"]),
        (
            charging,
            "success",
            {"authorized": AMOUNT, "captured": AMOUNT},
            ["payment.success", "payment.captured", "order.paid"],
        ),
        (
            capturing,
            "success",
            {"authorized": AMOUNT, "captured": 20_000},
            ["payment.captured", "order.paid"],
        ),
        (voiding, "cancelled", {"authorized": AMOUNT, "released": AMOUNT}, ["payment.cancelled"]),
        (
            refunding,
            "success",
            {"authorized": AMOUNT, "captured": AMOUNT, "refunded": 20_000},
            ["refund.processed"],
        ),
        (
            voiding_for_a_refund,
            "cancelled",
            {"authorized": AMOUNT, "released": AMOUNT},
            ["payment.cancelled", "refund.processed"],
        ),
    ],
)
def test_an_approval_makes_it_true(
    make: Make, status: str, sums: dict[str, int], events: list[str]
) -> None:
    """Payment, sums, attempt and events, for each kind of operation."""
    scenario = make()
    scenario.carry_out(APPROVED)

    assert (status, sums, events) == (
        scenario.payment.status,
        amounts(scenario.payment),
        scenario.events,
    )
    assert ("done", None) == (scenario.operation.state, scenario.operation.due_at)
    attempt = scenario.attempt
    assert ("approved", "bank_1", scenario.now) == (
        attempt.state,
        attempt.processor_reference,
        attempt.finished_at,
    )


def test_an_authorization_keeps_the_processors_reference_and_a_window() -> None:
    """What follows it names the reference; after seven days it expires."""
    scenario = authorizing()
    scenario.carry_out(APPROVED)
    payment = scenario.payment

    assert ("bank_1", False) == (payment.processor_reference, payment.captured)
    assert scenario.now + timedelta(days=7) == payment.capture_expires_at
    assert ("attempted", 0) == (scenario.order.status, scenario.order.amount_paid)


def test_a_charge_needs_no_window() -> None:
    """Nothing is left to capture, and the order is paid."""
    scenario = charging()
    scenario.carry_out(APPROVED)

    assert (None, True) == (scenario.payment.capture_expires_at, scenario.payment.captured)
    assert (OrderStatus.PAID, AMOUNT) == (scenario.order.status, scenario.order.amount_paid)
    assert [True, True, True] == [each["data"]["payment"]["captured"] for each in scenario.bodies]


def test_an_automatic_capture_in_two_steps_follows_at_once() -> None:
    """The authorization's unit of work holds the capture and its job."""
    scenario = Scenario(capture="automatic", processor="two_step")
    scenario.pay()
    scenario.carry_out(APPROVED)

    assert ["payment.success"] == scenario.events
    assert ("capture", "capture", AMOUNT) == (
        scenario.operation.kind,
        scenario.operation.purpose,
        scenario.operation.amount,
    )
    assert {"authorized": AMOUNT, "capture_pending": AMOUNT} == amounts(scenario.payment)

    scenario.carry_out(Approved(reference="bank_2"))
    assert ["payment.captured", "order.paid"] == scenario.events
    assert "bank_1" == scenario.payment.processor_reference


@each_payment
def test_a_decline_fails_the_payment(make: Make) -> None:
    """With the processor's reason, and the order takes another payment."""
    scenario = make()
    scenario.carry_out(DECLINED)
    payment = scenario.payment

    assert (PaymentStatus.FAILED, "PAYMENT_FAILED", "Not enough money", "no_funds") == (
        payment.status,
        payment.error_code,
        payment.error_description,
        payment.error_reason,
    )
    assert (["payment.failed"], {}) == (scenario.events, amounts(payment))
    assert ("failed", "declined", "no_funds") == (
        scenario.operation.state,
        scenario.attempt.state,
        scenario.attempt.reason,
    )
    assert "PAYMENT_FAILED" == scenario.bodies[0]["data"]["payment"]["error_code"]
    scenario.pay()


@pytest.mark.parametrize(
    ("make", "sums", "events"),
    [
        (capturing, {"authorized": AMOUNT}, []),
        (voiding, {"authorized": AMOUNT}, []),
        (refunding, {"authorized": AMOUNT, "captured": AMOUNT}, ["refund.failed"]),
        (voiding_for_a_refund, {"authorized": AMOUNT}, ["refund.failed"]),
    ],
)
def test_a_decline_of_what_follows_frees_what_was_set_aside(
    make: Make, sums: dict[str, int], events: list[str]
) -> None:
    """The payment stays a success without an error of its own."""
    scenario = make()
    scenario.carry_out(DECLINED)

    assert (sums, events) == (amounts(scenario.payment), scenario.events)
    assert (PaymentStatus.SUCCESS, None) == (scenario.payment.status, scenario.payment.error_code)
    assert ("failed", "Not enough money") == (
        scenario.operation.state,
        scenario.operation.error_description,
    )


@each_kind
@pytest.mark.parametrize("outcome", [APPROVED, DECLINED, REFUSED, TIMEOUT], ids=type)
def test_telling_it_twice_changes_nothing_the_second_time(make: Make, outcome: Outcome) -> None:
    """No row, no event, no version: also when time has passed between an end and its repeat."""
    scenario = make()
    scenario.carry_out(outcome)
    scenario.tell(outcome)
    assert not scenario.wrote

    if isinstance(outcome, Approved | Declined):
        scenario.wait(30 * DAY)
        scenario.tell(outcome)
        assert not scenario.wrote


def test_an_attempt_of_another_order_is_not_found() -> None:
    """As is one that never was."""
    scenario = authorizing()
    scenario.send()
    with pytest.raises(NotFound, match="Attempt not found"):
        scenario.tell(APPROVED, "att_AAAAAAAAAAAAAAAA")
