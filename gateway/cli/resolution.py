"""`gateway resolve`'s work: the stores are opened beside a running gateway, or without one."""

from __future__ import annotations

import secrets
from dataclasses import replace

import click

from gateway.cli.administration import operator_name
from gateway.cli.execution import Opened, open_stores
from gateway.domain.clock import Clock
from gateway.domain.decisions import Policy
from gateway.domain.errors import Rejected
from gateway.fee_plans import default_fee_plans
from gateway.processors.registry import discover
from gateway.queue.client import Keys, open_redis
from gateway.queue.jobs import JobQueue
from gateway.settings import Settings, load_settings
from gateway.storage.reads_operators import UnknownOperation
from gateway.storage.reads_operators import list_unknown as find_unknown
from gateway.web.resolution import Resolved, Resolver, Verdict, resolve, send_resolved, told

__all__ = ["list_unknown", "resolve_operation"]

_LISTED_MAX = 1_000


async def list_unknown() -> list[str]:
    """A line for each operation whose outcome is unknown, oldest first."""
    async with open_stores(load_settings()) as opened:
        return [_line(each) for each in await find_unknown(opened.connection, _LISTED_MAX)]


async def resolve_operation(operation_id: str, verdict: Verdict) -> str:
    """Make the verdict true; what to tell the operator. Raises click.ClickException."""
    settings = load_settings()
    async with open_stores(settings) as opened:
        plans = default_fee_plans(settings)
        await plans.load(opened.connection)
        policy = replace(_policy(settings), fee_plan=plans.plan)
        resolver = Resolver(actor=operator_name(), policy=policy, clock=Clock())
        try:
            resolved = await resolve(opened.connection, resolver, operation_id, verdict)
        except Rejected as refusal:
            raise click.ClickException(refusal.description) from None
        await _send(opened, settings, resolved)
    return told(resolved, operation_id)


async def _send(opened: Opened, settings: Settings, resolved: Resolved) -> None:
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
    await send_resolved(queue, resolved)
    await redis.aclose()


def _policy(settings: Settings) -> Policy:
    return Policy(
        processors=discover().traits,
        lease_margin_seconds=settings.lease_margin_seconds,
        recovery_seconds=settings.recovery_seconds,
        capture_window_seconds=settings.capture_window_seconds,
        action_seconds=settings.action_seconds,
        dispute_seconds=settings.dispute_seconds,
        payments_per_order_max=settings.payments_per_order_max,
        refunds_per_payment_max=settings.refunds_per_payment_max,
    )


def _line(row: UnknownOperation) -> str:
    asked = f"asked {row.lookups} times"
    waits = "asked again at " + row.due_at.isoformat() if row.due_at else "waits for you"
    return (
        f"{row.id}  {row.kind:<9}  {row.amount:>12} {row.currency}  {row.payment_id}"
        f"  {row.processor} {row.attempt_id}  since {row.created_at.isoformat()}"
        f"  {asked}, {waits}"
    )
