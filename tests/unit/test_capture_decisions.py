"""Captures, voids and the expiry of authorizations."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.domain.decisions import Moment, capture_payment, void_payment
from gateway.domain.entities import PaymentStatus
from gateway.domain.errors import InvalidRequest, InvalidState, NotFound, OperationInProgress
from gateway.domain.outcomes import Declined, Unknown
from tests.unit.scenario import (
    AMOUNT,
    POLICY,
    Scenario,
    amounts,
    authorized,
    captured,
    with_policy,
)

DAY = 86_400.0


def test_a_capture_takes_all_that_is_authorized() -> None:
    """What it will take is set aside at once; with the approval it is captured, the order paid."""
    scenario = authorized()
    operation = scenario.capture()

    assert ("capture", "capture", AMOUNT) == (operation.kind, operation.purpose, operation.amount)
    assert {"authorized": AMOUNT, "capture_pending": AMOUNT} == amounts(scenario.payment)
    assert ([], False) == (scenario.events, scenario.payment.captured)

    scenario.carry_out()
    assert {"authorized": AMOUNT, "captured": AMOUNT} == amounts(scenario.payment)
    assert (True, None) == (scenario.payment.captured, scenario.payment.capture_expires_at)
    assert ("paid", AMOUNT) == (scenario.order.status, scenario.order.amount_paid)
    assert ["payment.captured", "order.paid"] == scenario.events


def test_the_event_of_a_paid_order_shows_order_and_payment() -> None:
    """Both as they are after the capture."""
    body = captured().bodies[1]

    assert ("order.paid", "paid", AMOUNT, 0) == (
        body["event"],
        *(body["data"]["order"][name] for name in ("status", "amount_paid", "amount_due")),
    )
    assert (True, AMOUNT) == tuple(
        body["data"]["payment"][name] for name in ("captured", "amount_captured")
    )


def test_captures_go_on_as_long_as_something_is_left() -> None:
    """The order is paid with the first, counts each, and is told of once."""
    scenario = captured(20_000)
    assert (20_000, 30_000) == (scenario.order.amount_paid, scenario.payment.amount_capturable)
    assert scenario.payment.capture_expires_at is not None

    scenario.capture(10_000)
    scenario.carry_out()
    assert (["payment.captured"], 30_000) == (scenario.events, scenario.order.amount_paid)

    scenario.capture()
    scenario.carry_out()
    assert (AMOUNT, 0) == (scenario.order.amount_paid, scenario.payment.amount_capturable)
    with pytest.raises(InvalidState, match="Payment already captured"):
        scenario.capture()


@pytest.mark.parametrize("amount", [AMOUNT + 1, 10**15])
def test_no_more_is_captured_than_was_authorized(amount: int) -> None:
    """One unit above is too much."""
    with pytest.raises(InvalidRequest, match="Capture amount exceeds authorized amount") as refused:
        authorized().capture(amount)

    assert "amount" == refused.value.field


@pytest.mark.parametrize("amount", [0, -1, -AMOUNT])
def test_nothing_and_less_is_not_captured(amount: int) -> None:
    """A negative amount is no capture."""
    with pytest.raises(InvalidRequest, match="amount must be at least 1"):
        authorized().capture(amount)


def test_a_second_capture_waits_for_the_first() -> None:
    """One operation of a payment at a time, also when its outcome is unknown."""
    scenario = authorized()
    scenario.capture(1_000)
    for step in (scenario.capture, scenario.void):
        with pytest.raises(OperationInProgress, match="Another operation is in progress"):
            step()
    scenario.carry_out(Unknown(reason="timeout"))
    with pytest.raises(OperationInProgress):
        scenario.capture()


def test_a_declined_capture_frees_what_was_set_aside() -> None:
    """The payment stays authorized, and the next capture is welcome."""
    scenario = authorized()
    scenario.capture()
    scenario.carry_out(Declined(code="PAYMENT_FAILED", description="no"))

    assert {"authorized": AMOUNT} == amounts(scenario.payment)
    assert ("failed", "PAYMENT_FAILED", "no") == (
        scenario.operation.state,
        scenario.operation.error_code,
        scenario.operation.error_description,
    )
    assert (PaymentStatus.SUCCESS, None, []) == (
        scenario.payment.status,
        scenario.payment.error_code,
        scenario.events,
    )
    scenario.capture()


def unfinished() -> Scenario:
    scenario = Scenario()
    scenario.pay()
    return scenario


def failed() -> Scenario:
    scenario = unfinished()
    scenario.carry_out(Declined())
    return scenario


@pytest.mark.parametrize("make", [unfinished, failed])
def test_only_an_authorization_is_captured_or_voided(make: Callable[[], Scenario]) -> None:
    """A payment that is pending or failed has nothing to take or give back."""
    with pytest.raises(InvalidState, match="Payment not in capturable state"):
        make().capture()
    with pytest.raises(InvalidState, match="Payment not in cancellable state"):
        make().void()


def test_unknown_payments_are_not_found() -> None:
    """By each command that names one."""
    scenario = authorized()
    steps = (scenario.capture, scenario.void, scenario.expire_payment, scenario.give_back)
    for step in steps:
        with pytest.raises(NotFound, match="Payment not found"):
            step(payment_id="pay_AAAAAAAAAAAAAAAA")


def test_a_processor_that_captures_only_the_whole_is_asked_for_no_part() -> None:
    """Neither by an amount nor because some was released before."""
    with pytest.raises(InvalidRequest, match="captures only the whole amount"):
        authorized(processor="whole").capture(1_000)
    released = authorized(processor="whole")
    released.give_back(1_000)
    with pytest.raises(InvalidRequest, match="captures only the whole amount"):
        released.capture()

    assert AMOUNT == authorized(processor="whole").capture(AMOUNT).amount


def test_a_processor_that_captures_once_releases_the_rest() -> None:
    """After a partial capture nothing is left."""
    scenario = captured(20_000, processor="one_capture")

    assert {"authorized": AMOUNT, "captured": 20_000, "released": 30_000} == amounts(
        scenario.payment
    )
    assert scenario.payment.capture_expires_at is None
    with pytest.raises(InvalidState, match="Payment already captured"):
        scenario.capture()


def test_a_void_gives_the_authorization_back() -> None:
    """The payment is cancelled with the approval; the order takes another one."""
    scenario = authorized()
    operation = scenario.void()
    assert ("void", "cancel", AMOUNT, []) == (
        operation.kind,
        operation.purpose,
        operation.amount,
        scenario.events,
    )

    scenario.carry_out()
    assert (PaymentStatus.CANCELLED, "attempted") == (
        scenario.payment.status,
        scenario.order.status,
    )
    assert {"authorized": AMOUNT, "released": AMOUNT} == amounts(scenario.payment)
    assert (["payment.cancelled"], None) == (scenario.events, scenario.payment.capture_expires_at)
    with pytest.raises(InvalidState, match="Payment not in cancellable state"):
        scenario.void()
    scenario.pay()


def test_a_declined_void_leaves_the_authorization() -> None:
    """It can still be captured."""
    scenario = authorized()
    scenario.void()
    scenario.carry_out(Declined())

    assert (PaymentStatus.SUCCESS, {"authorized": AMOUNT}, []) == (
        scenario.payment.status,
        amounts(scenario.payment),
        scenario.events,
    )
    scenario.capture()


def test_what_is_captured_is_not_voided() -> None:
    """Not even its rest: that is the expiry's."""
    with pytest.raises(InvalidState, match="Payment already captured"):
        captured(1_000).void()


def test_a_waiting_request_names_the_format_of_its_answer() -> None:
    """So that whoever records the outcome can answer it."""
    scenario = authorized()
    moment = Moment(now=scenario.now, real_now=scenario.real_now, surface="v1.capture")
    payment_id = scenario.payment.id

    assert "v1.capture" == (
        capture_payment(scenario.state, payment_id, None, moment, POLICY).result.surface
    )
    assert "v1.capture" == void_payment(scenario.state, payment_id, moment, POLICY).result.surface


def test_an_authorization_expires_when_its_window_is_over() -> None:
    """After seven days it is voided, and then expired."""
    scenario = authorized()
    scenario.wait(7 * DAY - 1)
    assert (None, False) == (scenario.expire_payment(), scenario.wrote)

    scenario.wait(1)
    operation = scenario.expire_payment()
    assert operation is not None
    assert ("void", "expire", AMOUNT) == (operation.kind, operation.purpose, operation.amount)
    assert (None, False) == (scenario.expire_payment(), scenario.wrote)

    scenario.carry_out()
    assert (PaymentStatus.EXPIRED, ["payment.expired"]) == (
        scenario.payment.status,
        scenario.events,
    )
    assert AMOUNT == scenario.bodies[0]["data"]["payment"]["amount_released"]


def test_what_was_not_captured_in_time_is_released() -> None:
    """After a partial capture the payment stays a success, and nobody is told of a release."""
    scenario = captured(20_000)
    scenario.wait(7 * DAY)
    operation = scenario.expire_payment()
    assert operation is not None
    assert 30_000 == operation.amount

    scenario.carry_out()
    assert (PaymentStatus.SUCCESS, []) == (scenario.payment.status, scenario.events)
    assert {"authorized": AMOUNT, "captured": 20_000, "released": 30_000} == amounts(
        scenario.payment
    )
    assert 20_000 == scenario.order.amount_paid


def test_expiry_steps_back_while_an_operation_is_open() -> None:
    """The capture's outcome decides; after a declined one it expires."""
    scenario = authorized()
    scenario.capture()
    scenario.wait(8 * DAY)
    assert (None, False) == (scenario.expire_payment(), scenario.wrote)

    scenario.carry_out(Declined())
    assert scenario.expire_payment() is not None


def test_an_expiry_the_processor_refuses_is_tried_again_a_limited_time() -> None:
    """Once a day; at the end an operator is told."""
    scenario = authorized(policy=with_policy(expiry_voids_max=3))
    scenario.wait(7 * DAY)
    for number in range(3):
        assert scenario.expire_payment() is not None
        scenario.carry_out(Declined())
        again = scenario.payment.capture_expires_at
        assert (number == 2) == (again is None) == (["expiry_failed"] == scenario.audits)
        scenario.wait(DAY)

    assert (None, False) == (scenario.expire_payment(), scenario.wrote)
    assert PaymentStatus.SUCCESS == scenario.payment.status
