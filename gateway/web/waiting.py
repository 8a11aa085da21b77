"""Handlers that wait for the outcome of an operation, for a limited time."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, TypeVar

import structlog
from aiohttp import web

from gateway.actors.messages import Done
from gateway.domain.entities import Operation, Payment, PaymentStatus
from gateway.queue.notifications import Subscription, TooManySubscriptions
from gateway.storage.journal import Connection
from gateway.storage.orders import load_orders
from gateway.storage.pool import DATABASE_ERRORS, is_unavailable
from gateway.storage.reads import find_operation, find_payment
from gateway.storage.reads_pages import Scope
from gateway.web.services import Services

__all__ = ["as_seen", "decided_payment", "final_done", "finished_operation", "wait_seconds"]

logger = structlog.get_logger(__name__)

_LOOK_EVERY_SECONDS = 1.0
_UNDER_WAY = (PaymentStatus.PENDING, PaymentStatus.PROCESSING, PaymentStatus.UNKNOWN)
_PREFER_WAIT = re.compile(r"(?:^|[,;\s])wait=([0-9]{1,4})(?:$|[,;\s])", re.ASCII)

Found = TypeVar("Found")


def wait_seconds(request: web.Request, services: Services) -> float:
    """How long to wait at most: the setting, or less where `Prefer: wait=N` says so (RFC 7240)."""
    limit = float(services.settings.wait_seconds_max)
    preferred = _PREFER_WAIT.search(request.headers.get("Prefer", ""))
    return limit if preferred is None else min(limit, float(preferred[1]))


async def finished_operation(
    services: Services, operation_id: str, payment_id: str, seconds: float
) -> Operation | None:
    """The operation with its outcome, or as it stands when the wait is over.

    None when Postgres could not be asked at all. Ends at once while the process is stopping, and
    when as many as may wait are waiting: what was committed goes on all the same.
    """

    async def read(connection: Connection) -> Operation | None:
        return await find_operation(connection, operation_id)

    try:
        with services.changes.subscribe(operation_id, payment_id) as changes:
            return await _until(
                services, changes, read, lambda operation: not operation.is_pending, seconds
            )
    except TooManySubscriptions:
        return await _look(services, read)


async def decided_payment(
    services: Services, scope: Scope, payment_id: str, seconds: float
) -> Payment | None:
    """The payment once the bank has decided or wants the shopper, or as it stands after the wait.

    Ends early where `finished_operation` does.
    """

    async def read(connection: Connection) -> Payment | None:
        return await find_payment(connection, scope, payment_id)

    try:
        with services.changes.subscribe(payment_id) as changes:
            return await _until(
                services, changes, read, lambda payment: payment.status not in _UNDER_WAY, seconds
            )
    except TooManySubscriptions:
        return await _look(services, read)


async def _until(
    services: Services,
    changes: Subscription,
    read: Callable[[Connection], Awaitable[Found | None]],
    is_over: Callable[[Found], bool],
    seconds: float,
) -> Found | None:
    deadline = asyncio.get_running_loop().time() + seconds
    seen: Found | None = None
    while True:
        seen = await _look(services, read) or seen
        left = deadline - asyncio.get_running_loop().time()
        if seen is not None and is_over(seen):
            return seen
        if left <= 0 or services.is_draining() or services.changes.closed:
            return seen
        await changes.wait(min(_LOOK_EVERY_SECONDS, left))


async def final_done(services: Services, order_id: str, operation_id: str) -> Done | None:
    """Order, payment and operation as they are stored; None when they cannot be read."""
    states = await _look(services, lambda connection: load_orders(connection, [order_id]))
    state = (states or {}).get(order_id)
    operation = state.operations.get(operation_id) if state else None
    if state is None or operation is None:
        return None
    return Done(
        order=state.order, payment=state.payments[operation.payment_id], operation=operation
    )


def as_seen(done: Done, operation: Operation | None) -> Done:
    """What the command answered, with the operation as it was seen last."""
    return done if operation is None else replace(done, operation=operation)


async def _look(services: Services, read: Callable[[Any], Awaitable[Found]]) -> Found | None:
    """What is stored; None while Postgres is away: what was committed stands all the same."""
    try:
        async with services.pool.acquire() as connection:
            return await read(connection)
    except DATABASE_ERRORS as error:
        if not is_unavailable(error):
            raise
        logger.warning("wait_cannot_look", error=type(error).__name__)
        return None
