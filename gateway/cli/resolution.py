"""How an operator's word about an operation becomes true beside a running gateway.

It is decided by the same rule as a processor's answer, and written by the journal's statements with
the order's version checked: an order actor of a running gateway finds its version stale with its
next command, reads the order anew and decides again. Jobs and deliveries that follow are sent to
Redis; what does not arrive there is found by Recovery.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from uuid import uuid4

import asyncpg
import click
from redis.exceptions import RedisError

from gateway.cli.administration import operator_name
from gateway.cli.execution import Opened, open_stores
from gateway.domain.clock import Clock
from gateway.domain.decisions import Decision, Moment, Policy, record_outcome
from gateway.domain.entities import Operation, OperationState, OrderState
from gateway.domain.jobs import Job, JobKind
from gateway.domain.outcomes import Approved, Declined, Outcome
from gateway.domain.work import Audit, UnitOfWork
from gateway.processors.registry import discover
from gateway.queue.client import Keys, open_redis
from gateway.queue.jobs import JobQueue
from gateway.settings import Settings, load_settings
from gateway.storage.journal import Committed, write_units
from gateway.storage.orders import load_orders
from gateway.web.surfaces import render

__all__ = ["Verdict", "list_unknown", "resolve_operation"]

# Each try reads the order anew; a running gateway would have to win every time in between.
_TRIES_MAX = 10
_LISTED_MAX = 1_000

_UNKNOWN = """
SELECT operations.id, operations.kind, operations.amount, payments.currency, operations.payment_id,
       payments.processor, operations.lookups, operations.due_at, operations.created_at,
       (SELECT attempts.id FROM attempts WHERE attempts.operation_id = operations.id
        ORDER BY number DESC LIMIT 1) AS attempt_id
FROM operations JOIN payments ON payments.id = operations.payment_id
WHERE operations.state = 'unknown' ORDER BY operations.created_at LIMIT $1
"""


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


async def list_unknown() -> list[str]:
    """A line for each operation whose outcome is unknown, oldest first."""
    async with open_stores(load_settings()) as opened:
        rows = await opened.connection.fetch(_UNKNOWN, _LISTED_MAX)
    return [_line(row) for row in rows]


async def resolve_operation(operation_id: str, verdict: Verdict) -> str:
    """Make the verdict true; what to tell the operator. Raises click.ClickException."""
    settings = load_settings()
    async with open_stores(settings) as opened:
        order_id = await opened.connection.fetchval(
            "SELECT order_id FROM operations WHERE id = $1", operation_id
        )
        if order_id is None:
            raise click.ClickException("There is no such operation")
        work, committed = await _write(opened.connection, settings, order_id, operation_id, verdict)
        await _send(opened, settings, work, committed)
    return _told(work, operation_id)


async def _write(
    connection: asyncpg.Connection[asyncpg.Record],
    settings: Settings,
    order_id: str,
    operation_id: str,
    verdict: Verdict,
) -> tuple[UnitOfWork, Committed]:
    policy = _policy(settings)
    for _ in range(_TRIES_MAX):
        state = (await load_orders(connection, [order_id]))[order_id]
        work = _decide(state, operation_id, verdict, policy)
        async with connection.transaction():
            [reason], committed = await write_units(connection, [work])
        if reason is None:
            return work, committed
    raise click.ClickException("The order is being changed all the time; try again")


def _decide(state: OrderState, operation_id: str, verdict: Verdict, policy: Policy) -> UnitOfWork:
    operation = state.operations[operation_id]
    if operation.state != OperationState.UNKNOWN:
        raise click.ClickException(
            f"The outcome of {operation_id} is not unknown: it is {operation.state}"
        )
    clock = Clock()
    moment = Moment(now=clock.now(), real_now=clock.real_now())
    attempt = state.attempts[operation_id]
    decision = record_outcome(state, attempt.id, verdict.outcome, moment, policy)
    if decision.work is None:
        raise click.ClickException("There is nothing left to decide")
    return _completed(decision, decision.work, operation, verdict, moment)


def _completed(
    decision: Decision[bool],
    work: UnitOfWork,
    operation: Operation,
    verdict: Verdict,
    moment: Moment,
) -> UnitOfWork:
    """With the audit, and the final answers that repeats of the merchant's request wait for."""
    order = decision.state.order
    audit = Audit(
        id=uuid4(),
        merchant_id=order.merchant_id,
        mode=order.mode,
        actor=operator_name(),
        action="operation.resolved",
        subject_id=operation.id,
        details=json.dumps(
            {
                "outcome": "approved" if verdict.approved else "failed",
                "reference": verdict.reference,
                "reason": verdict.reason,
            }
        ),
        created_at=moment.now,
    )
    answers = tuple(
        (each.id, render(each.surface, decision.state, each.id))
        for each in work.updates
        if isinstance(each, Operation) and each.surface and not each.is_pending
    )
    return replace(work, audits=(*work.audits, audit), answers=(*work.answers, *answers))


async def _send(opened: Opened, settings: Settings, work: UnitOfWork, committed: Committed) -> None:
    """Let running gateways go on at once; without Redis they find out by themselves."""
    if opened.redis_url is None:
        return
    seconds = settings.redis_timeout_seconds
    redis = open_redis(opened.redis_url, timeout_seconds=seconds, connections_max=1)
    queue = JobQueue(
        redis,
        Keys(settings.redis_prefix),
        f"operator-{secrets.token_hex(4)}",
        timeout_seconds=seconds,
    )
    deliveries = [
        Job(JobKind.WEBHOOKS, endpoint_id, delivery_id)
        for delivery_id, endpoint_id in committed.deliveries
    ]
    with suppress(RedisError, OSError, TimeoutError):
        await queue.send(
            jobs=[*work.jobs, *deliveries],
            changed_ids=[work.order.id, *(each.id for each in (*work.inserts, *work.updates))],
            sealed_delete=work.sealed_deletions,
        )
    await redis.aclose()


def _policy(settings: Settings) -> Policy:
    return Policy(
        processors=discover().traits,
        lease_margin_seconds=settings.lease_margin_seconds,
        recovery_seconds=settings.recovery_seconds,
        capture_window_seconds=settings.capture_window_seconds,
        action_seconds=settings.action_seconds,
        payments_per_order_max=settings.payments_per_order_max,
        refunds_per_payment_max=settings.refunds_per_payment_max,
    )


def _line(row: asyncpg.Record) -> str:
    asked = f"asked {row['lookups']} times"
    waits = "asked again at " + row["due_at"].isoformat() if row["due_at"] else "waits for you"
    return (
        f"{row['id']}  {row['kind']:<9}  {row['amount']:>12} {row['currency']}  {row['payment_id']}"
        f"  {row['processor']} {row['attempt_id']}  since {row['created_at'].isoformat()}"
        f"  {asked}, {waits}"
    )


def _told(work: UnitOfWork, operation_id: str) -> str:
    [operation] = [each for each in work.updates if each.id == operation_id]
    events: Sequence[str] = [event.type for event in work.events]
    state = operation.state if isinstance(operation, Operation) else "changed"
    follows = f"; merchants are told: {', '.join(events)}" if events else ""
    return f"Operation {operation_id} is {state}{follows}."
