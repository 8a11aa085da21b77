"""Approvals of what is already final: they flip nothing, and are reversed."""

from __future__ import annotations

import json

import pytest

from gateway.domain.decisions import Acknowledge, Proceed
from gateway.domain.entities import PaymentStatus
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
    amounts,
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
