"""The ledger: which entries each change writes, and what a payment costs."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain import books
from gateway.domain.books import Entries, TransactionKind
from gateway.domain.decisions._transition import Transition
from gateway.domain.fees import FREE, Fee, FeePlan
from gateway.domain.outcomes import Approved, Declined
from tests.unit.scenario import AMOUNT, POLICY, Scenario, authorized, captured

amounts = st.integers(1, 999_999_999_999)
points = st.integers(0, 10_000)
plans = st.builds(
    FeePlan, basis_points=points, fixed=st.integers(0, 10**6), tax_basis_points=points
)
PLAN = FeePlan(basis_points=200, fixed=300, tax_basis_points=1_800)
PAYING = replace(POLICY, fee_plan=lambda _merchant_id, _currency: PLAN)


def test_a_capture_without_a_fee_is_all_the_merchants() -> None:
    """What the processor holds is what is owed to the merchant."""
    order = captured()

    assert {"processor": AMOUNT, "merchant": -AMOUNT} == order.balances
    assert [("capture", order.operation.id)] == [(it.kind, it.source_id) for it in order.ledger]


def test_a_capture_pays_the_fee_and_its_tax() -> None:
    """2 % of 500.00 and 3.00 are 13.00; 18 % of that are 2.34; the merchant gets the rest."""
    order = captured(policy=PAYING)

    assert (1_534, 234) == (order.payment.fee, order.payment.tax)
    assert {"processor": 50_000, "merchant": -48_466, "fees": -1_300, "tax": -234} == order.balances


def test_partial_captures_cost_what_one_of_the_whole_does() -> None:
    """The fixed part is paid once, and shares are rounded once."""
    order = captured(1_025, policy=PAYING)
    order.capture(25)
    order.carry_out()
    order.capture(48_950)
    order.carry_out()

    assert (1_534, 234) == (order.payment.fee, order.payment.tax)
    assert -1_300 == order.balances["fees"]


def test_a_plan_that_changes_takes_nothing_back() -> None:
    """What was taken with the first capture stays taken; a cheaper plan adds nothing."""
    order = captured(25_000, policy=PAYING)
    paid = order.payment.fee
    order.policy = POLICY
    order.capture(25_000)
    order.carry_out()

    assert paid == order.payment.fee > 0


def test_authorizations_voids_and_releases_move_no_money() -> None:
    """Nothing is booked for what is only reserved or given up."""
    order = authorized()
    order.give_back(1_000)
    order.begin()
    order.void()
    order.carry_out()

    assert [] == order.ledger


def test_a_refund_is_set_aside_and_then_paid_back() -> None:
    """The merchant does not have it from the moment it is accepted; the fee is not returned."""
    order = captured(policy=PAYING)
    order.give_back(10_000)
    set_aside = order.balances
    order.carry_out()

    assert (-38_466, -10_000) == (set_aside["merchant"], set_aside["refunds"])
    assert {"processor": 40_000, "merchant": -38_466, "fees": -1_300, "tax": -234} == order.balances


def test_a_refund_that_fails_is_the_merchants_again() -> None:
    """As if it had never been."""
    order = captured()
    before = order.balances
    order.give_back(10_000)
    order.carry_out(Declined())

    assert before == order.balances
    assert "refund_failed" == order.ledger[-1].kind


def test_what_is_approved_late_waits_in_suspense_until_it_is_reversed() -> None:
    """The shopper's money is never the merchant's, and the books show where it is."""
    order = Scenario(capture="automatic")
    order.pay()
    order.send()
    order.tell(Declined())
    order.tell(Approved(reference="bank_1"))
    late = order.balances
    order.carry_out()

    assert {"processor": AMOUNT, "suspense": -AMOUNT} == late
    assert {} == order.balances
    assert ["late_approval", "reversal"] == [it.kind for it in order.ledger]


def test_a_refund_that_is_approved_late_is_left_in_suspense() -> None:
    """It was given back to the merchant, and the shopper has it too: somebody has to decide."""
    order = captured()
    order.give_back(10_000)
    order.carry_out(Declined())
    order.tell(Approved(reference="bank_2"))

    expected = {"processor": AMOUNT - 10_000, "merchant": -AMOUNT, "suspense": 10_000}
    assert expected == order.balances


def test_entries_that_do_not_add_up_cannot_be_booked() -> None:
    """Neither by us nor by anybody who adds an account."""
    order = captured()
    transition = Transition(order.state, order.moment())

    with pytest.raises(ValueError, match="add up to zero"):
        transition.book(
            TransactionKind.CAPTURE, "op_1", order.payment, Entries(processor=100, merchant=-99)
        )


@given(amount=amounts, fee=amounts, tax=amounts)
def test_all_entries_add_up(amount: int, fee: int, tax: int) -> None:
    """Whatever is booked."""
    assert 0 == sum(books.captured(amount, fee=fee, tax=tax))
    for entries_of in (
        books.refund_accepted,
        books.refund_processed,
        books.refund_failed,
        books.received_late,
        books.returned_late,
        books.dispute_opened,
        books.dispute_won,
        books.dispute_lost,
        books.paid_out,
    ):
        assert 0 == sum(entries_of(amount))
        assert any(entries_of(amount))
    assert books.refund_accepted(amount).merchant + books.refund_failed(amount).merchant == 0
    assert books.dispute_opened(amount).merchant + books.dispute_won(amount).merchant == 0


@given(plan=plans, amount=amounts)
def test_fees_are_rounded_half_up(plan: FeePlan, amount: int) -> None:
    """Each share is at most half a minor unit away from the exact one, and a half is rounded up."""
    fee = plan.fee(amount)
    net = fee.total - fee.tax
    exact = Fraction(amount * plan.basis_points, 10_000) + plan.fixed
    exact_tax = Fraction(net * plan.tax_basis_points, 10_000)

    assert 0 <= fee.tax <= fee.total <= amount
    if exact + 1 < amount:
        assert Fraction(-1, 2) < net - exact <= Fraction(1, 2)
    if net + exact_tax + 1 < amount:
        assert Fraction(-1, 2) < fee.tax - exact_tax <= Fraction(1, 2)


@given(plan=plans, amount=amounts, more=amounts)
def test_fees_never_shrink(plan: FeePlan, amount: int, more: int) -> None:
    """Of more that is captured no less is paid, so that each further capture adds something."""
    assert plan.fee(amount).total <= plan.fee(amount + more).total


@pytest.mark.parametrize(
    ("plan", "amount", "expected"),
    [
        (FREE, AMOUNT, Fee(0, 0)),
        (PLAN, 0, Fee(0, 0)),
        (FeePlan(basis_points=50), 100, Fee(1, 0)),
        (FeePlan(basis_points=49), 100, Fee(0, 0)),
        (FeePlan(basis_points=250), 1_020, Fee(26, 0)),
        (FeePlan(fixed=300), 200, Fee(200, 0)),
        (FeePlan(basis_points=10_000, tax_basis_points=1_800), 200, Fee(200, 0)),
    ],
)
def test_what_a_payment_costs(plan: FeePlan, amount: int, expected: Fee) -> None:
    """0.5 is 1, 0.49 is 0, 25.5 is 26; and never more than was captured."""
    assert expected == plan.fee(amount)
