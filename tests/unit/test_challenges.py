"""Challenges: the shopper returns, comes late, or never."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway.domain.entities import PaymentStatus
from gateway.domain.outcomes import (
    AttemptNotFound,
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
    each_follower,
)
from tests.unit.scenario import (
    LEASE_SECONDS,
    POLICY,
)


def test_a_challenge_waits_for_the_shopper() -> None:
    """The deadline runs from now, not from the payment's beginning."""
    scenario = authorizing()
    scenario.wait(3_600)
    scenario.carry_out(CHALLENGE)
    deadline = scenario.now + timedelta(seconds=POLICY.action_seconds)

    assert ("requires_action", '{"type":"redirect"}', deadline) == (
        scenario.payment.status,
        scenario.payment.next_action,
        scenario.payment.action_deadline,
    )
    assert ("open", deadline) == (scenario.operation.state, scenario.operation.due_at)
    assert ["payment.requires_action"] == scenario.events
    assert {"type": "redirect"} == scenario.bodies[0]["data"]["payment"]["next_action"]


def test_a_challenge_told_twice_is_told_once() -> None:
    """Neither the deadline moves nor another event goes out."""
    scenario = authorizing()
    scenario.carry_out(CHALLENGE)
    scenario.wait(60)
    scenario.tell(CHALLENGE)

    assert not scenario.wrote


@pytest.mark.parametrize(("outcome", "status"), [(APPROVED, "success"), (DECLINED, "failed")])
def test_a_challenge_ends_with_its_outcome(outcome: Outcome, status: str) -> None:
    """What the shopper had to do is gone."""
    scenario = authorizing()
    scenario.carry_out(CHALLENGE)
    scenario.resume()
    scenario.begin()
    scenario.tell(outcome)

    assert (status, None, None) == (
        scenario.payment.status,
        scenario.payment.next_action,
        scenario.payment.action_deadline,
    )


@pytest.mark.parametrize("outcome", [CHALLENGE, TIMEOUT, AttemptNotFound(), REFUSED], ids=type)
def test_old_news_do_not_undo_the_shoppers_return(outcome: Outcome) -> None:
    """Nobody has asked since: only a final answer counts."""
    scenario = authorizing()
    scenario.carry_out(CHALLENGE)
    scenario.wait(LEASE_SECONDS)
    scenario.resume()
    scenario.tell(outcome)
    assert not scenario.wrote

    scenario.tell(APPROVED)
    assert PaymentStatus.SUCCESS == scenario.payment.status


@pytest.mark.parametrize("outcome", [CHALLENGE, AttemptNotFound()], ids=type)
def test_an_abandoned_challenge_fails_the_payment(outcome: Outcome) -> None:
    """After the deadline the processor still waits, or has forgotten it: nothing was charged."""
    scenario = authorizing()
    scenario.carry_out(CHALLENGE)
    scenario.wait(POLICY.action_seconds)
    scenario.begin()
    assert not scenario.tell(outcome)

    assert (PaymentStatus.FAILED, "action_abandoned", ["payment.failed"]) == (
        scenario.payment.status,
        scenario.payment.error_reason,
        scenario.events,
    )


def test_a_shopper_who_finished_without_coming_back_has_paid() -> None:
    """The lookup after the deadline finds out."""
    scenario = authorizing()
    scenario.carry_out(CHALLENGE)
    scenario.wait(POLICY.action_seconds)
    scenario.begin()
    scenario.tell(APPROVED)

    assert PaymentStatus.SUCCESS == scenario.payment.status


def test_a_second_challenge_gives_its_own_time() -> None:
    """The state is entered anew after the shopper had come back."""
    scenario = authorizing()
    scenario.carry_out(CHALLENGE)
    scenario.wait(600)
    scenario.resume()
    scenario.begin()
    scenario.tell(CHALLENGE)

    assert scenario.now + timedelta(seconds=900) == scenario.payment.action_deadline
    assert ["payment.requires_action"] == scenario.events


@each_follower
def test_nothing_that_follows_a_payment_asks_the_shopper(make: Make) -> None:
    """A challenge for a capture, void or refund is an unknown outcome; the payment stays final."""
    scenario = make()
    before = scenario.payment
    scenario.carry_out(CHALLENGE)

    assert ("unknown", before) == (scenario.operation.state, scenario.payment)
