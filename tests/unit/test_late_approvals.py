"""Approvals of what is already final: they flip nothing, and are reversed."""

from __future__ import annotations

import json
from uuid import UUID

import pytest

from gateway.domain.decisions import Acknowledge, LookUp, Proceed
from gateway.domain.entities import Attempt, PaymentStatus
from gateway.domain.outcomes import (
    Approved,
    AttemptNotFound,
    CardDataLost,
    Outcome,
)
from tests.unit.operations import (
    APPROVED,
    CHALLENGE,
    DECLINED,
    REFUSED,
    TIMEOUT,
    Make,
    authorizing,
    capturing,
    charging,
    refunding,
    voiding,
    voiding_for_a_refund,
)
from tests.unit.scenario import (
    AMOUNT,
    CARD,
    LEASE_SECONDS,
    Scenario,
    amounts,
    with_policy,
)


@pytest.mark.parametrize(
    ("make", "kind"), [(authorizing, "void"), (charging, "refund"), (capturing, "refund")]
)
def test_a_late_approval_is_reversed_once(make: Make, kind: str) -> None:
    """It flips nothing: the money goes back, and somebody is told."""
    scenario = make()
    scenario.carry_out(DECLINED)
    failed, attempt = scenario.operation, scenario.attempt
    before = scenario.payment
    scenario.tell(APPROVED, attempt.id)

    assert (["late_approval"], []) == (scenario.audits, scenario.events)
    assert (before.status, amounts(before)) == (
        scenario.payment.status,
        amounts(scenario.payment),
    )
    assert (before.processor_reference or "bank_1") == scenario.payment.processor_reference
    assert (kind, "reversal", failed.amount, None) == (
        scenario.operation.kind,
        scenario.operation.purpose,
        scenario.operation.amount,
        scenario.operation.refund_id,
    )
    assert scenario.decision.work is not None
    details = json.loads(scenario.decision.work.audits[0].details)
    assert (failed.id, failed.kind, True) == tuple(
        details[name] for name in ("operation", "kind", "reversed")
    )
    scenario.tell(APPROVED, attempt.id)
    assert not scenario.wrote

    scenario.carry_out(Approved(reference="bank_2"))
    assert ("done", [], amounts(before)) == (
        scenario.operation.state,
        scenario.events,
        amounts(scenario.payment),
    )


def test_a_late_approval_does_not_touch_the_next_payment() -> None:
    """The first one is reversed while the second goes on."""
    scenario = authorizing()
    scenario.carry_out(DECLINED)
    attempt = scenario.attempt
    second = scenario.pay()
    operation = scenario.operation
    scenario.tell(APPROVED, attempt.id)

    assert second == scenario.payment
    assert isinstance(scenario.begin(operation.id), Proceed)
    assert isinstance(scenario.begin(), Proceed)


@pytest.mark.parametrize("make", [voiding, refunding, voiding_for_a_refund])
def test_what_gave_money_back_late_is_only_told(make: Make) -> None:
    """There is nothing to reverse; the operator learns that the books differ."""
    scenario = make()
    scenario.carry_out(DECLINED)
    before = scenario.state
    scenario.tell(APPROVED)

    assert (["late_approval"], before.operations) == (scenario.audits, scenario.state.operations)
    assert (before.payments, before.refunds) == (scenario.state.payments, scenario.state.refunds)


@pytest.mark.parametrize(
    "outcome", [TIMEOUT, CHALLENGE, REFUSED, AttemptNotFound(), CardDataLost()]
)
@pytest.mark.parametrize("end", [APPROVED, DECLINED])
def test_nothing_else_that_comes_late_matters(end: Outcome, outcome: Outcome) -> None:
    """A final payment stays what the merchant was told."""
    scenario = authorizing()
    scenario.carry_out(end)
    assert (None, False) == (scenario.tell(outcome), scenario.wrote)


def test_a_decline_after_the_approval_changes_nothing() -> None:
    """The money has moved."""
    scenario = charging()
    scenario.carry_out(APPROVED)
    scenario.tell(DECLINED)

    assert (False, PaymentStatus.SUCCESS) == (scenario.wrote, scenario.payment.status)


def test_a_reversal_that_fails_is_an_operators() -> None:
    """It is named with its amount, and the payment stays failed."""
    scenario = charging()
    scenario.carry_out(DECLINED)
    scenario.tell(APPROVED)
    scenario.carry_out(DECLINED)

    assert ["reversal_failed"] == scenario.audits
    assert scenario.decision.work is not None
    details = json.loads(scenario.decision.work.audits[0].details)
    assert (scenario.operation.id, "refund", AMOUNT) == (
        details["operation"],
        details["kind"],
        details["amount"],
    )
    assert PaymentStatus.FAILED == scenario.payment.status
    assert Acknowledge() == scenario.begin()


def replaced_by_another(make: Make) -> tuple[Scenario, Attempt]:
    """An operation whose first attempt surely failed and whose second is under way."""
    scenario = make()
    first = scenario.send()
    scenario.tell(REFUSED)
    scenario.wait(2)
    scenario.send()
    return scenario, first


@pytest.mark.parametrize(
    ("make", "kind"), [(authorizing, "void"), (charging, "refund"), (capturing, "refund")]
)
@pytest.mark.parametrize("end", [None, APPROVED, DECLINED])
def test_an_approval_of_a_replaced_attempt_is_reversed_once(
    make: Make, kind: str, end: Outcome | None
) -> None:
    """Whatever becomes of the newer one, before or after: only that counts for the payment."""
    scenario, first = replaced_by_another(make)
    operation = scenario.operation
    if end is not None:
        scenario.tell(end)
    before = scenario.state
    scenario.tell(Approved(reference="bank_late"), first.id)

    assert (["late_approval"], []) == (scenario.audits, scenario.events)
    assert (before.payments, before.order.status) == (
        scenario.state.payments,
        scenario.order.status,
    )
    reversal = scenario.operation
    assert (kind, "reversal", operation.amount, first.id) == (
        reversal.kind,
        reversal.purpose,
        reversal.amount,
        reversal.reverses,
    )
    scenario.tell(Approved(reference="bank_late"), first.id)
    assert not scenario.wrote

    sent = scenario.begin(reversal.id)
    assert isinstance(sent, Proceed)
    original = before.payments[operation.payment_id].processor_reference
    known = original if operation.kind == "capture" else "bank_late"
    assert known == sent.payment.processor_reference
    assert before.payments == scenario.state.payments
    scenario.tell(Approved(reference="bank_3"), sent.attempt.id)
    assert "done" == scenario.state.operations[reversal.id].state
    assert before.payments == scenario.state.payments


def test_the_reversal_is_looked_up_where_it_was_sent() -> None:
    """Its outcome may get lost like any other, and the payment is none of its business."""
    scenario, first = replaced_by_another(authorizing)
    scenario.tell(TIMEOUT)
    scenario.tell(Approved(reference="bank_late"), first.id)
    reversal = scenario.operation
    scenario.send()
    scenario.tell(TIMEOUT)
    asked = scenario.begin(reversal.id)

    assert isinstance(asked, LookUp)
    assert "bank_late" == asked.payment.processor_reference
    assert PaymentStatus.UNKNOWN == scenario.payment.status
    scenario.wait(LEASE_SECONDS)
    assert isinstance(scenario.tell(AttemptNotFound(), asked.attempt.id), Proceed)
    assert PaymentStatus.UNKNOWN == scenario.payment.status


def test_it_goes_back_from_where_it_was_taken() -> None:
    """The payment has moved on to another processor and another kind, and that one is not asked."""
    accounts = {"bank": UUID(int=1), "two_step": UUID(int=2)}
    policy = with_policy(account=lambda _merchant_id, _mode, name: accounts.get(name))
    scenario = Scenario(capture="automatic", policy=policy)
    scenario.pay(CARD, processor="bank", route=("two_step",))
    first = scenario.send()
    scenario.tell(REFUSED)
    second = scenario.attempt
    scenario.tell(Approved(reference="bank_late"), first.id)
    sent = scenario.begin()

    moved = scenario.state.operations[second.operation_id]
    assert ("two_step", "authorize") == (second.processor, moved.kind)
    assert isinstance(sent, Proceed)
    assert ("refund", "bank", UUID(int=1), "bank_late") == (
        sent.operation.kind,
        sent.attempt.processor,
        sent.attempt.processor_account_id,
        sent.payment.processor_reference,
    )
    assert ("two_step", UUID(int=2)) == (
        scenario.payment.processor,
        scenario.payment.processor_account_id,
    )


def test_the_card_that_came_with_it_is_forgotten_there() -> None:
    """The newer attempt's card is kept, and this one is to be deleted by its processor."""
    scenario = Scenario(customer_id="cust_0000000000000001")
    scenario.pay(CARD, save=True)
    first = scenario.send()
    scenario.tell(REFUSED)
    scenario.wait(2)
    scenario.send()
    scenario.tell(Approved(reference="bank_2", stored="card_2"))
    scenario.tell(Approved(reference="bank_late", stored="card_late"), first.id)

    assert [("card_2", "active"), ("card_late", "deleting")] == [
        (each.instrument.stored, each.state) for each in scenario.tokens
    ]


@pytest.mark.parametrize("make", [voiding, refunding, voiding_for_a_refund])
def test_what_gave_money_back_twice_is_only_told(make: Make) -> None:
    """The replaced attempt did it, too: an operator's, with what it cost in the books."""
    scenario, first = replaced_by_another(make)
    scenario.tell(APPROVED)
    before = scenario.state
    scenario.tell(Approved(reference="bank_late"), first.id)

    assert (["late_approval"], before.operations) == (scenario.audits, scenario.state.operations)
    assert (before.payments, before.refunds) == (scenario.state.payments, scenario.state.refunds)


@pytest.mark.parametrize(
    "outcome", [TIMEOUT, CHALLENGE, REFUSED, DECLINED, AttemptNotFound(), CardDataLost()]
)
def test_nothing_else_about_a_replaced_attempt_matters(outcome: Outcome) -> None:
    """It surely failed once, and the newer one is the operation's."""
    scenario, first = replaced_by_another(charging)
    assert (None, False) == (scenario.tell(outcome, first.id), scenario.wrote)
