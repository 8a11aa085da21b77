"""Disputes: opened by the shopper's bank, accepted or contested by the merchant, decided.

Their money is set aside when they are opened, so that it cannot be refunded or settled meanwhile.
It is lost with the dispute and the merchant's again otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from gateway.domain import books
from gateway.domain.books import TransactionKind
from gateway.domain.decisions._transition import Decision, Moment, Policy, Transition
from gateway.domain.disputes import REASON_CODES, Dispute, DisputePhase, DisputeStatus
from gateway.domain.entities import OrderState, Payment
from gateway.domain.errors import InvalidRequest, InvalidState, NotFound
from gateway.domain.ids import new_id

__all__ = [
    "AcceptDispute",
    "ContestDispute",
    "DecideDispute",
    "DisputeChange",
    "ExpireDispute",
    "OpenDispute",
    "begin_dispute",
    "change_dispute",
    "open_dispute",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenDispute:
    """The bank's wish; `amount` in minor units, None for all that is left."""

    dispute_id: str = field(default_factory=lambda: new_id("disp"))
    payment_id: str
    amount: int | None = None
    phase: DisputePhase = DisputePhase.CHARGEBACK
    reason_code: str = "general"


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptDispute:
    """The merchant gives in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContestDispute:
    """The merchant's evidence (None: as it was); with `submit` it goes to the bank."""

    summary: str | None
    submit: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DecideDispute:
    """The bank's word: won, lost or closed."""

    status: DisputeStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpireDispute:
    """Time has passed; what was not contested by then is lost."""


DisputeChange = AcceptDispute | ContestDispute | DecideDispute | ExpireDispute


def open_dispute(
    state: OrderState, command: OpenDispute, moment: Moment, policy: Policy
) -> Decision[Dispute]:
    """Set the amount aside until the dispute is decided.

    Raises NotFound, InvalidState (nothing is captured, or another dispute is not decided) and
    InvalidRequest (more than is left, or a reason that does not exist).
    """
    payment = state.payments.get(command.payment_id)
    if payment is None:
        raise NotFound("Payment not found")
    if not payment.captured:
        raise InvalidState("Payment not in disputable state")
    if any(it.payment_id == payment.id and it.is_undecided for it in state.disputes.values()):
        raise InvalidState("Payment is being disputed")
    if command.reason_code not in REASON_CODES:
        raise InvalidRequest("reason_code is unknown", field="reason_code")
    left = payment.amount_refundable
    amount = left if command.amount is None else command.amount
    if not 1 <= amount <= left:
        raise InvalidRequest("Dispute amount exceeds available amount", field="amount")
    transition = Transition(state, moment)
    dispute = begin_dispute(transition, payment, amount, command, policy)
    return transition.complete(dispute)


def begin_dispute(
    transition: Transition, payment: Payment, amount: int, command: OpenDispute, policy: Policy
) -> Dispute:
    """Make the dispute of an amount that is there."""
    dispute = Dispute(
        id=command.dispute_id,
        payment_id=payment.id,
        order_id=payment.order_id,
        merchant_id=payment.merchant_id,
        mode=payment.mode,
        amount=amount,
        currency=payment.currency,
        phase=command.phase,
        reason_code=command.reason_code,
        respond_by=transition.now + timedelta(seconds=policy.dispute_seconds),
        created_at=transition.now,
        updated_at=transition.now,
    )
    payment = transition.change_payment(payment, amount_disputed=payment.amount_disputed + amount)
    entries = books.dispute_opened(amount)
    transition.book(TransactionKind.DISPUTE_OPENED, dispute.id, payment, entries)
    transition.put_dispute(dispute)
    transition.emit("dispute.created", payment, dispute=dispute)
    return dispute


def change_dispute(
    state: OrderState, dispute_id: str, change: DisputeChange, moment: Moment
) -> Decision[Dispute]:
    """Accept, contest, decide or expire it. Expiry steps back when it is not time, or too late.

    Raises NotFound, InvalidState (decided, under review, or after `respond_by`), InvalidRequest.
    """
    dispute = state.disputes.get(dispute_id)
    if dispute is None:
        raise NotFound("Dispute not found")
    transition = Transition(state, moment)
    match change:
        case ExpireDispute():
            if dispute.status != DisputeStatus.OPEN or moment.now < dispute.respond_by:
                return transition.unchanged(dispute)
            changed = _end(transition, dispute, DisputeStatus.LOST)
        case AcceptDispute():
            _refuse_unless_answerable(dispute, moment)
            changed = _end(transition, dispute, DisputeStatus.LOST)
        case ContestDispute():
            _refuse_unless_answerable(dispute, moment)
            changed = _contest(transition, dispute, change)
        case DecideDispute():
            _refuse_unless_decidable(dispute, change.status)
            changed = _end(transition, dispute, change.status)
    return transition.complete(changed)


def _contest(transition: Transition, dispute: Dispute, change: ContestDispute) -> Dispute:
    summary = dispute.summary if change.summary is None else change.summary
    if not change.submit:
        return transition.change_dispute(dispute, summary=summary)
    if not summary:
        raise InvalidRequest("summary is required to contest a dispute", field="summary")
    dispute = transition.change_dispute(
        dispute,
        summary=summary,
        status=DisputeStatus.UNDER_REVIEW,
        submitted_at=transition.now,
    )
    payment = transition.payments[dispute.payment_id]
    transition.emit("dispute.under_review", payment, dispute=dispute)
    return dispute


def _end(transition: Transition, dispute: Dispute, status: DisputeStatus) -> Dispute:
    payment, lost = transition.payments[dispute.payment_id], status == DisputeStatus.LOST
    dispute = transition.change_dispute(
        dispute,
        status=status,
        amount_deducted=dispute.amount if lost else 0,
        decided_at=transition.now,
    )
    if lost:
        entries = books.dispute_lost(dispute.amount)
        transition.book(TransactionKind.DISPUTE_LOST, dispute.id, payment, entries)
    else:
        payment = transition.change_payment(
            payment, amount_disputed=payment.amount_disputed - dispute.amount
        )
        entries = books.dispute_won(dispute.amount)
        transition.book(TransactionKind.DISPUTE_WON, dispute.id, payment, entries)
    transition.emit(f"dispute.{status}", payment, dispute=dispute)
    return dispute


def _refuse_unless_answerable(dispute: Dispute, moment: Moment) -> None:
    if dispute.status != DisputeStatus.OPEN:
        raise InvalidState(f"Dispute is {dispute.status.replace('_', ' ')}")
    if moment.now >= dispute.respond_by:
        raise InvalidState("The time to respond to the dispute is over")


def _refuse_unless_decidable(dispute: Dispute, status: DisputeStatus) -> None:
    allowed = {
        DisputeStatus.OPEN: (DisputeStatus.CLOSED,),
        DisputeStatus.UNDER_REVIEW: (DisputeStatus.WON, DisputeStatus.LOST, DisputeStatus.CLOSED),
    }
    if status not in allowed.get(dispute.status, ()):
        raise InvalidState(f"Dispute is {dispute.status.replace('_', ' ')}")
