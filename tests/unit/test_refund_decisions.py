"""Refunds: of what is captured, and of authorizations that never will be."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.domain.decisions import RefundPayment, refund_payment
from gateway.domain.entities import PaymentStatus, RefundStatus
from gateway.domain.errors import InvalidRequest, InvalidState, OperationInProgress
from gateway.domain.jobs import JobKind
from gateway.domain.outcomes import Approved, Declined, Unknown
from tests.unit.scenario import (
    AMOUNT,
    POLICY,
    Scenario,
    amounts,
    authorized,
    captured,
    with_policy,
)


def test_a_refund_is_accepted_pending() -> None:
    """Its money is set aside at once, and the refunds' stream has a job for it."""
    scenario = captured()
    command = RefundPayment(
        refund_id="rfnd_AAAAAAAAAAAAAAAA",
        payment_id=scenario.payment.id,
        amount=20_000,
        reason="damaged",
        notes='{"ticket":"9"}',
    )
    refund = scenario.decide(refund_payment(scenario.state, command, scenario.moment(), POLICY))

    assert ("pending", 20_000, "INR", "damaged", '{"ticket":"9"}', None) == (
        refund.status,
        refund.amount,
        refund.currency,
        refund.reason,
        refund.notes,
        refund.processed_at,
    )
    assert 20_000 == scenario.payment.amount_refund_pending
    assert ("refund", "refund", 20_000, refund.id) == (
        scenario.operation.kind,
        scenario.operation.purpose,
        scenario.operation.amount,
        scenario.operation.refund_id,
    )
    assert scenario.decision.work is not None
    assert [JobKind.REFUNDS] == [job.kind for job in scenario.decision.work.jobs]


def test_an_accepted_refund_is_told_with_its_payment() -> None:
    """refund.created carries both."""
    scenario = captured()
    refund = scenario.give_back(20_000)
    (body,) = scenario.bodies

    assert ("refund.created", int(scenario.now.timestamp()), {"refund", "payment"}) == (
        body["event"],
        body["timestamp"],
        set(body["data"]),
    )
    assert (refund.id, "pending", 20_000) == tuple(
        body["data"]["refund"][name] for name in ("id", "status", "amount")
    )
    assert (scenario.payment.id, 0, None) == tuple(
        body["data"]["payment"][name] for name in ("id", "amount_refunded", "refund_status")
    )


def test_a_processed_refund_counts() -> None:
    """In part first, then in full; the payment stays a success and the order paid."""
    scenario = captured()
    scenario.give_back(20_000)
    scenario.carry_out()
    assert (RefundStatus.PROCESSED, scenario.now) == (
        scenario.refund.status,
        scenario.refund.processed_at,
    )
    assert (20_000, 0, "partial") == (
        scenario.payment.amount_refunded,
        scenario.payment.amount_refund_pending,
        scenario.payment.refund_status,
    )
    assert ["refund.processed"] == scenario.events

    assert 30_000 == scenario.give_back().amount
    scenario.carry_out()
    assert (AMOUNT, "full", "success", "paid", AMOUNT) == (
        scenario.payment.amount_refunded,
        scenario.payment.refund_status,
        scenario.payment.status,
        scenario.order.status,
        scenario.order.amount_paid,
    )
    assert "full" == scenario.bodies[0]["data"]["payment"]["refund_status"]


def test_a_failed_refund_gives_its_amount_back() -> None:
    """What was set aside can be refunded again."""
    scenario = captured()
    scenario.give_back()
    scenario.carry_out(Declined(description="The account is closed"))

    assert ("failed", "The account is closed", None) == (
        scenario.refund.status,
        scenario.refund.error_description,
        scenario.refund.processed_at,
    )
    assert ({"authorized": AMOUNT, "captured": AMOUNT}, ["refund.failed"]) == (
        amounts(scenario.payment),
        scenario.events,
    )
    assert "failed" == scenario.bodies[0]["data"]["refund"]["status"]
    scenario.give_back()


def test_refunds_side_by_side_never_exceed_what_was_captured() -> None:
    """Whether they are pending or their outcome is unknown."""
    scenario = captured()
    first = scenario.give_back(30_000)
    scenario.carry_out(Unknown(reason="timeout"))
    second = scenario.give_back(20_000)
    for amount in (1, None):
        with pytest.raises(InvalidRequest, match="Refund amount exceeds available amount"):
            scenario.give_back(amount)

    scenario.carry_out(Declined())
    assert ["failed", "processing"] == [
        scenario.state.refunds[each.id].status for each in (second, first)
    ]
    assert 20_000 == scenario.give_back().amount


@pytest.mark.parametrize("make", [captured, authorized])
@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (AMOUNT + 1, "Refund amount exceeds available amount"),
        (0, "amount must be at least 1"),
        (-1, "amount must be at least 1"),
        (-AMOUNT, "amount must be at least 1"),
    ],
)
def test_impossible_amounts_are_refused(
    make: Callable[[], Scenario], amount: int, text: str
) -> None:
    """More than there is, nothing, and less than nothing; the field is named."""
    with pytest.raises(InvalidRequest, match=text) as refused:
        make().give_back(amount)

    assert "amount" == refused.value.field


def test_of_a_partial_capture_only_what_was_captured_is_refunded() -> None:
    """The rest was never taken."""
    scenario = captured(20_000)
    with pytest.raises(InvalidRequest):
        scenario.give_back(20_001)

    assert 20_000 == scenario.give_back().amount


def pending() -> Scenario:
    scenario = Scenario()
    scenario.pay()
    return scenario


def failed() -> Scenario:
    scenario = pending()
    scenario.carry_out(Declined())
    return scenario


def cancelled() -> Scenario:
    scenario = authorized()
    scenario.void()
    scenario.carry_out()
    return scenario


@pytest.mark.parametrize("make", [pending, failed, cancelled])
def test_only_a_success_is_refunded(make: Callable[[], Scenario]) -> None:
    """Nothing was taken by others."""
    with pytest.raises(InvalidState, match="Payment not in refundable state"):
        make().give_back()


def test_refunds_are_limited() -> None:
    """Every loop has a limit."""
    scenario = captured(policy=with_policy(refunds_per_payment_max=2))
    scenario.give_back(1)
    scenario.give_back(1)
    with pytest.raises(InvalidState, match="refunded too often"):
        scenario.give_back(1)


def test_a_part_of_an_authorization_is_released_without_the_processor() -> None:
    """It adds to what is released, not to what is refunded; the rest can be captured."""
    scenario = authorized()
    refund = scenario.give_back(20_000)
    assert ("pending", "release", {"authorized": AMOUNT, "released": 20_000}) == (
        refund.status,
        scenario.operation.kind,
        amounts(scenario.payment),
    )
    scenario.begin()
    assert ("processed", ["refund.processed"]) == (scenario.refund.status, scenario.events)
    assert (0, None) == (scenario.payment.amount_refunded, scenario.payment.refund_status)

    with pytest.raises(InvalidRequest, match="Capture amount exceeds"):
        scenario.capture(30_001)
    scenario.capture()
    scenario.carry_out()
    assert {"authorized": AMOUNT, "captured": 30_000, "released": 20_000} == amounts(
        scenario.payment
    )


def test_a_release_that_is_still_waiting_can_no_longer_be_captured() -> None:
    """The money is set aside before anybody has begun it."""
    scenario = authorized()
    scenario.give_back(20_000)

    assert 30_000 == scenario.capture().amount


def test_the_last_part_of_an_authorization_voids_it() -> None:
    """The void is of all that the processor holds, also of what was released before."""
    scenario = authorized()
    scenario.give_back(20_000)
    scenario.begin()
    refund = scenario.give_back(30_000)
    assert ("void", "refund", AMOUNT, refund.id) == (
        scenario.operation.kind,
        scenario.operation.purpose,
        scenario.operation.amount,
        scenario.operation.refund_id,
    )
    with pytest.raises(OperationInProgress):
        scenario.capture()

    scenario.send()
    assert RefundStatus.PROCESSING == scenario.refund.status
    scenario.tell(Approved(reference="bank_2"))
    assert (PaymentStatus.CANCELLED, RefundStatus.PROCESSED) == (
        scenario.payment.status,
        scenario.refund.status,
    )
    assert ["payment.cancelled", "refund.processed"] == scenario.events
    assert {"authorized": AMOUNT, "released": AMOUNT} == amounts(scenario.payment)
    scenario.pay()


def test_a_failing_void_gives_the_last_part_back() -> None:
    """What was released before stays released, the rest can be captured again."""
    scenario = authorized()
    scenario.give_back(20_000)
    scenario.begin()
    scenario.give_back()
    scenario.carry_out(Declined(description="no"))

    assert (RefundStatus.FAILED, "no", ["refund.failed"]) == (
        scenario.refund.status,
        scenario.refund.error_description,
        scenario.events,
    )
    assert {"authorized": AMOUNT, "released": 20_000} == amounts(scenario.payment)
    assert 30_000 == scenario.capture().amount


@pytest.mark.parametrize("begin", [Scenario.capture, Scenario.void])
def test_what_becomes_of_an_authorization_is_decided_first(
    begin: Callable[[Scenario], object],
) -> None:
    """Whether a refund returns or releases depends on the open operation."""
    scenario = authorized()
    begin(scenario)
    with pytest.raises(OperationInProgress, match="Another operation is in progress"):
        scenario.give_back(1)


def test_what_is_captured_is_refunded_while_more_is_captured() -> None:
    """Refunds may run beside a capture, within what was captured."""
    scenario = captured(20_000)
    scenario.capture()
    scenario.give_back()

    assert {
        "authorized": AMOUNT,
        "captured": 20_000,
        "capture_pending": 30_000,
        "refund_pending": 20_000,
    } == amounts(scenario.payment)
