"""One open operation of each kind, and the outcomes that they are told."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.domain.outcomes import (
    Approved,
    Declined,
    FailedSurely,
    RequiresAction,
    Unknown,
)
from tests.unit.scenario import (
    CARD,
    Scenario,
    authorized,
    captured,
)

APPROVED = Approved(reference="bank_1")
DECLINED = Declined(code="PAYMENT_FAILED", description="Not enough money", reason="no_funds")
CHALLENGE = RequiresAction(reference="bank_1", next_action='{"type":"redirect"}')
REFUSED = FailedSurely(reason="connection_refused")
TIMEOUT = Unknown(reason="timeout")
DAY = 86_400


def authorizing() -> Scenario:
    scenario = Scenario()
    scenario.pay(CARD)
    return scenario


def charging() -> Scenario:
    scenario = Scenario(capture="automatic")
    scenario.pay(CARD)
    return scenario


def capturing() -> Scenario:
    scenario = authorized()
    scenario.capture(20_000)
    return scenario


def voiding() -> Scenario:
    scenario = authorized()
    scenario.void()
    return scenario


def refunding() -> Scenario:
    scenario = captured()
    scenario.give_back(20_000)
    return scenario


def voiding_for_a_refund() -> Scenario:
    scenario = authorized()
    scenario.give_back()
    return scenario


PAYING = [authorizing, charging]
FOLLOWING = [capturing, voiding, refunding, voiding_for_a_refund]
Make = Callable[[], Scenario]
each_kind = pytest.mark.parametrize("make", [*PAYING, *FOLLOWING])
each_payment = pytest.mark.parametrize("make", PAYING)
each_follower = pytest.mark.parametrize("make", FOLLOWING)
