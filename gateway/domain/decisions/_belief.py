"""Which outcomes are believed, and as what.

Jobs are delivered at least once and holders may stall, so an outcome can be told twice, or after
somebody else has gone on. Whatever is told, P2 holds: only certainty sends anything again.
"""

from __future__ import annotations

from gateway.domain.decisions._transition import Moment
from gateway.domain.entities import (
    Attempt,
    AttemptState,
    Operation,
    OperationKind,
    OperationState,
    Payment,
)
from gateway.domain.outcomes import (
    AttemptNotFound,
    CardDataLost,
    FailedSurely,
    Outcome,
    RequiresAction,
    Unknown,
)

__all__ = ["PAYMENT_KINDS", "SENT_AGAIN", "believed", "waits_for_shopper"]

PAYMENT_KINDS = (OperationKind.CHARGE, OperationKind.AUTHORIZE)
SENT_AGAIN = "sent_again"
"""The reason of an attempt that the processor did not know and that went out a second time."""


def waits_for_shopper(attempt: Attempt, payment: Payment, moment: Moment) -> bool:
    """Whether a challenge is open whose deadline has not passed."""
    deadline = payment.action_deadline
    waiting = attempt.state == AttemptState.REQUIRES_ACTION
    return waiting and deadline is not None and deadline > moment.now


def believed(
    operation: Operation, attempt: Attempt, payment: Payment, outcome: Outcome, moment: Moment
) -> Outcome | None:
    """The outcome that a pending operation goes by; None when it changes nothing.

    A final answer of the processor always counts. Everything else only when it says something new
    about the attempt as it is now.
    """
    match outcome:
        case RequiresAction() if operation.kind not in PAYMENT_KINDS:
            # The shopper is not there for a capture, void or refund, and the payment is final.
            outcome = Unknown(reason="unexpected_action")
        case CardDataLost() if operation.kind not in PAYMENT_KINDS:
            outcome = FailedSurely(reason="card_data_lost")
        case FailedSurely() if _was_sent_twice_or_answered(attempt):
            # It may speak of the first sending, and the second be on its way.
            outcome = Unknown(
                reason=outcome.reason, retry_after_seconds=outcome.retry_after_seconds
            )
    if _is_stale(operation, attempt, payment, outcome, moment):
        return None
    if isinstance(outcome, AttemptNotFound) and _is_leased(attempt, moment):
        # The call may still be on its way.
        outcome = Unknown(reason="not_found_too_early")
        return None if _is_asked_early(operation, moment) else outcome
    return outcome


def _is_stale(
    operation: Operation, attempt: Attempt, payment: Payment, outcome: Outcome, moment: Moment
) -> bool:
    waiting = waits_for_shopper(attempt, payment, moment)
    resumed = attempt.state == AttemptState.RESUMED  # and not begun: the answer is an older one
    match outcome:
        case RequiresAction():
            return resumed or (waiting and outcome.next_action == payment.next_action)
        case FailedSurely():
            return attempt.state != AttemptState.SENT
        case Unknown():
            return waiting or resumed or _is_asked_early(operation, moment)
        case AttemptNotFound():
            sending = attempt.state == AttemptState.SENT and _is_leased(attempt, moment)
            return waiting or resumed or sending or attempt.state == AttemptState.FAILED
        case CardDataLost():
            return attempt.state != AttemptState.SENT
        case _:
            return False


def _was_sent_twice_or_answered(attempt: Attempt) -> bool:
    return attempt.processor_reference is not None or attempt.reason == SENT_AGAIN


def _is_leased(attempt: Attempt, moment: Moment) -> bool:
    return attempt.lease_until > moment.real_now


def _is_asked_early(operation: Operation, moment: Moment) -> bool:
    """Whether an unknown outcome was asked for before its time: that uses up no question."""
    early = operation.due_at is None or operation.due_at > moment.now
    return operation.state == OperationState.UNKNOWN and early
