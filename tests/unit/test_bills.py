"""Bills: whatever shoppers, merchants and the clock do, no more is taken than was asked for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from gateway.domain import bills
from gateway.domain.bills import OPEN, Bill, BillKind, BillStatus
from gateway.domain.errors import InvalidRequest, InvalidState
from gateway.domain.line_items import LineItem, invoice_amount
from gateway.domain.money import AMOUNT_MAX, NO_AMOUNT_LIMITS

NOW = datetime(2026, 11, 25, tzinfo=UTC)
ORDERS_MAX = 40
LIMITS = NO_AMOUNT_LIMITS


def link(**changes: object) -> Bill:
    made = Bill(
        id="plink_0123456789abcdef",
        kind=BillKind.PAYMENT_LINK,
        merchant_id=UUID(int=1),
        mode="test",
        currency="INR",
        amount=1_000,
        created_at=NOW,
        updated_at=NOW,
    )
    return replace(made, **changes)  # type: ignore[arg-type] # what a test needs


class BillMachine(RuleBasedStateMachine):
    """Shoppers, the merchant and the clock in any order, against orders that are kept apart."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.bill = link(accept_partial=True, expires_at=NOW + timedelta(hours=10))
        self.taken: dict[str, int] = {}
        self.order: tuple[str, int] | None = None
        self.events: list[str] = []

    @rule(amount=st.integers(-10, 1_200) | st.none())
    def open_order(self, amount: int | None) -> None:
        try:
            wanted = bills.installment(self.bill, amount, self.now, LIMITS)
            order_id = f"order_{self.bill.orders}"
            self.bill = bills.attach(
                self.bill, order_id, wanted, self.now, LIMITS, orders_max=ORDERS_MAX
            )
        except (InvalidRequest, InvalidState):
            return
        assert self.order is None
        assert 100 <= wanted
        self.order = (order_id, wanted)

    @precondition(lambda self: self.order is not None)
    @rule(paid=st.booleans())
    def order_ends(self, paid: bool) -> None:
        assert self.order is not None
        order_id, amount = self.order
        self.taken[order_id] = amount if paid else 0
        self.order = None
        self.bill, event = bills.settle(self.bill, sum(self.taken.values()), self.now)
        assert paid == (event is not None)
        if event is not None:
            self.events.append(event)

    @rule()
    def settle_again(self) -> None:
        if self.order is None:
            again, event = bills.settle(self.bill, sum(self.taken.values()), self.now)
            assert event is None
            assert again.status == self.bill.status

    @rule(first=st.integers(0, 1_200) | st.none(), partial=st.booleans())
    def change(self, first: int | None, partial: bool) -> None:
        try:
            changed = bills.change(
                self.bill, {"first_amount_min": first, "accept_partial": partial}, self.now
            )
            self.bill = bills.check_terms(changed, LIMITS)
        except (InvalidRequest, InvalidState):
            pass

    @rule()
    def cancel(self) -> None:
        try:
            self.bill, event = bills.cancel(self.bill, self.now)
        except InvalidState:
            assert self.order is not None or self.bill.status not in OPEN
            return
        self.events.append(event)

    @rule(hours=st.integers(1, 6))
    def time_passes(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @rule()
    def expire(self) -> None:
        try:
            expired = bills.expire(self.bill, self.now)
        except InvalidState:
            assert self.order is not None
            return
        if expired is not None:
            self.bill, event = expired
            self.events.append(event)

    @invariant()
    def adds_up(self) -> None:
        bill, taken = self.bill, sum(self.taken.values())
        reserved = self.order[1] if self.order else 0
        assert taken == bill.amount_paid
        assert taken + reserved <= bill.amount
        assert (bill.status == BillStatus.PAID) == (bill.amount_paid == bill.amount)
        assert (bill.order_id is None) == (self.order is None)
        assert bill.order_id is None or bill.status in OPEN
        # What is left can be paid.
        assert bill.amount_due == 0 or bill.amount_due >= 100

    @invariant()
    def ends_once(self) -> None:
        ends = [event for event in self.events if not event.endswith(".partially_paid")]
        assert len(ends) == (0 if self.bill.status in OPEN else 1)
        assert self.events == [*self.events[: len(self.events) - len(ends)], *ends]


TestBillMachine = BillMachine.TestCase


@pytest.mark.parametrize(
    ("status", "action"),
    [
        (status, action)
        for status in BillStatus
        for action in ("issue", "cancel", "pay")
        if not (status in OPEN and action in ("cancel", "pay"))
        and not (status == BillStatus.DRAFT and action in ("issue", "cancel"))
    ],
)
def test_what_a_state_does_not_allow(status: BillStatus, action: str) -> None:
    """Each is refused and says why."""
    bill = link(status=status, amount_paid=1_000 if status == BillStatus.PAID else 0)

    with pytest.raises(InvalidState, match="is "):
        {
            "issue": lambda asked, now: bills.issue(asked, now, LIMITS),
            "cancel": bills.cancel,
            "pay": lambda asked, now: bills.installment(asked, None, now, LIMITS),
        }[action](bill, NOW)


def test_a_second_order_has_to_wait() -> None:
    """While one order may take money no other may, nor may the bill be cancelled or expire."""
    held = bills.attach(
        link(accept_partial=True, expires_at=NOW + timedelta(hours=1)),
        "order_1",
        400,
        NOW,
        LIMITS,
        orders_max=5,
    )
    later = NOW + timedelta(hours=2)

    with pytest.raises(InvalidState, match="Another payment"):
        bills.attach(held, "order_2", 600, NOW, LIMITS, orders_max=5)
    with pytest.raises(InvalidState, match="Another payment"):
        bills.cancel(held, NOW)
    with pytest.raises(InvalidState, match="Another payment"):
        bills.expire(held, later)
    paid, event = bills.settle(held, 400, later)
    assert ("payment_link.partially_paid", 600) == (event, paid.amount_due)
    expired = bills.expire(paid, later)
    assert expired is not None
    assert "payment_link.expired" == expired[1]


def test_more_than_was_asked_for_is_a_fault() -> None:
    """Nothing allows it, so nobody has to handle it; less than before neither."""
    for taken in (1_001, -1):
        with pytest.raises(AssertionError):
            bills.settle(link(), taken, NOW)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"amount": 99}, "amount"),
        ({"amount": AMOUNT_MAX + 1}, "amount"),
        ({"currency": "KWD"}, "amount"),
        ({"currency": "XXX"}, "currency"),
        ({"first_amount_min": 300}, "first_min_partial_amount"),
        ({"accept_partial": True, "first_amount_min": 99}, "first_min_partial_amount"),
        ({"accept_partial": True, "first_amount_min": 901}, "first_min_partial_amount"),
    ],
)
def test_terms_that_cannot_be(changes: dict[str, object], field: str) -> None:
    """The field at fault is named."""
    changes.setdefault("amount", 999 if changes.get("currency") == "KWD" else 1_000)

    with pytest.raises(InvalidRequest) as refused:
        bills.check_terms(link(**changes), LIMITS)

    assert field == refused.value.field


def test_the_first_part_has_a_minimum_of_its_own() -> None:
    """The parts after it have the currency's."""
    bill = link(accept_partial=True, first_amount_min=300)

    with pytest.raises(InvalidRequest, match="at least 300"):
        bills.installment(bill, 299, NOW, LIMITS)
    assert 300 == bills.installment(bill, 300, NOW, LIMITS)
    assert 100 == bills.installment(replace(bill, amount_paid=300), 100, NOW, LIMITS)


def test_no_part_leaves_what_cannot_be_paid() -> None:
    """The rest is nothing, or what an order may be."""
    bill = link(accept_partial=True)

    with pytest.raises(InvalidRequest, match="too small"):
        bills.installment(bill, 901, NOW, LIMITS)
    assert 900 == bills.installment(bill, 900, NOW, LIMITS)
    assert 1_000 == bills.installment(bill, None, NOW, LIMITS)


def test_expiry_gives_time_to_pay() -> None:
    """Fifteen minutes by default; without an end there is nothing to check."""
    bills.check_expiry(None, NOW, seconds_min=900)
    bills.check_expiry(NOW + timedelta(minutes=15), NOW, seconds_min=900)
    with pytest.raises(InvalidRequest, match="15 minutes"):
        bills.check_expiry(NOW + timedelta(minutes=14), NOW, seconds_min=900)


def test_only_notes_change_when_it_is_over() -> None:
    """What a bill was for stays as it was."""
    bill = link(status=BillStatus.CANCELLED)

    assert '{"a":1}' == bills.change(bill, {"notes": '{"a":1}'}, NOW).notes
    with pytest.raises(InvalidState, match="reference cannot be changed"):
        bills.change(bill, {"reference": "x"}, NOW)
    with pytest.raises(InvalidState, match="amount"):
        bills.change(link(), {"amount": 5_000}, NOW)


@given(
    prices=st.lists(st.tuples(st.integers(1, AMOUNT_MAX), st.integers(1, 1_000_000)), max_size=20)
)
def test_an_invoice_is_the_sum_of_its_lines(prices: list[tuple[int, int]]) -> None:
    """Exactly, in whole minor units; more than an order may have is refused."""
    lines = [
        LineItem(
            id=f"li_{number}",
            item_id=None,
            name="Tea",
            description=None,
            unit_amount=price,
            currency="INR",
            quantity=quantity,
        )
        for number, (price, quantity) in enumerate(prices)
    ]
    expected = sum(price * quantity for price, quantity in prices)

    if expected > AMOUNT_MAX:
        with pytest.raises(InvalidRequest, match="at most"):
            invoice_amount(lines, "INR")
    else:
        total = invoice_amount(lines, "INR")
        assert expected == total
        assert isinstance(total, int)
    if lines:
        with pytest.raises(InvalidRequest, match=r"line_items\.0\.currency"):
            invoice_amount(lines, "USD")
