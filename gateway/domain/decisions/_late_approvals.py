"""Approvals of what is final already, or was replaced by a newer attempt: they flip nothing.

The money goes back from where the attempt was sent to, under the attempt's own name, whatever has
become of the payment since.
"""

from __future__ import annotations

import json

from gateway.domain import books
from gateway.domain.books import TransactionKind
from gateway.domain.customers import TokenState
from gateway.domain.decisions._routing import kind_for
from gateway.domain.decisions._settlement import book_reversal, token_of
from gateway.domain.decisions._transition import Policy, Transition
from gateway.domain.entities import Attempt, Operation, OperationKind, Payment, Purpose
from gateway.domain.evolution import evolve
from gateway.domain.outcomes import Approved

__all__ = ["give_back"]

_REVERSED_BY = {
    OperationKind.AUTHORIZE: OperationKind.VOID,
    OperationKind.CHARGE: OperationKind.REFUND,
    OperationKind.CAPTURE: OperationKind.REFUND,
}


def give_back(
    transition: Transition,
    operation: Operation,
    attempt: Attempt,
    outcome: Approved,
    policy: Policy,
) -> None:
    """Begin the reversal, book what was moved, and leave a line for whoever is to be told.

    What gave money back cannot be reversed. `attempt` is marked as approved already.
    """
    payment = transition.payments[operation.payment_id]
    is_last = transition.attempts[operation.id].id == attempt.id
    if is_last and payment.processor_reference is None:
        payment = transition.change_payment(payment, processor_reference=outcome.reference)
    there = evolve(
        payment,
        processor=attempt.processor,
        processor_account_id=attempt.processor_account_id,
    )
    # The card was kept for a payment that came to nothing: the processor is to forget it.
    kept = token_of(there, outcome, transition.now, TokenState.DELETING)
    if kept is not None:
        transition.add_token(kept)
    kind = _kind_sent(operation, there, policy)
    back = _REVERSED_BY.get(kind)
    if back is not None:
        transition.add_operation(
            payment,
            back,
            Purpose.REVERSAL,
            operation.amount,
            recovery_seconds=policy.recovery_seconds,
            reverses=attempt.id,
        )
    if is_last and operation.purpose == Purpose.REVERSAL:
        book_reversal(transition, operation, payment)
    else:
        _book(transition, operation, kind, operation.id if is_last else attempt.id)
    details = {
        "operation": operation.id,
        "kind": kind,
        "attempt": attempt.id,
        "processor": attempt.processor,
        "reversed": back is not None,
    }
    transition.audit("late_approval", payment.id, json.dumps(details).encode())


def _kind_sent(operation: Operation, there: Payment, policy: Policy) -> OperationKind:
    """What the attempt's processor was asked for: another one may need one step more, or less."""
    return kind_for(there, policy) if operation.purpose == Purpose.PAYMENT else operation.kind


def _book(
    transition: Transition, operation: Operation, kind: OperationKind, source_id: str
) -> None:
    """The processor moved money that had been given up; an authorization or a void moves none.

    An operation has several attempts, and each of them that moved something is booked.
    """
    match kind:
        case OperationKind.CHARGE | OperationKind.CAPTURE:
            entries = books.received_late(operation.amount)
        case OperationKind.REFUND:
            entries = books.returned_late(operation.amount)
        case _:
            return
    payment = transition.payments[operation.payment_id]
    transition.book(TransactionKind.LATE_APPROVAL, source_id, payment, entries)
