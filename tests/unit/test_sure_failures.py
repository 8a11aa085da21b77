"""What certainly was not attempted, and card data that is gone."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway.domain.decisions import LookUp
from gateway.domain.entities import PaymentStatus
from gateway.domain.outcomes import (
    AttemptNotFound,
    CardDataLost,
    Outcome,
)
from tests.unit.operations import (
    APPROVED,
    CHALLENGE,
    REFUSED,
    TIMEOUT,
    Make,
    authorizing,
    each_kind,
    each_payment,
    refunding,
)
from tests.unit.scenario import (
    LEASE_SECONDS,
)


@each_kind
def test_a_sure_failure_is_tried_again_after_one_two_and_four_seconds(make: Make) -> None:
    """The fourth is the last: what never reached the processor fails."""
    scenario = make()
    for seconds in (1, 2, 4):
        scenario.carry_out(REFUSED)
        assert scenario.operation.due_at == scenario.now + timedelta(seconds=seconds)
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
