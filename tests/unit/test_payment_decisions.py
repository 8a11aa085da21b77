"""Payments: accepted, refused, and taken up again after a challenge."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.domain.entities import OperationKind, PaymentStatus
from gateway.domain.errors import InvalidState, NotFound
from gateway.domain.jobs import JobKind
from gateway.domain.outcomes import Approved, Declined, Outcome, RequiresAction, Unknown
from tests.unit.scenario import (
    AMOUNT,
    CARD,
    UPI,
    Scenario,
    amounts,
    authorized,
    captured,
    with_policy,
)

CHALLENGE = RequiresAction(reference="bank_1", next_action='{"type":"redirect"}')


def test_a_payment_is_accepted_pending() -> None:
    """It is for the order's whole amount, and the order counts the try."""
    scenario = Scenario()
    payment = scenario.pay(UPI)

    assert (PaymentStatus.PENDING, AMOUNT, "INR") == (
        payment.status,
        payment.amount,
        payment.currency,
    )
    assert ({}, False, None) == (amounts(payment), payment.captured, payment.refund_status)
    assert ("attempted", 1) == (scenario.order.status, scenario.order.attempts)


def test_an_accepted_payment_is_told_as_created_and_pending() -> None:
    """Two events, both with the payment as the answer shows it."""
    scenario = Scenario()
    payment = scenario.pay(UPI)

    assert ["payment.created", "payment.pending"] == scenario.events
    for body in scenario.bodies:
        assert {"payment"} == set(body["data"])
        assert (payment.id, "pending", False, "success@bank") == tuple(
            body["data"]["payment"][name] for name in ("id", "status", "captured", "vpa")
        )
        assert int(scenario.now.timestamp()) == body["timestamp"]
    assert scenario.decision.work is not None
    event = scenario.decision.work.events[0]
    assert (payment.id, scenario.order.id, None, "req_1") == (
        event.payment_id,
        event.order_id,
        event.refund_id,
        event.request_id,
    )


@pytest.mark.parametrize(
    ("capture", "processor", "kind"),
    [
        ("manual", "bank", OperationKind.AUTHORIZE),
        ("automatic", "bank", OperationKind.CHARGE),
        ("automatic", "two_step", OperationKind.AUTHORIZE),
    ],
)
def test_the_capture_mode_and_the_processor_decide_the_operation(
    capture: str, processor: str, kind: OperationKind
) -> None:
    """Only an automatic capture with a processor that can is charged in one step."""
    scenario = Scenario(capture=capture)
    scenario.pay(processor=processor)
    operation = scenario.operation

    assert (kind, "payment", AMOUNT, "open") == (
        operation.kind,
        operation.purpose,
        operation.amount,
        operation.state,
    )
    assert scenario.decision.work is not None
    (job,) = scenario.decision.work.jobs
    assert (JobKind.PAYMENTS, scenario.order.id, operation.id) == (
        job.kind,
        job.identity,
        job.subject,
    )
    assert operation.due_at is not None
    assert 30 == (operation.due_at - scenario.now).total_seconds()


def test_a_payment_may_choose_its_capture_mode() -> None:
    """It goes before the order's."""
    scenario = Scenario(capture="automatic")

    assert "manual" == scenario.pay(capture="manual").capture


def test_after_a_failure_another_payment_is_welcome() -> None:
    """The order counts both tries."""
    scenario = Scenario()
    scenario.pay()
    scenario.carry_out(Declined())
    scenario.pay()

    assert (2, 2) == (scenario.order.attempts, len(scenario.state.payments))


def in_progress(outcome: Outcome | None = None) -> Scenario:
    scenario = Scenario()
    scenario.pay()
    if outcome is not None:
        scenario.carry_out(outcome)
    return scenario


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (in_progress, "Another payment is in progress"),
        (lambda: in_progress(CHALLENGE), "Another payment is in progress"),
        (lambda: in_progress(Unknown(reason="timeout")), "Another payment is in progress"),
        (authorized, "Order already paid"),
        (captured, "Order already paid"),
        (lambda: captured(amount=1), "Order already paid"),
    ],
)
def test_a_second_payment_is_refused_while_one_is_alive(
    make: Callable[[], Scenario], text: str
) -> None:
    """An order takes one payment at a time, and one that succeeded is the last."""
    with pytest.raises(InvalidState, match=text):
        make().pay()


def test_an_order_that_is_over_takes_no_payment() -> None:
    """Cancelled, expired, or past its time although nobody has expired it yet."""
    cancelled = Scenario()
    cancelled.cancel()
    with pytest.raises(InvalidState, match="Order is cancelled"):
        cancelled.pay()
    late = Scenario(expires_in_seconds=60)
    late.wait(60)
    with pytest.raises(InvalidState, match="Order is expired"):
        late.pay()
    late.expire()
    with pytest.raises(InvalidState, match="Order is expired"):
        late.pay()


def test_an_order_stays_paid_after_its_refund() -> None:
    """And takes no other payment."""
    scenario = captured()
    scenario.give_back()
    scenario.carry_out()

    assert ("paid", "full") == (scenario.order.status, scenario.payment.refund_status)
    with pytest.raises(InvalidState, match="Order already paid"):
        scenario.pay()


def test_tries_are_limited() -> None:
    """Every loop has a limit, card testing's too."""
    scenario = Scenario(policy=with_policy(payments_per_order_max=2))
    for _ in range(2):
        scenario.pay()
        scenario.carry_out(Declined())
    with pytest.raises(InvalidState, match="Order has been tried too often"):
        scenario.pay()


def test_a_shopper_who_is_back_resumes_the_payment() -> None:
    """It is processing again, without an event, and somebody is to ask how it ended."""
    scenario = in_progress(CHALLENGE)
    payment = scenario.resume()

    assert (PaymentStatus.PROCESSING, None, None) == (
        payment.status,
        payment.next_action,
        payment.action_deadline,
    )
    assert ("resumed", []) == (scenario.attempt.state, scenario.events)
    assert scenario.decision.work is not None
    assert [scenario.operation.id] == [job.subject for job in scenario.decision.work.jobs]


def test_only_a_waiting_payment_is_resumed() -> None:
    """Not one that was never challenged, was resumed already, is final, or is another's."""
    scenario = in_progress()
    with pytest.raises(InvalidState, match="not waiting for the shopper"):
        scenario.resume()
    scenario.carry_out(CHALLENGE)
    scenario.resume()
    with pytest.raises(InvalidState, match="not waiting for the shopper"):
        scenario.resume()
    scenario.begin()
    scenario.tell(Approved(reference="bank_1"))
    with pytest.raises(InvalidState, match="not waiting for the shopper"):
        scenario.resume()
    with pytest.raises(NotFound, match="Payment not found"):
        scenario.resume("pay_AAAAAAAAAAAAAAAA")


def test_card_data_is_forgotten_with_the_final_outcome() -> None:
    """Approved or declined, the sealed card is deleted; while it may be sent again, it is kept."""
    for outcome, deleted in (
        (Approved(reference="bank_1"), True),
        (Declined(), True),
        (Unknown(reason="timeout"), False),
        (CHALLENGE, False),
    ):
        scenario = Scenario()
        payment = scenario.pay(CARD)
        scenario.carry_out(outcome)

        assert scenario.decision.work is not None
        assert ((payment.id,) if deleted else ()) == scenario.decision.work.sealed_deletions


def test_there_is_no_card_data_to_forget_of_others() -> None:
    """A UPI payment has nothing sealed."""
    scenario = in_progress(Approved(reference="bank_1"))

    assert scenario.decision.work is not None
    assert () == scenario.decision.work.sealed_deletions
