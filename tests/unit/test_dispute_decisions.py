"""Disputes: the money they set aside, who may say what until when, and how they end."""

from __future__ import annotations

import pytest

from gateway.domain.decisions import (
    AcceptDispute,
    ContestDispute,
    DecideDispute,
    DisputeChange,
    ExpireDispute,
)
from gateway.domain.disputes import DisputeStatus
from gateway.domain.errors import InvalidRequest, InvalidState, NotFound
from gateway.domain.outcomes import Approved
from tests.unit.scenario import AMOUNT, POLICY, Scenario, authorized, captured

SUBMIT = ContestDispute(summary="Delivered and signed for", submit=True)
WON, LOST, CLOSED = (
    DecideDispute(status=status)
    for status in (DisputeStatus.WON, DisputeStatus.LOST, DisputeStatus.CLOSED)
)


def test_a_dispute_sets_its_amount_aside() -> None:
    """It can be neither refunded nor disputed a second time; the rest can be refunded."""
    order = captured()
    dispute = order.dispute(20_000)

    assert ("open", 20_000, 0) == (dispute.status, dispute.amount, dispute.amount_deducted)
    assert ["dispute.created"] == order.events
    assert POLICY.dispute_seconds == (dispute.respond_by - order.now).total_seconds()
    assert {"processor": AMOUNT, "merchant": 20_000 - AMOUNT, "disputes": -20_000} == order.balances
    with pytest.raises(InvalidRequest, match="exceeds"):
        order.give_back(30_001)
    with pytest.raises(InvalidState, match="being disputed"):
        order.dispute(1)
    order.give_back(30_000)


@pytest.mark.parametrize(
    ("changes", "status", "deducted"),
    [
        ([AcceptDispute()], "lost", 20_000),
        ([SUBMIT, LOST], "lost", 20_000),
        ([SUBMIT, WON], "won", 0),
        ([SUBMIT, CLOSED], "closed", 0),
        ([CLOSED], "closed", 0),
    ],
)
def test_how_a_dispute_ends(changes: list[DisputeChange], status: str, deducted: int) -> None:
    """Lost, the shopper's bank has the money; otherwise it is the merchant's again."""
    order = captured()
    order.dispute(20_000)
    for change in changes:
        dispute = order.change_dispute(change)

    assert (status, deducted) == (dispute.status, dispute.amount_deducted)
    assert [f"dispute.{status}"] == order.events
    kept = AMOUNT - deducted
    assert {"processor": kept, "merchant": -kept} == order.balances
    for change in (AcceptDispute(), SUBMIT, WON, CLOSED):
        with pytest.raises(InvalidState, match=f"Dispute is {status}"):
            order.change_dispute(change)


def test_drafts_are_kept_and_submitted_once() -> None:
    """Evidence may be changed until it is with the bank, and there has to be some."""
    order = captured()
    order.dispute()
    with pytest.raises(InvalidRequest, match="summary is required"):
        order.change_dispute(ContestDispute(summary=None, submit=True))
    draft = order.change_dispute(ContestDispute(summary="First", submit=False))
    assert ("open", "First", []) == (draft.status, draft.summary, order.events)

    submitted = order.change_dispute(ContestDispute(summary=None, submit=True))

    assert ("under_review", "First") == (submitted.status, submitted.summary)
    assert ["dispute.under_review"] == order.events
    with pytest.raises(InvalidState, match="under review"):
        order.change_dispute(SUBMIT)


def test_what_is_not_answered_in_time_is_lost() -> None:
    """Not a moment earlier, and not once it is with the bank."""
    order = captured()
    order.dispute()
    order.move_clock(POLICY.dispute_seconds - 1)
    assert "open" == order.change_dispute(ExpireDispute()).status
    assert not order.wrote
    order.move_clock(1)
    for change in (AcceptDispute(), SUBMIT):
        with pytest.raises(InvalidState, match="time to respond"):
            order.change_dispute(change)

    assert "lost" == order.change_dispute(ExpireDispute()).status

    contested = captured()
    contested.dispute()
    contested.change_dispute(SUBMIT)
    contested.move_clock(POLICY.dispute_seconds)
    assert "under_review" == contested.change_dispute(ExpireDispute()).status


def test_the_bank_decides_only_what_it_was_shown() -> None:
    """An open dispute can be withdrawn, and neither won nor lost by its word."""
    order = captured()
    order.dispute()
    for verdict in (WON, LOST):
        with pytest.raises(InvalidState, match="Dispute is open"):
            order.change_dispute(verdict)


def test_only_captured_money_is_disputed() -> None:
    """An authorization, what was refunded, and what is not there are refused."""
    with pytest.raises(InvalidState, match="disputable"):
        authorized().dispute()
    order = captured()
    order.give_back()
    for amount in (None, 1, 0):
        with pytest.raises(InvalidRequest, match="exceeds"):
            order.dispute(amount)
    with pytest.raises(NotFound):
        order.dispute(payment_id="pay_unknown")
    with pytest.raises(NotFound):
        order.change_dispute(AcceptDispute(), "disp_unknown")


@pytest.mark.parametrize("capture", ["automatic", "manual"])
def test_a_bank_may_dispute_what_it_has_just_paid(capture: str) -> None:
    """The dispute comes in the unit of work of the charge or capture."""
    disputed = Approved(reference="bank_1", dispute="fraudulent")
    order = Scenario(capture=capture)
    order.pay()
    if capture == "manual":
        order.carry_out()
        order.capture()
    order.carry_out(disputed)

    (dispute,) = order.state.disputes.values()
    assert (AMOUNT, "fraudulent", "open") == (dispute.amount, dispute.reason_code, dispute.status)
    assert "dispute.created" in order.events
