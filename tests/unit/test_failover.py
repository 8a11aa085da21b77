"""A payment goes to the next processor of its route when the one before surely did nothing."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from gateway.domain.decisions import Acknowledge, LookUp, Proceed
from gateway.domain.entities import AttemptState, PaymentStatus
from gateway.domain.outcomes import Approved, AttemptNotFound, FailedSurely, Outcome
from tests.unit.operations import CHALLENGE, DECLINED, REFUSED, TIMEOUT
from tests.unit.scenario import CARD, LEASE_SECONDS, PROCESSORS, Scenario, with_policy

OPEN = FailedSurely(reason="circuit_open", retry_after_seconds=60)
STALLED = FailedSurely(reason="lease_too_short", is_ours=True)


def routed(*processors: str, capture: str = "manual", **options: object) -> Scenario:
    """An authorization at the first of these, begun; the others are its reserve."""
    scenario = Scenario(capture=capture, **options)
    scenario.pay(CARD, processor=processors[0], route=processors[1:])
    scenario.send()
    return scenario


@pytest.mark.parametrize("failure", [REFUSED, OPEN])
def test_a_sure_failure_goes_to_the_next_processor_at_once(failure: Outcome) -> None:
    """In the same unit of work: the failed attempt, the payment's processor, the new attempt."""
    scenario = routed("bank", "one_capture", "two_step")
    first = scenario.attempt
    told = scenario.tell(failure)

    assert isinstance(told, Proceed)
    assert (scenario.attempt, scenario.payment, scenario.operation) == (
        told.attempt,
        told.payment,
        told.operation,
    )
    assert ("one_capture", ("two_step",), PaymentStatus.PROCESSING) == (
        scenario.payment.processor,
        scenario.payment.route,
        scenario.payment.status,
    )
    assert (2, "one_capture", AttemptState.SENT) == (
        scenario.attempt.number,
        scenario.attempt.processor,
        scenario.attempt.state,
    )
    work = scenario.decision.work
    assert work is not None
    assert [(first.id, AttemptState.FAILED, "bank")] == [
        (each.id, each.state, each.processor) for each in work.updates if each.id == first.id
    ]
    assert ([], ()) == (scenario.events, work.jobs)
    scenario.tell(Approved(reference="other_1"))
    assert (PaymentStatus.SUCCESS, "other_1") == (
        scenario.payment.status,
        scenario.payment.processor_reference,
    )


def test_when_none_is_left_the_last_is_tried_again() -> None:
    """After 1, 2 and 4 seconds, as a payment that had only one."""
    scenario = routed("bank", "one_capture")
    scenario.tell(REFUSED)
    for retries in (1, 2, 3):
        assert scenario.tell(REFUSED) is None
        assert (retries, "open") == (scenario.operation.retries, scenario.operation.state)
        scenario.wait(4)
        scenario.send()
    scenario.tell(REFUSED)

    assert (PaymentStatus.FAILED, "one_capture", 5) == (
        scenario.payment.status,
        scenario.payment.processor,
        scenario.attempt.number,
    )


@pytest.mark.parametrize("outcome", [TIMEOUT, DECLINED, CHALLENGE])
def test_whatever_is_not_sure_stays_where_it_is(outcome: Outcome) -> None:
    """What may have happened, was refused or waits for the shopper is nobody else's."""
    scenario = routed("bank", "one_capture")

    assert scenario.tell(outcome) is None
    assert ("bank", ("one_capture",)) == (scenario.payment.processor, scenario.payment.route)


def test_an_unknown_outcome_never_moves() -> None:
    """Never heard of, it is sent again to the same processor; then no failure is sure any more."""
    scenario = routed("bank", "one_capture")
    scenario.tell(TIMEOUT)
    scenario.wait(LEASE_SECONDS)
    again = scenario.tell(AttemptNotFound())
    scenario.tell(REFUSED)

    assert again is not None
    assert ("bank", "bank", "unknown") == (
        again.attempt.processor,
        scenario.payment.processor,
        scenario.operation.state,
    )
    assert isinstance(scenario.begin(), LookUp)


def test_what_the_gateway_itself_could_not_begin_does_not_move() -> None:
    """Another processor would not change it."""
    scenario = routed("bank", "one_capture")

    assert scenario.tell(STALLED) is None
    assert ("bank", 1) == (scenario.payment.processor, scenario.operation.retries)


def test_captures_voids_and_refunds_stay() -> None:
    """They go to who has the money, however often that fails."""
    scenario = routed("bank", "one_capture")
    scenario.tell(Approved(reference="bank_1"))
    scenario.capture(20_000)
    scenario.carry_out(REFUSED)

    assert ("bank", "bank") == (scenario.payment.processor, scenario.attempt.processor)


@pytest.mark.parametrize(
    ("processors", "before", "after"),
    [
        (("bank", "two_step"), "charge", "authorize"),
        (("two_step", "bank"), "authorize", "charge"),
    ],
)
def test_the_next_processor_is_asked_in_its_own_way(
    processors: tuple[str, ...], before: str, after: str
) -> None:
    """A payment that is captured automatically needs one step or two; either way it is captured."""
    scenario = routed(*processors, capture="automatic")
    kinds = [scenario.operation.kind]
    told = scenario.tell(REFUSED)
    kinds.append(scenario.operation.kind)

    assert [before, after] == kinds
    assert told is not None
    assert after == told.operation.kind
    scenario.tell(Approved(reference="other_1"))
    if after == "authorize":
        assert "capture" == scenario.operation.kind
        scenario.carry_out()
    assert scenario.payment.amount == scenario.payment.amount_captured


def test_a_processor_that_cannot_be_used_any_more_is_passed_over() -> None:
    """It was taken away, or the merchant's account there was, since the payment was accepted."""
    account = UUID(int=1)
    accounts: dict[str, UUID] = {"one_capture": account, "two_step": account}
    own = {name: replace(PROCESSORS[name], shared_account=False) for name in accounts}
    policy = with_policy(
        processors={**PROCESSORS, **own},
        account=lambda _merchant_id, _mode, processor: accounts.get(processor),
    )
    scenario = routed("bank", "whole", "one_capture", "two_step", policy=policy)
    del accounts["one_capture"]
    left = {name: each for name, each in policy.processors.items() if name != "whole"}
    scenario.policy = replace(policy, processors=left)
    scenario.tell(REFUSED)

    assert ("two_step", (), account) == (
        scenario.payment.processor,
        scenario.payment.route,
        scenario.payment.processor_account_id,
    )
    assert account == scenario.attempt.processor_account_id
    scenario.tell(REFUSED)
    assert ("two_step", "open") == (scenario.payment.processor, scenario.operation.state)


def test_a_job_that_comes_again_meanwhile_sends_nothing() -> None:
    """The attempt at the second processor is in somebody's hands; then it is asked about there."""
    scenario = routed("bank", "one_capture", "two_step")
    scenario.tell(REFUSED)
    second = scenario.attempt

    assert isinstance(scenario.begin(), Acknowledge)
    scenario.wait(LEASE_SECONDS)
    instruction = scenario.begin()
    assert isinstance(instruction, LookUp)
    assert ("one_capture", second.id) == (instruction.attempt.processor, instruction.attempt.id)
