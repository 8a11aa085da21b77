"""What is to be done about a job: begin, ask first, or nothing (P2)."""

from __future__ import annotations

from gateway.domain.decisions._belief import waits_for_shopper
from gateway.domain.decisions._finding import payment_for
from gateway.domain.decisions._outcomes import finish_release
from gateway.domain.decisions._sending import (
    Acknowledge,
    Instruction,
    LookUp,
    Proceed,
    lease_until,
    send,
)
from gateway.domain.decisions._transition import (
    Decision,
    Moment,
    Policy,
    Transition,
)
from gateway.domain.entities import (
    Attempt,
    AttemptState,
    Operation,
    OperationKind,
    OrderState,
)
from gateway.domain.evolution import evolve
from gateway.domain.work import UnitOfWork

__all__ = ["begin_at_once", "begin_operation"]


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
        return transition.complete(send(transition, operation, attempt, policy))
    payment = state.payments[operation.payment_id]
    if attempt.state == AttemptState.RESUMED:
        return _resume(transition, operation, attempt, policy)
    held = attempt.state == AttemptState.SENT and attempt.lease_until > moment.real_now
    if held or waits_for_shopper(attempt, payment, moment):
        return transition.unchanged(Acknowledge())
    payment = payment_for(state, operation)
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


def _resume(
    transition: Transition, operation: Operation, attempt: Attempt, policy: Policy
) -> Decision[Instruction]:
    payment = transition.payments[operation.payment_id]
    lease = lease_until(transition.moment, attempt.processor, policy)
    attempt = transition.change_attempt(attempt, state=AttemptState.SENT, lease_until=lease)
    return transition.complete(
        Proceed(attempt=attempt, operation=operation, payment=payment, resume=True)
    )
