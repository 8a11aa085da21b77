"""Which attempt is meant, and what an operation's processor knows of its payment."""

from __future__ import annotations

from gateway.domain.decisions._transition import Transition
from gateway.domain.entities import Attempt, Operation, OrderState, Payment, Purpose
from gateway.domain.evolution import evolve

__all__ = ["attempt_of", "payment_for"]


def attempt_of(state: OrderState | Transition, attempt_id: str) -> Attempt | None:
    """The attempt, also one that a newer one has replaced; None when it is not the order's."""
    replaced = state.replaced.get(attempt_id)
    if replaced is not None:
        return replaced
    return next((each for each in state.attempts.values() if each.id == attempt_id), None)


def payment_for(state: OrderState | Transition, operation: Operation) -> Payment:
    """The operation's payment as the processor knows it that the operation is for.

    A reversal is for whoever has the attempt that it gives back, wherever the payment went since.
    """
    payment = state.payments[operation.payment_id]
    given_back = None if operation.reverses is None else attempt_of(state, operation.reverses)
    if given_back is None:
        return payment
    is_payment = state.operations[given_back.operation_id].purpose == Purpose.PAYMENT
    return evolve(
        payment,
        processor=given_back.processor,
        processor_account_id=given_back.processor_account_id,
        processor_reference=given_back.processor_reference
        if is_payment
        else payment.processor_reference,
    )
