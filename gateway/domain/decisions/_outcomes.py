"""What the processor's answer changes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from gateway.domain.decisions._belief import PAYMENT_KINDS, SENT_AGAIN, believed
from gateway.domain.decisions._finding import attempt_of, payment_for
from gateway.domain.decisions._late_approvals import give_back
from gateway.domain.decisions._routing import kind_for, next_on_route
from gateway.domain.decisions._sending import Proceed, lease_until, send
from gateway.domain.decisions._settlement import fail, settle
from gateway.domain.decisions._transition import (
    Decision,
    Moment,
    Policy,
    Transition,
)
from gateway.domain.decisions._waits import ask_at, send_at
from gateway.domain.entities import (
    Attempt,
    AttemptState,
    Operation,
    OperationState,
    OrderState,
    Payment,
    PaymentStatus,
    Purpose,
    RefundStatus,
)
from gateway.domain.errors import NotFound
from gateway.domain.evolution import evolve
from gateway.domain.outcomes import (
    Approved,
    AttemptNotFound,
    CardDataLost,
    Declined,
    FailedSurely,
    Outcome,
    RequiresAction,
    Unknown,
)

__all__ = ["finish_release", "record_outcome"]

_CARD_DATA_LOST = Declined(
    code="CARD_DATA_LOST",
    description="Nothing was charged, please enter your card again",
    reason="card_data_lost",
)
_ABANDONED = Declined(
    code="PAYMENT_FAILED",
    description="The payment was not confirmed in time",
    reason="action_abandoned",
)


def record_outcome(
    state: OrderState, attempt_id: str, outcome: Outcome, moment: Moment, policy: Policy
) -> Decision[Proceed | None]:
    """Make an outcome true. The result says what is to be sent now: the same attempt again, or one
    to the next processor of the payment's route.

    Telling it twice changes nothing the second time. An approval of what is already final flips
    nothing, nor does one of an attempt that a newer one has replaced: it is reversed, and somebody
    is told. What comes of it carries the id of the request that began the operation. Raises
    NotFound unless it is an attempt of one of the order's operations.
    """
    attempt = attempt_of(state, attempt_id)
    if attempt is None:
        raise NotFound("Attempt not found")
    operation = state.operations[attempt.operation_id]
    moment = evolve(moment, request_id=operation.request_id)
    transition = Transition(state, moment)
    if attempt.id in state.replaced or not operation.is_pending:
        if not isinstance(outcome, Approved) or attempt.state == AttemptState.APPROVED:
            return transition.unchanged(None)
        attempt = _finish_attempt(transition, attempt, AttemptState.APPROVED, outcome.reference)
        give_back(transition, operation, attempt, outcome, policy)
        return transition.complete(None)
    payment = state.payments[operation.payment_id]
    match believed(operation, attempt, payment, outcome, moment):
        case None:
            return transition.unchanged(None)
        case Approved() as approved:
            _finish_attempt(transition, attempt, AttemptState.APPROVED, approved.reference)
            settle(transition, operation, approved, policy)
        case Declined() as declined:
            _decline(transition, operation, attempt, declined, policy)
        case RequiresAction() as action:
            _require_action(transition, operation, attempt, action, policy)
        case FailedSurely() as failure:
            return transition.complete(
                _try_next_or_retry(transition, operation, attempt, failure, policy)
            )
        case Unknown() as unknown:
            _ask_again_later(transition, operation, attempt, unknown, policy)
        case AttemptNotFound() if _was_challenged(operation, payment):
            _decline(transition, operation, attempt, _ABANDONED, policy)
        case AttemptNotFound():
            return _send_again(transition, operation, attempt, policy)
        case CardDataLost():
            _finish_attempt(transition, attempt, AttemptState.FAILED, reason="card_data_lost")
            fail(transition, operation, _CARD_DATA_LOST, policy)
    return transition.complete(None)


def _was_challenged(operation: Operation, payment: Payment) -> bool:
    waits = payment.status == PaymentStatus.REQUIRES_ACTION
    return waits and operation.purpose == Purpose.PAYMENT


def finish_release(transition: Transition, operation: Operation) -> None:
    """A release needs no processor: its refund is processed as soon as it is begun."""
    transition.change_operation(operation, state=OperationState.DONE, due_at=None)
    refund = transition.refunds[operation.refund_id or ""]
    refund = transition.change_refund(
        refund, status=RefundStatus.PROCESSED, processed_at=transition.now
    )
    transition.emit("refund.processed", transition.payments[operation.payment_id], refund)


def _finish_attempt(
    transition: Transition,
    attempt: Attempt,
    state: AttemptState,
    reference: str | None = None,
    reason: str | None = None,
) -> Attempt:
    return transition.change_attempt(
        attempt,
        state=state,
        finished_at=transition.now,
        processor_reference=reference or attempt.processor_reference,
        reason=reason,
    )


def _decline(
    transition: Transition,
    operation: Operation,
    attempt: Attempt,
    outcome: Declined,
    policy: Policy,
) -> None:
    _finish_attempt(transition, attempt, AttemptState.DECLINED, reason=outcome.reason)
    fail(transition, operation, outcome, policy)


def _require_action(
    transition: Transition,
    operation: Operation,
    attempt: Attempt,
    outcome: RequiresAction,
    policy: Policy,
) -> None:
    payment = transition.payments[operation.payment_id]
    deadline = payment.action_deadline
    if deadline is not None and deadline <= transition.now:
        _decline(transition, operation, attempt, _ABANDONED, policy)
        return
    # The clock of the shopper starts here, not when the payment was made.
    deadline = deadline or transition.now + timedelta(seconds=policy.action_seconds)
    transition.change_attempt(
        attempt,
        state=AttemptState.REQUIRES_ACTION,
        lease_until=transition.moment.real_now,
        processor_reference=outcome.reference,
    )
    transition.change_operation(operation, state=OperationState.OPEN, due_at=deadline)
    entered = payment.status != PaymentStatus.REQUIRES_ACTION
    payment = transition.change_payment(
        payment,
        status=PaymentStatus.REQUIRES_ACTION,
        next_action=outcome.next_action,
        action_deadline=deadline,
    )
    if entered:
        transition.emit("payment.requires_action", payment)


def _try_next_or_retry(
    transition: Transition,
    operation: Operation,
    attempt: Attempt,
    outcome: FailedSurely,
    policy: Policy,
) -> Proceed | None:
    _finish_attempt(transition, attempt, AttemptState.FAILED, reason=outcome.reason)
    if operation.kind in PAYMENT_KINDS and not outcome.is_ours:
        moved = next_on_route(transition.payments[operation.payment_id], policy)
        if moved is not None:
            return _move(transition, operation, attempt, moved, policy)
    _retry_or_fail(transition, operation, attempt, outcome, policy)
    return None


def _move(
    transition: Transition,
    operation: Operation,
    attempt: Attempt,
    moved: Mapping[str, Any],
    policy: Policy,
) -> Proceed:
    """The payment is another processor's from now on, and sent there in the same unit of work."""
    payment = transition.change_payment(transition.payments[operation.payment_id], **moved)
    kind = kind_for(payment, policy)
    if kind != operation.kind:  # one needs two steps for what the other does at once
        operation = transition.change_operation(operation, kind=kind)
    return send(transition, operation, attempt, policy)


def _retry_or_fail(
    transition: Transition,
    operation: Operation,
    attempt: Attempt,
    outcome: FailedSurely,
    policy: Policy,
) -> None:
    due_at = send_at(operation, attempt, outcome, transition.now, policy)
    if due_at is None:
        fail(transition, operation, _not_attempted(operation), policy)
        return
    was_sent = outcome.retry_after_seconds is None
    transition.change_operation(
        operation,
        state=OperationState.OPEN,
        retries=operation.retries + was_sent,
        due_at=due_at,
    )


def _not_attempted(operation: Operation) -> Declined:
    charged = ", nothing was charged" if operation.kind in PAYMENT_KINDS else ""
    return Declined(
        code="GATEWAY_ERROR",
        description=f"The processor could not be reached{charged}",
        reason="processor_unreachable",
    )


def _ask_again_later(
    transition: Transition,
    operation: Operation,
    attempt: Attempt,
    outcome: Unknown,
    policy: Policy,
) -> None:
    was_asked = outcome.retry_after_seconds is None
    asked = _lookups_now(operation) if was_asked else operation.lookups
    due_at = ask_at(attempt, outcome, asked, transition.now, policy)
    # The lease stays: until it has passed, "not found" proves nothing.
    transition.change_attempt(
        attempt,
        state=AttemptState.UNKNOWN,
        reason=outcome.reason,
        processor_reference=outcome.reference or attempt.processor_reference,
    )
    transition.change_operation(
        operation, state=OperationState.UNKNOWN, lookups=asked, due_at=due_at
    )
    payment = transition.payments[operation.payment_id]
    if operation.kind in PAYMENT_KINDS and payment.status != PaymentStatus.UNKNOWN:
        payment = transition.change_payment(payment, status=PaymentStatus.UNKNOWN)
        transition.emit("payment.unknown", payment)


def _lookups_now(operation: Operation) -> int:
    """How often it was asked for, this answer included; never starts anew, so that it ends."""
    return operation.lookups + (operation.state == OperationState.UNKNOWN)


def _send_again(
    transition: Transition, operation: Operation, attempt: Attempt, policy: Policy
) -> Decision[Proceed | None]:
    """The processor never heard of it: the same attempt goes out again under its reference."""
    payment = transition.payments[operation.payment_id]
    attempt = transition.change_attempt(
        attempt,
        state=AttemptState.SENT,
        reason=SENT_AGAIN,
        lease_until=lease_until(transition.moment, attempt.processor, policy),
    )
    operation = transition.change_operation(
        operation,
        state=OperationState.OPEN,
        lookups=_lookups_now(operation),
        due_at=transition.now + timedelta(seconds=policy.recovery_seconds),
    )
    if operation.purpose == Purpose.PAYMENT and payment.status == PaymentStatus.UNKNOWN:
        transition.change_payment(payment, status=PaymentStatus.PROCESSING)
    payment = payment_for(transition, operation)
    return transition.complete(Proceed(attempt=attempt, operation=operation, payment=payment))
