"""How an operator's word about an operation becomes true beside running gateways.

It is decided by the same rule as a processor's answer, and written by the journal's statements with
the order's version checked: an order actor of a running gateway finds its version stale with its
next command, reads the order anew and decides again. Jobs and deliveries that follow are sent to
Redis; what does not arrive there is found by Recovery. The command line and the dashboard share it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import uuid4

from redis.exceptions import RedisError

from gateway.domain.clock import Clock
from gateway.domain.decisions import Decision, Moment, Policy, Proceed, record_outcome
from gateway.domain.entities import Operation, OperationState, OrderState
from gateway.domain.errors import InvalidState, NotFound
from gateway.domain.outcomes import Approved, Declined, Outcome
from gateway.domain.work import Audit, UnitOfWork
from gateway.queue.jobs import JobQueue
from gateway.storage.journal import Committed, Connection, write_units
from gateway.storage.orders import load_orders
from gateway.storage.reads_operators import order_of_operation
from gateway.web.surfaces import render

__all__ = ["Resolved", "Resolver", "Verdict", "changed_ids", "resolve", "send_resolved", "told"]

# Each try reads the order anew; a running gateway would have to win every time in between.
_TRIES_MAX = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the operator says, and how they know."""

    approved: bool
    reference: str | None
    reason: str

    @property
    def outcome(self) -> Outcome:
        """The same as a processor's answer."""
        if self.approved:
            return Approved(reference=self.reference or "")
        return Declined(reason="resolved_by_operator")


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolver:
    """Who says it, and what decisions go by."""

    actor: str
    policy: Policy
    clock: Clock
    request_id: str | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True)
class Resolved:
    """What was written, and the deliveries that it made."""

    work: UnitOfWork
    committed: Committed


async def resolve(
    connection: Connection, resolver: Resolver, operation_id: str, verdict: Verdict
) -> Resolved:
    """Make the verdict true, in transactions of its own.

    Raises NotFound, and InvalidState for an operation whose outcome is known.
    """
    order_id = await order_of_operation(connection, operation_id)
    if order_id is None:
        raise NotFound("There is no such operation")
    for _ in range(_TRIES_MAX):
        state = (await load_orders(connection, [order_id]))[order_id]
        work = _decide(state, operation_id, verdict, resolver)
        async with connection.transaction():
            [reason], committed = await write_units(connection, [work])
        if reason is None:
            return Resolved(work, committed)
    raise InvalidState("The order is being changed all the time; try again")


async def send_resolved(queue: JobQueue, resolved: Resolved) -> None:
    """Let running gateways go on at once; without Redis they find out by themselves."""
    deliveries = [delivery.job for delivery in resolved.committed.deliveries]
    with suppress(RedisError, OSError, TimeoutError):
        await queue.send(
            jobs=[*resolved.work.jobs, *deliveries],
            changed_ids=changed_ids(resolved),
            sealed_delete=resolved.work.sealed_deletions,
        )


def changed_ids(resolved: Resolved) -> Sequence[str]:
    """What those who wait for the order or its parts have subscribed to."""
    work = resolved.work
    return [work.order.id, *(each.id for each in (*work.inserts, *work.updates))]


def told(resolved: Resolved, operation_id: str) -> str:
    """What to tell the operator."""
    work = resolved.work
    [operation] = [each for each in work.updates if each.id == operation_id]
    events: Sequence[str] = [event.type for event in work.events]
    state = operation.state if isinstance(operation, Operation) else "changed"
    follows = f"; merchants are told: {', '.join(events)}" if events else ""
    return f"Operation {operation_id} is {state}{follows}."


def _decide(
    state: OrderState, operation_id: str, verdict: Verdict, resolver: Resolver
) -> UnitOfWork:
    operation = state.operations[operation_id]
    if operation.state != OperationState.UNKNOWN:
        raise InvalidState(f"The outcome of {operation_id} is not unknown: it is {operation.state}")
    clock = resolver.clock
    moment = Moment(now=clock.now(), real_now=clock.real_now())
    attempt = state.attempts[operation_id]
    decision = record_outcome(state, attempt.id, verdict.outcome, moment, resolver.policy)
    if decision.work is None:
        raise InvalidState("There is nothing left to decide")
    audit = _audit(state, operation, verdict, resolver, moment.now)
    return _completed(decision, decision.work, audit)


def _audit(
    state: OrderState,
    operation: Operation,
    verdict: Verdict,
    resolver: Resolver,
    now: datetime,
) -> Audit:
    """The merchant's trail says what was decided, by whom and why."""
    details = {
        "outcome": "approved" if verdict.approved else "failed",
        "reference": verdict.reference,
        "reason": verdict.reason,
    }
    return Audit(
        id=uuid4(),
        merchant_id=state.order.merchant_id,
        mode=state.order.mode,
        actor=resolver.actor,
        action="operation.resolved",
        subject_id=operation.id,
        details=json.dumps(details),
        request_id=resolver.request_id,
        address=resolver.address,
        created_at=now,
    )


def _completed(decision: Decision[Proceed | None], work: UnitOfWork, audit: Audit) -> UnitOfWork:
    """With the audit, and the final answers that repeats of the merchant's request wait for."""
    answers = tuple(
        (each.id, render(each.surface, decision.state, each.id))
        for each in work.updates
        if isinstance(each, Operation) and each.surface and not each.is_pending
    )
    return replace(work, audits=(*work.audits, audit), answers=(*work.answers, *answers))
