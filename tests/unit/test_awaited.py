"""What requests wait for, orders that come with their payment, and whose request it was."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.domain.awaited import decisive_operation, is_decided
from gateway.domain.decisions import (
    CreateOrder,
    CreatePayment,
    create_order_with_payment,
    expire_payment,
    record_outcome,
)
from gateway.domain.entities import Operation
from gateway.domain.errors import InvalidRequest
from gateway.domain.ids import new_id
from tests.unit.operations import APPROVED, CHALLENGE, DECLINED, TIMEOUT, authorizing, capturing
from tests.unit.scenario import MERCHANT, POLICY, UPI, Scenario, authorized, rules_to

WISH = CreateOrder(
    order_id="order_AAAAAAAAAAAAAAAA",
    merchant_id=MERCHANT,
    mode="test",
    amount=50_000,
    currency="INR",
    capture="automatic",
)


def payment_of(**fields: object) -> CreatePayment:
    """A payment by UPI."""
    return CreatePayment(payment_id=new_id("pay"), instrument=UPI, rules=rules_to("bank"), **fields)


def decided(scenario: Scenario, operation: Operation) -> bool:
    """Whether whoever waits for the operation is answered."""
    now = scenario.state.operations[operation.id]
    return is_decided(now, scenario.payment)


def test_an_order_with_its_payment_is_one_unit_of_work() -> None:
    """The order is new and has been tried once; what the payment brings is in the same unit."""
    moment = Scenario().moment(surface="payment.made req_1")
    decision = create_order_with_payment(WISH, payment_of(notes='{"a":1}'), moment, POLICY)
    work, payment = decision.work, decision.result
    assert work is not None
    [operation] = decision.state.operations.values()

    assert (0, 1, "attempted", 1) == (
        work.expected_version,
        work.order.version,
        work.order.status,
        work.order.attempts,
    )
    assert work.order == decision.state.order
    assert work.id == work.order.last_unit_id
    assert (payment, operation) == work.inserts
    assert ["payment.created", "payment.pending"] == [event.type for event in work.events]
    assert [operation.id] == [job.subject for job in work.jobs]
    assert ("charge", "payment.made req_1", "req_1") == (
        operation.kind,
        operation.surface,
        operation.request_id,
    )


def test_an_order_with_its_payment_keeps_the_rules_of_both() -> None:
    """What an order or a payment cannot be is refused."""
    moment = Scenario().moment()
    for wish, payment in (
        (replace(WISH, amount=99), payment_of()),
        (WISH, payment_of(save=True)),
        (WISH, payment_of(amount=49_999)),
        (WISH, payment_of(currency="USD")),
    ):
        with pytest.raises(InvalidRequest):
            create_order_with_payment(wish, payment, moment, POLICY)


def test_a_wait_ends_with_an_outcome_or_with_the_shopper() -> None:
    """Approved, declined, or something for the shopper to do; not while nobody knows."""
    for outcome, over in ((APPROVED, True), (DECLINED, True), (CHALLENGE, True), (TIMEOUT, False)):
        scenario = authorizing()
        assert not decided(scenario, scenario.operation)
        scenario.carry_out(outcome)
        assert over == decided(scenario, scenario.operation)
    scenario = capturing()
    capture = scenario.operation
    assert not decided(scenario, capture)
    scenario.carry_out(APPROVED)
    assert decided(scenario, capture)
    assert capture.id == decisive_operation(scenario.state, scenario.operation).id


@pytest.mark.parametrize("outcome", [APPROVED, DECLINED, TIMEOUT])
def test_two_steps_end_with_the_second(outcome: object) -> None:
    """Where a processor authorizes first, a payment to be captured at once waits for that."""
    scenario = Scenario(capture="automatic", processor="two_step")
    scenario.pay()
    first = scenario.operation
    scenario.carry_out(APPROVED)

    assert "authorize" == first.kind
    assert not decided(scenario, first)
    assert scenario.operation == decisive_operation(
        scenario.state, scenario.state.operations[first.id]
    )
    scenario.carry_out(outcome)
    assert (outcome != TIMEOUT) == decided(scenario, first)
    # Captures that a merchant makes afterwards decide nothing about the first request.
    second = scenario.operation
    if outcome == DECLINED:
        scenario.capture()
        found = decisive_operation(scenario.state, scenario.state.operations[first.id])
        assert second.id == found.id


def test_an_authorization_to_be_captured_by_hand_is_decided() -> None:
    """A capture that follows is a request of its own."""
    scenario = authorized()
    first = scenario.operation
    scenario.capture()

    assert decided(scenario, first)
    assert first == decisive_operation(scenario.state, first)


def test_what_comes_of_an_outcome_names_the_request() -> None:
    """Events, what follows and a line of the trail have its id, whoever brings the news."""
    scenario = Scenario(capture="automatic", processor="two_step")
    scenario.pay()
    scenario.send()
    nobodys = replace(scenario.moment(), request_id=None)
    late = scenario.attempt.id
    scenario.decide(record_outcome(scenario.state, late, APPROVED, nobodys, POLICY))
    assert scenario.decision.work is not None
    assert {"req_1"} == {event.request_id for event in scenario.decision.work.events}
    assert "req_1" == scenario.operation.request_id
    scenario.carry_out(DECLINED)
    capture = scenario.attempt
    scenario.decide(record_outcome(scenario.state, capture.id, APPROVED, nobodys, POLICY))

    assert scenario.decision.work is not None
    assert [("late_approval", "req_1")] == [
        (audit.action, audit.request_id) for audit in scenario.decision.work.audits
    ]
    assert ("reversal", "req_1") == (scenario.operation.purpose, scenario.operation.request_id)


def test_what_time_begins_names_no_request() -> None:
    """An expiry came of nobody's request."""
    scenario = authorized()
    scenario.wait(POLICY.capture_window_seconds + 1)
    moment = replace(scenario.moment(), request_id=None)
    scenario.decide(expire_payment(scenario.state, scenario.payment.id, moment, POLICY))

    assert ("expire", None) == (scenario.operation.purpose, scenario.operation.request_id)
