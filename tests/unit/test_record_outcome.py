"""Outcomes: each of them for each kind of operation, told once, twice, late and too late."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import pytest

from gateway.domain.decisions import Acknowledge, LookUp, Proceed
from gateway.domain.entities import OperationState, OrderStatus, PaymentStatus
from gateway.domain.errors import NotFound
from gateway.domain.outcomes import (
    Approved,
    AttemptNotFound,
    CardDataLost,
    Declined,
    FailedSurely,
    Outcome,
    RequiresAction,
    Unknown,
)
from tests.unit.scenario import (
    AMOUNT,
    CARD,
    LEASE_SECONDS,
    POLICY,
    Scenario,
    amounts,
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


@pytest.mark.parametrize(
    ("make", "status", "sums", "events"),
    [
        (authorizing, "success", {"authorized": AMOUNT}, ["payment.success"]),
        (
            charging,
            "success",
            {"authorized": AMOUNT, "captured": AMOUNT},
            ["payment.success", "payment.captured", "order.paid"],
        ),
        (
            capturing,
            "success",
            {"authorized": AMOUNT, "captured": 20_000},
            ["payment.captured", "order.paid"],
        ),
        (voiding, "cancelled", {"authorized": AMOUNT, "released": AMOUNT}, ["payment.cancelled"]),
        (
            refunding,
            "success",
            {"authorized": AMOUNT, "captured": AMOUNT, "refunded": 20_000},
            ["refund.processed"],
        ),
        (
            voiding_for_a_refund,
            "cancelled",
            {"authorized": AMOUNT, "released": AMOUNT},
            ["payment.cancelled", "refund.processed"],
        ),
    ],
)
def test_an_approval_makes_it_true(
    make: Make, status: str, sums: dict[str, int], events: list[str]
) -> None:
    """Payment, sums, attempt and events, for each kind of operation."""
    scenario = make()
    scenario.carry_out(APPROVED)

    assert (status, sums, events) == (
        scenario.payment.status,
        amounts(scenario.payment),
        scenario.events,
    )
    assert ("done", None) == (scenario.operation.state, scenario.operation.due_at)
    attempt = scenario.attempt
    assert ("approved", "bank_1", scenario.now) == (
        attempt.state,
        attempt.processor_reference,
        attempt.finished_at,
    )


def test_an_authorization_keeps_the_processors_reference_and_a_window() -> None:
    """What follows it names the reference; after seven days it expires."""
    scenario = authorizing()
    scenario.carry_out(APPROVED)
    payment = scenario.payment

    assert ("bank_1", False) == (payment.processor_reference, payment.captured)
    assert scenario.now + timedelta(days=7) == payment.capture_expires_at
    assert ("attempted", 0) == (scenario.order.status, scenario.order.amount_paid)


def test_a_charge_needs_no_window() -> None:
    """Nothing is left to capture, and the order is paid."""
    scenario = charging()
    scenario.carry_out(APPROVED)

    assert (None, True) == (scenario.payment.capture_expires_at, scenario.payment.captured)
    assert (OrderStatus.PAID, AMOUNT) == (scenario.order.status, scenario.order.amount_paid)
    assert [True, True, True] == [each["data"]["payment"]["captured"] for each in scenario.bodies]


def test_an_automatic_capture_in_two_steps_follows_at_once() -> None:
    """The authorization's unit of work holds the capture and its job."""
    scenario = Scenario(capture="automatic", processor="two_step")
    scenario.pay()
    scenario.carry_out(APPROVED)

    assert ["payment.success"] == scenario.events
    assert ("capture", "capture", AMOUNT) == (
        scenario.operation.kind,
        scenario.operation.purpose,
        scenario.operation.amount,
    )
    assert {"authorized": AMOUNT, "capture_pending": AMOUNT} == amounts(scenario.payment)

    scenario.carry_out(Approved(reference="bank_2"))
    assert ["payment.captured", "order.paid"] == scenario.events
    assert "bank_1" == scenario.payment.processor_reference


@each_payment
def test_a_decline_fails_the_payment(make: Make) -> None:
    """With the processor's reason, and the order takes another payment."""
    scenario = make()
    scenario.carry_out(DECLINED)
    payment = scenario.payment

    assert (PaymentStatus.FAILED, "PAYMENT_FAILED", "Not enough money", "no_funds") == (
        payment.status,
        payment.error_code,
        payment.error_description,
        payment.error_reason,
    )
    assert (["payment.failed"], {}) == (scenario.events, amounts(payment))
    assert ("failed", "declined", "no_funds") == (
        scenario.operation.state,
        scenario.attempt.state,
        scenario.attempt.reason,
    )
    assert "PAYMENT_FAILED" == scenario.bodies[0]["data"]["payment"]["error_code"]
    scenario.pay()


@pytest.mark.parametrize(
    ("make", "sums", "events"),
    [
        (capturing, {"authorized": AMOUNT}, []),
        (voiding, {"authorized": AMOUNT}, []),
        (refunding, {"authorized": AMOUNT, "captured": AMOUNT}, ["refund.failed"]),
        (voiding_for_a_refund, {"authorized": AMOUNT}, ["refund.failed"]),
    ],
)
def test_a_decline_of_what_follows_frees_what_was_set_aside(
    make: Make, sums: dict[str, int], events: list[str]
) -> None:
    """The payment stays a success without an error of its own."""
    scenario = make()
    scenario.carry_out(DECLINED)

    assert (sums, events) == (amounts(scenario.payment), scenario.events)
    assert (PaymentStatus.SUCCESS, None) == (scenario.payment.status, scenario.payment.error_code)
    assert ("failed", "Not enough money") == (
        scenario.operation.state,
        scenario.operation.error_description,
    )


@each_kind
@pytest.mark.parametrize("outcome", [APPROVED, DECLINED, REFUSED, TIMEOUT], ids=type)
def test_telling_it_twice_changes_nothing_the_second_time(make: Make, outcome: Outcome) -> None:
    """No row, no event, no version: also when time has passed between an end and its repeat."""
    scenario = make()
    scenario.carry_out(outcome)
    scenario.tell(outcome)
    assert not scenario.wrote

    if isinstance(outcome, Approved | Declined):
        scenario.wait(30 * DAY)
        scenario.tell(outcome)
        assert not scenario.wrote


def test_an_attempt_of_another_order_is_not_found() -> None:
    """As is one that never was."""
    scenario = authorizing()
    scenario.send()
    with pytest.raises(NotFound, match="Attempt not found"):
        scenario.tell(APPROVED, "att_AAAAAAAAAAAAAAAA")


# Sure failures


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


# Unknown outcomes


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


@pytest.mark.parametrize(("outcome", "status"), [(APPROVED, "success"), (DECLINED, "failed")])
def test_a_lookup_ends_what_was_unknown(outcome: Outcome, status: str) -> None:
    """As if it had been answered at once."""
    scenario = authorizing()
    scenario.carry_out(TIMEOUT)
    scenario.wait(10)
    scenario.begin()
    scenario.tell(outcome)

    assert (status, [f"payment.{status}"]) == (scenario.payment.status, scenario.events)


# Not found


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

    assert (False, False) == (scenario.tell(AttemptNotFound()), scenario.wrote)


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


# Challenges


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


# Card data lost


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


# Late approvals


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
    assert (False, False) == (scenario.tell(outcome), scenario.wrote)


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
