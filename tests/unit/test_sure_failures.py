"""What certainly was not attempted, and card data that is gone."""

from __future__ import annotations

import pytest

from gateway.domain.decisions import LookUp
from gateway.domain.entities import PaymentStatus
from gateway.domain.outcomes import (
    AttemptNotFound,
    CardDataLost,
    FailedSurely,
    Outcome,
)
from tests.unit.operations import (
    APPROVED,
    CHALLENGE,
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
)
from tests.unit.scenario import (
    LEASE_SECONDS,
    Scenario,
)

NOT_TAKEN = FailedSurely(reason="circuit_open", retry_after_seconds=40)


@each_kind
def test_a_sure_failure_is_tried_again_after_one_two_and_four_seconds(make: Make) -> None:
    """Or up to a quarter less. The fourth is the last: what reached nobody fails."""
    scenario = make()
    for seconds in (1, 2, 4):
        scenario.carry_out(REFUSED)
        assert 0.75 * seconds < _wait_seconds(scenario) <= seconds
        assert ("open", "failed", "connection_refused") == (
            scenario.operation.state,
            scenario.attempt.state,
            scenario.attempt.reason,
        )
        assert [] == scenario.events
        scenario.wait(seconds)
    scenario.carry_out(REFUSED)

    assert ("failed", 4, "GATEWAY_ERROR") == (
        scenario.operation.state,
        scenario.attempt.number,
        scenario.operation.error_code,
    )


@each_kind
def test_retries_come_one_by_one(make: Make) -> None:
    """Many that failed together do not come together again, and each knows when it comes."""
    waits = set()
    for _ in range(20):
        scenario = make()
        scenario.carry_out(REFUSED)
        waits.add(_wait_seconds(scenario))

    assert len(waits) > 10


@each_kind
def test_what_a_breaker_refuses_comes_again_when_it_may_be_tried(make: Make) -> None:
    """It uses up no retry: those come after it as if nothing had been."""
    scenario = make()
    for _ in range(2):
        scenario.carry_out(NOT_TAKEN)
        assert 40 <= _wait_seconds(scenario) < 50
        assert ("open", "failed", "circuit_open") == (
            scenario.operation.state,
            scenario.attempt.state,
            scenario.attempt.reason,
        )
        scenario.wait(50)
    for seconds in (1, 2, 4):
        scenario.carry_out(REFUSED)
        assert 0.75 * seconds < _wait_seconds(scenario) <= seconds
        scenario.wait(seconds)
    scenario.carry_out(REFUSED)

    assert ("failed", "GATEWAY_ERROR") == (
        scenario.operation.state,
        scenario.operation.error_code,
    )


def test_a_payment_waits_two_minutes_for_a_breaker_and_a_refund_a_day() -> None:
    """Somebody stands at the checkout; a refund may simply be made later, and asks ever rarer."""
    for make, patience_seconds, attempts_max in (
        (authorizing, 120, 25),
        (charging, 120, 25),
        (capturing, 86_400, 60),
        (voiding, 86_400, 60),
        (refunding, 86_400, 60),
    ):
        scenario = make()
        began = scenario.operation.created_at
        while scenario.operation.state == "open":
            scenario.carry_out(FailedSurely(reason="circuit_open", retry_after_seconds=1))
            if scenario.operation.due_at is not None:
                scenario.wait(_wait_seconds(scenario))

        waited_seconds = (scenario.now - began).total_seconds()
        assert patience_seconds <= waited_seconds < patience_seconds * 1.5
        assert "GATEWAY_ERROR" == scenario.operation.error_code
        assert scenario.attempt.number <= attempts_max


def _wait_seconds(scenario: Scenario) -> float:
    assert scenario.operation.due_at is not None
    return (scenario.operation.due_at - scenario.now).total_seconds()


def test_a_payment_that_reached_nobody_says_that_nothing_was_charged() -> None:
    """A refund that did says only that the processor could not be reached."""
    for make, text in (
        (authorizing, "The processor could not be reached, nothing was charged"),
        (refunding, "The processor could not be reached"),
    ):
        scenario = make()
        for _ in range(4):
            scenario.carry_out(REFUSED)

        assert text == scenario.operation.error_description


def test_an_approval_after_a_sure_failure_counts() -> None:
    """As long as nothing was sent again, the truth may still come."""
    scenario = authorizing()
    scenario.carry_out(REFUSED)
    scenario.tell(APPROVED)

    assert PaymentStatus.SUCCESS == scenario.payment.status


def test_a_failure_is_not_sure_of_what_was_answered_or_sent_twice() -> None:
    """It may speak of the first sending while the second is on its way: it is asked about."""
    resumed = authorizing()
    resumed.carry_out(CHALLENGE)
    resumed.resume()
    resumed.begin()
    sent_again = authorizing()
    sent_again.send()
    sent_again.wait(LEASE_SECONDS)
    sent_again.begin()
    sent_again.tell(AttemptNotFound())
    for scenario in (resumed, sent_again):
        scenario.tell(REFUSED)

        assert ("unknown", "unknown") == (scenario.operation.state, scenario.payment.status)
        assert isinstance(scenario.begin(), LookUp)


@pytest.mark.parametrize("before", [TIMEOUT, CHALLENGE])
def test_a_stalled_holders_sure_failure_does_not_overtake_others(before: Outcome) -> None:
    """Somebody else has learnt more about the attempt since."""
    scenario = authorizing()
    scenario.carry_out(before)
    scenario.tell(REFUSED)

    assert not scenario.wrote


@each_payment
def test_a_payment_whose_card_is_gone_fails(make: Make) -> None:
    """It was never sent, and says so to the shopper."""
    scenario = make()
    scenario.carry_out(CardDataLost())

    assert (
        PaymentStatus.FAILED,
        "CARD_DATA_LOST",
        "Nothing was charged, please enter your card again",
    ) == (
        scenario.payment.status,
        scenario.payment.error_code,
        scenario.payment.error_description,
    )
    assert ["payment.failed"] == scenario.events
    scenario.pay()


def test_a_lost_card_says_nothing_about_what_was_sent() -> None:
    """A payment of unknown outcome does not fail because it cannot be sent again."""
    scenario = authorizing()
    scenario.carry_out(TIMEOUT)
    scenario.tell(CardDataLost())

    assert (False, PaymentStatus.UNKNOWN) == (scenario.wrote, scenario.payment.status)


def test_a_lost_card_ends_what_the_processor_never_heard_of() -> None:
    """The lookup says that nothing was sent, and the card is gone."""
    scenario = authorizing()
    scenario.send()
    scenario.wait(LEASE_SECONDS)
    scenario.begin()
    scenario.tell(AttemptNotFound())
    scenario.tell(CardDataLost())

    assert "CARD_DATA_LOST" == scenario.payment.error_code
