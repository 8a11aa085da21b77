"""Outcomes that nobody knows: the schedule of asking, and sending again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway.domain.decisions import LookUp
from gateway.domain.entities import OperationState, PaymentStatus
from gateway.domain.outcomes import (
    AttemptNotFound,
    FailedSurely,
    Outcome,
    Unknown,
)
from tests.unit.operations import (
    APPROVED,
    DAY,
    DECLINED,
    TIMEOUT,
    Make,
    authorizing,
    each_follower,
    each_kind,
    each_payment,
)
from tests.unit.scenario import (
    LEASE_SECONDS,
)

NOT_ASKED = Unknown(reason="circuit_open", retry_after_seconds=60, answered=False)


@each_payment
def test_a_timeout_is_unknown_and_not_failed(make: Make) -> None:
    """The shopper is told, and no other payment is taken meanwhile."""
    scenario = make()
    scenario.carry_out(TIMEOUT)

    assert (PaymentStatus.UNKNOWN, ["payment.unknown"]) == (
        scenario.payment.status,
        scenario.events,
    )
    assert ("unknown", "unknown", "timeout") == (
        scenario.operation.state,
        scenario.attempt.state,
        scenario.attempt.reason,
    )
    assert "unknown" == scenario.bodies[0]["data"]["payment"]["status"]


@each_kind
def test_the_processors_own_name_is_kept_to_ask_by_it(make: Make) -> None:
    """Such as of a payment held for review; an answer without one takes nothing away."""
    scenario = make()
    scenario.carry_out(Unknown(reason="held_for_review", reference="2228446239"))
    scenario.wait(DAY)
    scenario.tell(TIMEOUT)

    assert ("unknown", "2228446239") == (
        scenario.attempt.state,
        scenario.attempt.processor_reference,
    )


@each_follower
def test_an_unknown_outcome_of_what_follows_keeps_the_payment(make: Make) -> None:
    """The operation alone is unknown, and what was set aside stays so."""
    scenario = make()
    before = scenario.payment
    scenario.carry_out(TIMEOUT)

    assert (before, "unknown", []) == (
        scenario.payment,
        scenario.operation.state,
        scenario.events,
    )


@each_kind
def test_the_schedule_of_an_unknown_outcome(make: Make) -> None:
    """Asked after 10 s, 1 m, 5 m, 1 h, then daily five times; then it is an operator's."""
    scenario = make()
    scenario.carry_out(TIMEOUT)
    for asked, seconds in enumerate((10, 60, 300, 3_600, DAY, DAY, DAY, DAY, DAY)):
        assert scenario.now + timedelta(seconds=seconds) == scenario.operation.due_at
        assert asked == scenario.operation.lookups
        scenario.wait(seconds)
        assert isinstance(scenario.begin(), LookUp)
        scenario.tell(TIMEOUT)
        assert [] == scenario.events

    assert ("unknown", None, 9) == (
        scenario.operation.state,
        scenario.operation.due_at,
        scenario.operation.lookups,
    )
    scenario.wait(365 * DAY)
    scenario.tell(TIMEOUT)
    assert not scenario.wrote

    assert isinstance(scenario.begin(), LookUp)
    scenario.tell(APPROVED)
    assert OperationState.DONE == scenario.operation.state


def test_asking_before_its_time_uses_up_no_question() -> None:
    """However often a merchant wants to go on meanwhile."""
    scenario = authorizing()
    scenario.carry_out(TIMEOUT)
    due_at = scenario.operation.due_at
    for _ in range(20):
        assert isinstance(scenario.begin(), LookUp)
        scenario.tell(TIMEOUT)
        assert not scenario.wrote

    assert (0, due_at) == (scenario.operation.lookups, scenario.operation.due_at)


@each_kind
def test_a_question_that_a_breaker_refuses_is_put_off(make: Make) -> None:
    """It uses up none of the questions; the schedule goes on where it was."""
    scenario = make()
    scenario.carry_out(TIMEOUT)
    scenario.wait(10)
    for _ in range(3):
        assert isinstance(scenario.begin(), LookUp)
        scenario.tell(NOT_ASKED)
        due_at = scenario.operation.due_at
        assert due_at is not None
        assert timedelta(seconds=60) <= due_at - scenario.now < timedelta(seconds=75)
        assert (0, []) == (scenario.operation.lookups, scenario.events)
        scenario.wait(75)
    scenario.begin()
    scenario.tell(TIMEOUT)

    assert (1, scenario.now + timedelta(seconds=60)) == (
        scenario.operation.lookups,
        scenario.operation.due_at,
    )


def test_a_question_that_is_never_let_through_is_an_operators_in_the_end() -> None:
    """After as long as the schedule would have taken, asked ever rarer."""
    scenario = authorizing()
    scenario.carry_out(TIMEOUT)
    scenario.wait(10)
    times = 0
    while scenario.operation.due_at is not None:
        scenario.wait(max(0.0, (scenario.operation.due_at - scenario.now).total_seconds()))
        scenario.tell(NOT_ASKED)
        times += 1

    waited = scenario.now - scenario.attempt.sent_at
    assert timedelta(days=5) < waited < timedelta(days=8)
    assert ("unknown", 0) == (scenario.operation.state, scenario.operation.lookups)
    assert times < 60
    scenario.begin()
    scenario.tell(APPROVED)
    assert OperationState.DONE == scenario.operation.state


def test_what_was_never_heard_of_and_is_refused_then_is_asked_about_again() -> None:
    """Sent twice, it is not sure any more what a failure speaks of."""
    scenario = authorizing()
    scenario.send()
    scenario.wait(LEASE_SECONDS)
    scenario.begin()
    scenario.tell(AttemptNotFound())
    scenario.tell(FailedSurely(reason="circuit_open", retry_after_seconds=60))

    assert scenario.operation.due_at is not None
    assert ("unknown", "circuit_open", True) == (
        scenario.operation.state,
        scenario.attempt.reason,
        scenario.operation.due_at - scenario.now >= timedelta(seconds=60),
    )


@pytest.mark.parametrize(("outcome", "status"), [(APPROVED, "success"), (DECLINED, "failed")])
def test_a_lookup_ends_what_was_unknown(outcome: Outcome, status: str) -> None:
    """As if it had been answered at once."""
    scenario = authorizing()
    scenario.carry_out(TIMEOUT)
    scenario.wait(10)
    scenario.begin()
    scenario.tell(outcome)

    assert (status, [f"payment.{status}"]) == (scenario.payment.status, scenario.events)


def test_what_the_processor_never_heard_of_is_sent_again_under_its_reference() -> None:
    """The holder of the lookup sends it, under a lease as any other."""
    scenario = authorizing()
    attempt = scenario.send()
    scenario.tell(TIMEOUT)
    scenario.wait(LEASE_SECONDS)
    scenario.begin()
    assert scenario.tell(AttemptNotFound())

    assert (attempt.id, 1, "sent") == (
        scenario.attempt.id,
        scenario.attempt.number,
        scenario.attempt.state,
    )
    assert scenario.real_now + timedelta(seconds=LEASE_SECONDS) == scenario.attempt.lease_until
    assert ("open", PaymentStatus.PROCESSING) == (
        scenario.operation.state,
        scenario.payment.status,
    )
    scenario.tell(APPROVED)
    assert PaymentStatus.SUCCESS == scenario.payment.status


def test_not_found_is_believed_only_after_the_lease() -> None:
    """The call may still be on its way: it counts as one more unknown answer."""
    scenario = authorizing()
    scenario.carry_out(TIMEOUT)
    scenario.wait(10)
    scenario.begin()
    assert not scenario.tell(AttemptNotFound())
    assert ("unknown", 1) == (scenario.operation.state, scenario.operation.lookups)

    scenario.wait(60)
    scenario.begin()
    assert scenario.tell(AttemptNotFound())


def test_two_lookups_send_it_again_once() -> None:
    """While somebody sends, nobody else is told to."""
    scenario = authorizing()
    scenario.send()
    scenario.wait(LEASE_SECONDS)
    assert isinstance(scenario.begin(), LookUp)
    assert isinstance(scenario.begin(), LookUp)
    assert scenario.tell(AttemptNotFound())

    assert (None, False) == (scenario.tell(AttemptNotFound()), scenario.wrote)


def test_a_processor_that_loses_everything_is_not_sent_it_for_ever() -> None:
    """Sending again does not start the schedule anew."""
    scenario = authorizing()
    scenario.carry_out(TIMEOUT)
    sendings = 0
    while scenario.operation.due_at is not None:
        wait = scenario.operation.due_at - scenario.now
        scenario.wait(max(wait.total_seconds(), LEASE_SECONDS))
        scenario.begin()
        if scenario.tell(AttemptNotFound()):
            sendings += 1
            scenario.tell(TIMEOUT)

    assert (9, "unknown") == (sendings, scenario.operation.state)
