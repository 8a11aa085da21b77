"""Orders: made, changed, cancelled, expired."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway.domain import decisions
from gateway.domain.decisions import CreateOrder, Moment
from gateway.domain.entities import OrderStatus
from gateway.domain.errors import InvalidRequest, InvalidState, NotFound, OperationInProgress
from gateway.domain.money import AMOUNT_MAX
from gateway.domain.outcomes import Approved, Declined, Unknown
from tests.unit.scenario import AMOUNT, MERCHANT, POLICY, START, Scenario, authorized, captured

MOMENT = Moment(now=START, real_now=START)


def command(amount: int = AMOUNT, currency: str = "INR") -> CreateOrder:
    return CreateOrder(
        order_id="order_AAAAAAAAAAAAAAAA",
        merchant_id=MERCHANT,
        mode="test",
        amount=amount,
        currency=currency,
        capture="manual",
        receipt="receipt#1",
        notes='{"a":"b"}',
        customer_id="cust_AAAAAAAAAAAAAAAA",
        expires_at=START + timedelta(hours=1),
        return_url="https://example.com/back",
    )


def test_a_new_order_is_created_and_holds_what_was_wished() -> None:
    """A new order has the version 1, nothing paid, no try, and no event tells of it."""
    decision = decisions.create_order(command(), MOMENT, POLICY)
    order, work = decision.result, decision.work

    assert work is not None
    assert (0, 1, order) == (work.expected_version, order.version, work.order)
    assert ((), (), (), ()) == (work.inserts, work.updates, work.events, work.jobs)
    assert ("created", 0, 0) == (order.status, order.amount_paid, order.attempts)
    assert ("receipt#1", '{"a":"b"}') == (order.receipt, order.notes)
    assert ("cust_AAAAAAAAAAAAAAAA", "https://example.com/back") == (
        order.customer_id,
        order.return_url,
    )
    assert (START, START, START + timedelta(hours=1)) == (
        order.created_at,
        order.updated_at,
        order.expires_at,
    )


@pytest.mark.parametrize(
    ("amount", "currency", "text", "field"),
    [
        (99, "INR", "amount must be at least 100", "amount"),
        (0, "INR", "amount must be at least 100", "amount"),
        (-500, "INR", "amount must be at least 100", "amount"),
        (0, "JPY", "amount must be at least 1", "amount"),
        (999, "KWD", "amount must be at least 1000", "amount"),
        (AMOUNT_MAX + 1, "INR", f"amount must be at most {AMOUNT_MAX}", "amount"),
        (AMOUNT, "ABC", "currency must be an ISO 4217 code", "currency"),
    ],
)
def test_impossible_amounts_are_refused(amount: int, currency: str, text: str, field: str) -> None:
    """An amount outside the currency's bounds, or no currency at all, names its field."""
    with pytest.raises(InvalidRequest) as refused:
        decisions.create_order(command(amount, currency), MOMENT, POLICY)

    assert (text, field) == (refused.value.description, refused.value.field)


@pytest.mark.parametrize("make", [Scenario, authorized, captured])
def test_notes_can_be_changed_in_every_state(make: type[Scenario]) -> None:
    """Changing notes writes the order alone and tells nobody."""
    scenario = make()
    scenario.change_notes('{"invoice":"7"}')

    assert '{"invoice":"7"}' == scenario.order.notes
    assert [] == scenario.events


def test_payments_and_refunds_have_notes_of_their_own() -> None:
    """Each is changed by its id, and only that one; an id of elsewhere is not found."""
    scenario = captured()
    refund = scenario.give_back(100)
    scenario.change_notes('{"a":"1"}', scenario.payment.id)
    scenario.change_notes('{"b":"2"}', refund.id)

    assert ("{}", '{"a":"1"}') == (scenario.order.notes, scenario.payment.notes)
    assert '{"b":"2"}' == scenario.state.refunds[refund.id].notes
    assert [] == scenario.events
    with pytest.raises(NotFound):
        scenario.change_notes("{}", "pay_of_another_order")


def test_a_plain_order_is_cancelled_at_once() -> None:
    """Without a payment there is nothing to void: the order is cancelled and its event says so."""
    scenario = Scenario()
    operation = scenario.cancel()

    assert (None, OrderStatus.CANCELLED) == (operation, scenario.order.status)
    assert ["order.cancelled"] == scenario.events
    assert {"order"} == set(scenario.bodies[0]["data"])
    assert "cancelled" == scenario.bodies[0]["data"]["order"]["status"]
    assert int(scenario.now.timestamp()) == scenario.bodies[0]["timestamp"]


def test_an_order_is_cancelled_after_its_payment_failed() -> None:
    """A failed payment is no payment in progress."""
    scenario = Scenario()
    scenario.pay()
    scenario.carry_out(Declined())
    scenario.cancel()

    assert OrderStatus.CANCELLED == scenario.order.status


def test_an_authorization_is_voided_before_its_order_is_cancelled() -> None:
    """The order is cancelled with the void's approval, not before."""
    scenario = authorized()
    operation = scenario.cancel()

    assert operation is not None
    assert ("void", "cancel_order", AMOUNT) == (operation.kind, operation.purpose, operation.amount)
    assert (OrderStatus.ATTEMPTED, []) == (scenario.order.status, scenario.events)

    scenario.carry_out()

    assert (OrderStatus.CANCELLED, "cancelled") == (scenario.order.status, scenario.payment.status)
    assert ["payment.cancelled", "order.cancelled"] == scenario.events


def test_a_void_that_is_declined_leaves_the_order_as_it_was() -> None:
    """The authorization stands, and so does the order."""
    scenario = authorized()
    scenario.cancel()
    scenario.carry_out(Declined())

    assert (OrderStatus.ATTEMPTED, "success") == (scenario.order.status, scenario.payment.status)
    assert [] == scenario.events

    scenario.capture()


@pytest.mark.parametrize("outcome", [None, Unknown(reason="timeout")])
def test_an_order_with_a_payment_in_progress_is_not_cancelled(outcome: Unknown | None) -> None:
    """Whether pending, processing or unknown: the money may be on its way."""
    scenario = Scenario()
    scenario.pay()
    if outcome is not None:
        scenario.carry_out(outcome)
    with pytest.raises(InvalidState, match="Another payment is in progress"):
        scenario.cancel()


def test_an_order_is_not_cancelled_while_its_payment_is_being_captured() -> None:
    """The capture's outcome decides first."""
    scenario = authorized()
    scenario.capture()
    with pytest.raises(OperationInProgress, match="Another operation is in progress"):
        scenario.cancel()


def test_an_order_that_is_over_is_not_cancelled() -> None:
    """Paid and cancelled orders stay what they are."""
    with pytest.raises(InvalidState, match="Order already paid"):
        captured().cancel()
    scenario = Scenario()
    scenario.cancel()
    with pytest.raises(InvalidState, match="Order already cancelled"):
        scenario.cancel()


def test_an_order_expires_when_its_time_has_come() -> None:
    """Not a second earlier, and only once."""
    scenario = Scenario(expires_in_seconds=60)
    scenario.wait(59)
    assert (False, False) == (scenario.expire(), scenario.wrote)

    scenario.wait(1)
    assert scenario.expire()
    assert (OrderStatus.EXPIRED, ["order.expired"]) == (scenario.order.status, scenario.events)
    assert "expired" == scenario.bodies[0]["data"]["order"]["status"]

    assert (False, False) == (scenario.expire(), scenario.wrote)


def test_an_order_without_a_time_does_not_expire() -> None:
    """Only `expires_at` makes it."""
    scenario = Scenario()
    scenario.wait(10 * 365 * 86_400)

    assert not scenario.expire()


def test_expiry_waits_for_the_payment() -> None:
    """While a payment is alive the order stays open; when it failed, the order expires."""
    scenario = Scenario(expires_in_seconds=60)
    scenario.pay()
    scenario.send()
    scenario.wait(3_600)
    assert not scenario.expire()

    scenario.tell(Declined())
    assert scenario.expire()


def test_a_payment_that_succeeds_after_the_orders_time_pays_it() -> None:
    """The order waited for it."""
    scenario = Scenario(expires_in_seconds=60, capture="automatic")
    scenario.pay()
    scenario.send()
    scenario.wait(3_600)
    scenario.tell(Approved(reference="bank_1"))

    assert OrderStatus.PAID == scenario.order.status
    assert not scenario.expire()
