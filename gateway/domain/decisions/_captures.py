"""Captures and voids: what becomes of an authorization."""

from __future__ import annotations

from gateway.domain.decisions._transition import Decision, Moment, Policy, Transition
from gateway.domain.entities import (
    Operation,
    OperationKind,
    OrderState,
    Payment,
    PaymentStatus,
    Purpose,
)
from gateway.domain.errors import InvalidRequest, InvalidState, NotFound, OperationInProgress

__all__ = ["begin_void", "capture_payment", "expire_payment", "void_payment"]


def capture_payment(
    state: OrderState, payment_id: str, amount: int | None, moment: Moment, policy: Policy
) -> Decision[Operation]:
    """Take what was authorized, or `amount` (minor units) of it; the processor is asked next.

    Raises NotFound, InvalidState (nothing to capture), InvalidRequest (more than is left, or a part
    where the processor takes only the whole), OperationInProgress.
    """
    payment = _find(state, payment_id)
    if payment.status != PaymentStatus.SUCCESS:
        raise InvalidState("Payment not in capturable state")
    _refuse_while_pending(state, payment)
    left = payment.amount_capturable
    if left == 0:
        raise InvalidState(
            "Payment already captured" if payment.captured else "Payment not in capturable state"
        )
    wanted = left if amount is None else amount
    if wanted < 1:
        raise InvalidRequest("amount must be at least 1", field="amount")
    if wanted > left:
        raise InvalidRequest("Capture amount exceeds authorized amount", field="amount")
    partial = wanted < payment.amount_authorized  # also where the rest was released or captured
    if partial and not policy.processors[payment.processor].partial_capture:
        raise InvalidRequest("The processor captures only the whole amount", field="amount")
    transition = Transition(state, moment)
    payment = transition.change_payment(
        payment, amount_capture_pending=payment.amount_capture_pending + wanted
    )
    operation = transition.add_operation(
        payment,
        OperationKind.CAPTURE,
        Purpose.CAPTURE,
        wanted,
        recovery_seconds=policy.recovery_seconds,
        surface=moment.surface,
    )
    return transition.complete(operation)


def void_payment(
    state: OrderState, payment_id: str, moment: Moment, policy: Policy
) -> Decision[Operation]:
    """Give an uncaptured authorization back; the processor is asked next.

    Raises NotFound, InvalidState (captured, or no authorization), OperationInProgress.
    """
    payment = _find(state, payment_id)
    transition = Transition(state, moment)
    operation = begin_void(transition, payment, Purpose.CANCEL, policy)
    return transition.complete(operation)


def expire_payment(
    state: OrderState, payment_id: str, moment: Moment, policy: Policy
) -> Decision[Operation | None]:
    """Release what was not captured in time; steps back (None) while an operation is open."""
    payment = _find(state, payment_id)
    transition = Transition(state, moment)
    due = payment.capture_expires_at is not None and payment.capture_expires_at <= moment.now
    if not due or state.pending_operation(payment_id) is not None:
        return transition.unchanged(None)
    if payment.status != PaymentStatus.SUCCESS or payment.amount_capturable == 0:
        transition.change_payment(payment, capture_expires_at=None)
        return transition.complete(None)
    return transition.complete(_void(transition, payment, Purpose.EXPIRE, policy))


def begin_void(
    transition: Transition, payment: Payment, purpose: Purpose, policy: Policy
) -> Operation:
    """Void all that is authorized; raises as `void_payment` does."""
    if payment.captured:
        raise InvalidState("Payment already captured")
    if payment.status != PaymentStatus.SUCCESS:
        raise InvalidState("Payment not in cancellable state")
    _refuse_while_pending(transition, payment)
    if payment.amount_capturable == 0:
        raise InvalidState("Payment not in cancellable state")
    return _void(transition, payment, purpose, policy)


def _void(transition: Transition, payment: Payment, purpose: Purpose, policy: Policy) -> Operation:
    return transition.add_operation(
        payment,
        OperationKind.VOID,
        purpose,
        payment.amount_authorized - payment.amount_captured,
        recovery_seconds=policy.recovery_seconds,
        surface=transition.moment.surface,
    )


def _find(state: OrderState, payment_id: str) -> Payment:
    payment = state.payments.get(payment_id)
    if payment is None:
        raise NotFound("Payment not found")
    return payment


def _refuse_while_pending(state: OrderState | Transition, payment: Payment) -> None:
    for operation in state.operations.values():
        if operation.payment_id == payment.id and operation.is_pending and operation.is_exclusive:
            raise OperationInProgress("Another operation is in progress")
