"""What is to be done about a job: begin, ask first, or nothing (P2)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.domain.decisions._belief import waits_for_shopper
from gateway.domain.decisions._outcomes import finish_release
from gateway.domain.decisions._transition import Decision, Moment, Policy, Transition
from gateway.domain.entities import (
    Attempt,
    AttemptState,
    Operation,
    OperationKind,
    OrderState,
    Payment,
    PaymentStatus,
    RefundStatus,
)
from gateway.domain.evolution import directly_made, evolve
from gateway.domain.ids import new_id
from gateway.domain.work import UnitOfWork

__all__ = ["Acknowledge", "Instruction", "LookUp", "Proceed", "begin_at_once", "begin_operation"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledge:
    """Nothing to do: the operation is finished, in somebody else's hands, or not due."""


@directly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class Proceed:
    """Call the processor with this attempt; `resume`: after a challenge, not from the start."""

    attempt: Attempt
    operation: Operation
    payment: Payment
    resume: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LookUp:
    """Ask the processor what became of this attempt; it may have happened."""

    attempt: Attempt
    operation: Operation
    payment: Payment


Instruction = Acknowledge | Proceed | LookUp


def begin_operation(
    state: OrderState, operation_id: str, moment: Moment, policy: Policy
) -> Decision[Instruction]:
    """Decide what the holder of a job does, and commit it before they do it.

    Only an operation that was never sent, or whose last attempt surely failed, is sent. One that
    was sent is looked up: when the lease of its holder has passed, or the holder has said that the
    outcome is unknown. Asking moves nothing, so it needs no lease and writes nothing.
    """
    transition = Transition(state, moment)
    operation = state.operations.get(operation_id)
    if operation is None or not operation.is_pending:
        return transition.unchanged(Acknowledge())
    if operation.kind == OperationKind.RELEASE:
        transition = Transition(state, evolve(moment, request_id=operation.request_id))
        finish_release(transition, operation)
        return transition.complete(Acknowledge())
    attempt = state.attempts.get(operation_id)
    if attempt is None or attempt.state == AttemptState.FAILED:
        return _send(transition, operation, attempt, policy)
    payment = state.payments[operation.payment_id]
    if attempt.state == AttemptState.RESUMED:
        return _resume(transition, operation, attempt, policy)
    held = attempt.state == AttemptState.SENT and attempt.lease_until > moment.real_now
    if held or waits_for_shopper(attempt, payment, moment):
        return transition.unchanged(Acknowledge())
    return transition.unchanged(LookUp(attempt=attempt, operation=operation, payment=payment))


def begin_at_once(
    state: OrderState, work: UnitOfWork, moment: Moment, policy: Policy
) -> Decision[Proceed] | None:
    """Begin the operation that `work` adds in the same unit of work; `state` is what it leads to.

    For whoever carries it out as soon as that is committed, and needs no job for it. None when
    there is not just one operation to be sent.
    """
    if len(work.jobs) != 1:
        return None
    begun = begin_operation(state, work.jobs[0].subject, moment, policy)
    if begun.work is None or not isinstance(begun.result, Proceed):
        return None
    inserts = {each.id: each for each in work.inserts}
    updates = {each.id: each for each in work.updates}
    for each in begun.work.updates:
        (inserts if each.id in inserts else updates)[each.id] = each
    inserts |= {each.id: each for each in begun.work.inserts}
    # One unit of work is one version, however much was decided.
    order = evolve(begun.state.order, version=work.order.version, last_unit_id=work.id)
    both = evolve(
        work,
        order=order,
        inserts=tuple(inserts.values()),
        updates=tuple(updates.values()),
        events=work.events + begun.work.events,
        jobs=(),
    )
    return Decision(state=evolve(begun.state, order=order), work=both, result=begun.result)


def _lease_until(moment: Moment, payment: Payment, policy: Policy) -> datetime:
    traits = policy.processors[payment.processor]
    seconds = traits.timeout_seconds + policy.lease_margin_seconds
    return moment.real_now + timedelta(seconds=seconds)


def _send(
    transition: Transition, operation: Operation, last: Attempt | None, policy: Policy
) -> Decision[Instruction]:
    payment = transition.payments[operation.payment_id]
    attempt = Attempt(
        id=new_id("att"),
        operation_id=operation.id,
        payment_id=payment.id,
        order_id=payment.order_id,
        number=1 if last is None else last.number + 1,
        processor=payment.processor,
        processor_account_id=payment.processor_account_id,
        sent_at=transition.now,
        lease_until=_lease_until(transition.moment, payment, policy),
    )
    transition.add_attempt(attempt)
    if payment.status in (PaymentStatus.PENDING, PaymentStatus.UNKNOWN):
        payment = transition.change_payment(payment, status=PaymentStatus.PROCESSING)
    refund = transition.refunds.get(operation.refund_id or "")
    if refund is not None and refund.status == RefundStatus.PENDING:
        transition.change_refund(refund, status=RefundStatus.PROCESSING)
    return transition.complete(Proceed(attempt=attempt, operation=operation, payment=payment))


def _resume(
    transition: Transition, operation: Operation, attempt: Attempt, policy: Policy
) -> Decision[Instruction]:
    payment = transition.payments[operation.payment_id]
    lease = _lease_until(transition.moment, payment, policy)
    attempt = transition.change_attempt(attempt, state=AttemptState.SENT, lease_until=lease)
    return transition.complete(
        Proceed(attempt=attempt, operation=operation, payment=payment, resume=True)
    )
