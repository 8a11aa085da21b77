"""Refunds: of what is captured, or of an authorization that never will be."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.domain import books
from gateway.domain.books import TransactionKind
from gateway.domain.decisions._transition import Decision, Moment, Policy, Transition
from gateway.domain.entities import (
    OperationKind,
    OrderState,
    Payment,
    PaymentStatus,
    Purpose,
    Refund,
)
from gateway.domain.errors import InvalidRequest, InvalidState, NotFound, OperationInProgress

__all__ = ["RefundPayment", "refund_payment"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundPayment:
    """The merchant's wish; `amount` in minor units, None for all that is left."""

    refund_id: str
    payment_id: str
    amount: int | None = None
    reason: str | None = None
    receipt: str | None = None
    notes: str = "{}"


def refund_payment(
    state: OrderState, command: RefundPayment, moment: Moment, policy: Policy
) -> Decision[Refund]:
    """Accept a refund; its money is set aside at once, so that refunds side by side never exceed.

    Of a captured payment it goes back through the processor. Of an authorization it is released:
    nothing is asked of the processor while something remains capturable, and the authorization is
    voided when nothing does. Raises NotFound, InvalidState, InvalidRequest, OperationInProgress.
    """
    payment = state.payments.get(command.payment_id)
    if payment is None:
        raise NotFound("Payment not found")
    if payment.status != PaymentStatus.SUCCESS:
        raise InvalidState("Payment not in refundable state")
    amount = _amount(state, payment, command.amount)
    if sum(each.payment_id == payment.id for each in state.refunds.values()) >= (
        policy.refunds_per_payment_max
    ):
        raise InvalidState("Payment has been refunded too often")
    transition = Transition(state, moment)
    refund = Refund(
        id=command.refund_id,
        payment_id=payment.id,
        order_id=payment.order_id,
        merchant_id=payment.merchant_id,
        mode=payment.mode,
        amount=amount,
        currency=payment.currency,
        reason=command.reason,
        receipt=command.receipt,
        notes=command.notes,
        created_at=moment.now,
        updated_at=moment.now,
    )
    transition.add_refund(refund)
    _set_aside(transition, payment, refund, policy)
    transition.emit("refund.created", payment, refund)
    return transition.complete(refund)


def _amount(state: OrderState, payment: Payment, wanted: int | None) -> int:
    if not payment.captured and state.pending_operation(payment.id) is not None:
        # Whether it will be captured decides what kind of refund this is.
        raise OperationInProgress("Another operation is in progress")
    left = payment.amount_refundable if payment.captured else payment.amount_capturable
    amount = left if wanted is None else wanted
    if amount < 1 and left > 0:
        raise InvalidRequest("amount must be at least 1", field="amount")
    if amount > left or left == 0:
        raise InvalidRequest("Refund amount exceeds available amount", field="amount")
    return amount


def _set_aside(transition: Transition, payment: Payment, refund: Refund, policy: Policy) -> None:
    if payment.captured:
        kind, amount = OperationKind.REFUND, refund.amount
        payment = transition.change_payment(
            payment, amount_refund_pending=payment.amount_refund_pending + amount
        )
        entries = books.refund_accepted(amount)
        transition.book(TransactionKind.REFUND_ACCEPTED, refund.id, payment, entries)
    else:
        whole = refund.amount == payment.amount_capturable
        payment = transition.change_payment(
            payment, amount_released=payment.amount_released + refund.amount
        )
        kind = OperationKind.VOID if whole else OperationKind.RELEASE
        # What was released before was never voided: the processor still holds all of it.
        amount = payment.amount_authorized if whole else refund.amount
    transition.add_operation(
        payment,
        kind,
        Purpose.REFUND,
        amount,
        recovery_seconds=policy.recovery_seconds,
        refund_id=refund.id,
        surface=transition.moment.surface,
    )
