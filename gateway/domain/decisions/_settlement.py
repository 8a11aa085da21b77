"""What a finished operation does to the payment, the refund and the order."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from gateway.domain import books
from gateway.domain.books import TransactionKind
from gateway.domain.customers import Token, TokenState
from gateway.domain.decisions._disputes import OpenDispute, begin_dispute
from gateway.domain.decisions._transition import Policy, Transition
from gateway.domain.entities import (
    Operation,
    OperationKind,
    OperationState,
    OrderStatus,
    Payment,
    PaymentStatus,
    Purpose,
    Refund,
    RefundStatus,
)
from gateway.domain.evolution import evolve
from gateway.domain.fees import FREE
from gateway.domain.ids import new_id
from gateway.domain.outcomes import Approved, Declined

__all__ = ["book_reversal", "fail", "settle", "token_of"]


def settle(transition: Transition, operation: Operation, outcome: Approved, policy: Policy) -> None:
    """The processor did it."""
    operation = transition.change_operation(operation, state=OperationState.DONE, due_at=None)
    payment = transition.payments[operation.payment_id]
    if operation.purpose == Purpose.REVERSAL:
        book_reversal(transition, operation, payment)
        return
    match operation.kind:
        case OperationKind.CHARGE | OperationKind.AUTHORIZE:
            _authorized(transition, operation, payment, outcome, policy)
        case OperationKind.CAPTURE:
            _captured(transition, operation, payment, policy)
        case OperationKind.VOID:
            _voided(transition, operation, payment)
        case OperationKind.REFUND:
            payment = transition.change_payment(
                payment,
                amount_refunded=payment.amount_refunded + operation.amount,
                amount_refund_pending=payment.amount_refund_pending - operation.amount,
            )
            entries = books.refund_processed(operation.amount)
            refund = _refund_of(transition, operation)
            transition.book(TransactionKind.REFUND_PROCESSED, refund.id, payment, entries)
            _refund_processed(transition, operation, payment)
    if outcome.dispute is not None:
        _disputed(transition, operation, outcome.dispute, policy)


def _disputed(
    transition: Transition, operation: Operation, reason_code: str, policy: Policy
) -> None:
    """The bank disputes what it has just paid, and what is left of what it paid before."""
    payment = transition.payments[operation.payment_id]
    left = payment.amount_refundable
    if left and not any(it.is_undecided for it in transition.disputes.values()):
        wish = OpenDispute(payment_id=payment.id, reason_code=reason_code)
        begin_dispute(transition, payment, left, wish, policy)


def _authorized(
    transition: Transition,
    operation: Operation,
    payment: Payment,
    outcome: Approved,
    policy: Policy,
) -> None:
    at_once = operation.kind == OperationKind.CHARGE
    window = timedelta(seconds=policy.capture_window_seconds)
    token = token_of(payment, outcome, transition.now)
    payment = transition.change_payment(
        payment,
        status=PaymentStatus.SUCCESS,
        processor_reference=outcome.reference,
        token_id=payment.token_id if token is None else token.id,
        amount_authorized=operation.amount,
        amount_captured=operation.amount if at_once else 0,
        capture_expires_at=None if at_once else transition.now + window,
        next_action=None,
        action_deadline=None,
    )
    transition.forget_card(payment)
    transition.emit("payment.success", payment)
    if token is not None:
        transition.add_token(token)
        transition.emit("token.created", payment)
    if at_once:
        _paid(transition, operation, payment, policy)
    elif payment.capture == "automatic":
        payment = transition.change_payment(payment, amount_capture_pending=operation.amount)
        transition.add_operation(
            payment,
            OperationKind.CAPTURE,
            Purpose.CAPTURE,
            operation.amount,
            recovery_seconds=policy.recovery_seconds,
        )


def token_of(
    payment: Payment,
    outcome: Approved,
    now: datetime,
    state: TokenState = TokenState.ACTIVE,
) -> Token | None:
    """What comes of a card that was to be kept; None where the processor keeps none."""
    if outcome.stored is None or not payment.save or payment.customer_id is None:
        return None
    return Token(
        id=new_id("tok"),
        customer_id=payment.customer_id,
        merchant_id=payment.merchant_id,
        mode=payment.mode,
        payment_id=payment.id,
        processor=payment.processor,
        processor_account_id=payment.processor_account_id,
        instrument=evolve(payment.instrument, stored=outcome.stored),
        state=state,
        created_at=now,
        updated_at=now,
    )


def _captured(
    transition: Transition, operation: Operation, payment: Payment, policy: Policy
) -> None:
    payment = transition.change_payment(
        payment,
        amount_captured=payment.amount_captured + operation.amount,
        amount_capture_pending=payment.amount_capture_pending - operation.amount,
    )
    rest = payment.amount_capturable
    if rest and not policy.processors[payment.processor].multiple_captures:
        payment = transition.change_payment(payment, amount_released=payment.amount_released + rest)
    if payment.amount_capturable == 0:
        payment = transition.change_payment(payment, capture_expires_at=None)
    _paid(transition, operation, payment, policy)


def _paid(transition: Transition, operation: Operation, payment: Payment, policy: Policy) -> None:
    payment = _book_capture(transition, operation, payment, policy)
    transition.emit("payment.captured", payment)
    first = transition.order.status != OrderStatus.PAID
    transition.change_order(status=OrderStatus.PAID, amount_paid=payment.amount_captured)
    if first:
        transition.emit("order.paid", payment)


def _book_capture(
    transition: Transition, operation: Operation, payment: Payment, policy: Policy
) -> Payment:
    """The payment with its fee. A plan that has changed between two captures takes nothing back."""
    plan = policy.fee_plan(payment.merchant_id, payment.currency)
    fee = tax = 0
    if plan is not FREE:
        due = plan.fee(payment.amount_captured)
        tax = max(due.tax - payment.tax, 0)
        fee = max(due.total - due.tax - (payment.fee - payment.tax), 0) + tax
        payment = transition.change_payment(payment, fee=payment.fee + fee, tax=payment.tax + tax)
    entries = books.captured(operation.amount, fee=fee, tax=tax)
    transition.book(TransactionKind.CAPTURE, operation.id, payment, entries)
    return payment


def book_reversal(transition: Transition, operation: Operation, payment: Payment) -> None:
    """A reversal that is a refund returns what was received late; a void never had the money."""
    if operation.kind == OperationKind.REFUND:
        entries = books.returned_late(operation.amount)
        transition.book(TransactionKind.REVERSAL, operation.id, payment, entries)


def _voided(transition: Transition, operation: Operation, payment: Payment) -> None:
    expired = operation.purpose == Purpose.EXPIRE
    over = PaymentStatus.EXPIRED if expired else PaymentStatus.CANCELLED
    payment = transition.change_payment(
        payment,
        amount_released=payment.amount_authorized - payment.amount_captured,
        capture_expires_at=None,
        status=payment.status if payment.captured else over,
    )
    if not payment.captured:
        transition.emit(f"payment.{payment.status}", payment)
    if operation.refund_id is not None:
        _refund_processed(transition, operation, payment)
    if operation.purpose == Purpose.CANCEL_ORDER:
        transition.change_order(status=OrderStatus.CANCELLED)
        transition.emit("order.cancelled")


def _refund_processed(transition: Transition, operation: Operation, payment: Payment) -> None:
    refund = transition.change_refund(
        _refund_of(transition, operation),
        status=RefundStatus.PROCESSED,
        processed_at=transition.now,
    )
    transition.emit("refund.processed", payment, refund)


def fail(transition: Transition, operation: Operation, outcome: Declined, policy: Policy) -> None:
    """It surely did not happen, and will not: what was set aside for it is free again."""
    transition.change_operation(
        operation,
        state=OperationState.FAILED,
        due_at=None,
        error_code=outcome.code,
        error_description=outcome.description,
        error_reason=outcome.reason,
    )
    payment = transition.payments[operation.payment_id]
    if operation.purpose == Purpose.REVERSAL:
        details = {"operation": operation.id, "kind": operation.kind, "amount": operation.amount}
        transition.audit("reversal_failed", payment.id, json.dumps(details).encode())
        return
    match operation.kind:
        case OperationKind.CHARGE | OperationKind.AUTHORIZE:
            _payment_failed(transition, payment, outcome)
        case OperationKind.CAPTURE:
            transition.change_payment(
                payment,
                amount_capture_pending=payment.amount_capture_pending - operation.amount,
            )
        case OperationKind.VOID | OperationKind.REFUND:
            if operation.purpose == Purpose.EXPIRE:
                payment = _expire_later(transition, payment, policy)
            _giving_back_failed(transition, operation, payment, outcome)


def _payment_failed(transition: Transition, payment: Payment, outcome: Declined) -> None:
    payment = transition.change_payment(
        payment,
        status=PaymentStatus.FAILED,
        error_code=outcome.code,
        error_description=outcome.description,
        error_reason=outcome.reason,
        next_action=None,
        action_deadline=None,
    )
    transition.forget_card(payment)
    transition.emit("payment.failed", payment)


def _expire_later(transition: Transition, payment: Payment, policy: Policy) -> Payment:
    """An authorization that the processor would not void is tried again, and then an operator's."""
    tries = sum(
        each.payment_id == payment.id and each.purpose == Purpose.EXPIRE
        for each in transition.operations.values()
    )
    again = tries < policy.expiry_voids_max
    if not again:
        transition.audit("expiry_failed", payment.id, b"{}")
    next_try = transition.now + timedelta(seconds=policy.expiry_retry_seconds)
    return transition.change_payment(payment, capture_expires_at=next_try if again else None)


def _giving_back_failed(
    transition: Transition, operation: Operation, payment: Payment, outcome: Declined
) -> None:
    if operation.refund_id is None:
        return
    refund = _refund_of(transition, operation)
    if operation.kind == OperationKind.VOID:
        payment = transition.change_payment(
            payment, amount_released=payment.amount_released - refund.amount
        )
    else:
        payment = transition.change_payment(
            payment, amount_refund_pending=payment.amount_refund_pending - refund.amount
        )
        entries = books.refund_failed(refund.amount)
        transition.book(TransactionKind.REFUND_FAILED, refund.id, payment, entries)
    refund = transition.change_refund(
        refund, status=RefundStatus.FAILED, error_description=outcome.description
    )
    transition.emit("refund.failed", payment, refund)


def _refund_of(transition: Transition, operation: Operation) -> Refund:
    if operation.refund_id is None:
        raise AssertionError("a refund's operation names its refund")
    return transition.refunds[operation.refund_id]
