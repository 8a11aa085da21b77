"""What a request waits for that is to answer with an outcome: which operation decides, and when."""

from __future__ import annotations

from gateway.domain.entities import (
    Operation,
    OperationKind,
    OperationState,
    OrderState,
    Payment,
    PaymentStatus,
)

__all__ = ["decisive_operation", "is_decided"]


def decisive_operation(state: OrderState, operation: Operation) -> Operation:
    """The operation whose outcome is that of the request which began `operation`.

    That is itself, but for a payment to be captured at once by a processor that cannot do both in
    one step: what was wanted is the capture that follows the authorization.
    """
    payment = state.payments[operation.payment_id]
    if not _is_first_step(operation, payment):
        return operation
    return next(
        each
        for each in state.operations.values()
        if each.payment_id == payment.id and each.kind == OperationKind.CAPTURE
    )


def is_decided(operation: Operation, payment: Payment) -> bool:
    """Whether there is nothing more to wait for: an outcome, or the shopper has to do something."""
    if operation.is_pending:
        return payment.status == PaymentStatus.REQUIRES_ACTION
    return not _is_first_step(operation, payment) or payment.amount_capture_pending == 0


def _is_first_step(operation: Operation, payment: Payment) -> bool:
    return (
        operation.kind == OperationKind.AUTHORIZE
        and operation.state == OperationState.DONE
        and payment.capture == "automatic"
    )
