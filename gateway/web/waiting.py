"""Handlers that wait for the outcome of an operation, for a limited time."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog
from aiohttp import web

from gateway.actors.messages import AskAboutUnknown, Done
from gateway.domain.awaited import is_decided
from gateway.domain.entities import Operation, Payment, PaymentStatus
from gateway.queue.notifications import Subscription, TooManySubscriptions
from gateway.storage.journal import Connection
from gateway.storage.orders import load_orders
from gateway.storage.pool import DATABASE_ERRORS, is_unavailable
from gateway.storage.reads import find_operation_and_payment, find_payment
from gateway.storage.reads_pages import Scope
from gateway.web.services import Services
from gateway.web.surfaces import done_of

__all__ = [
    "NO_WAIT",
    "Wait",
    "clarified",
    "decided_payment",
    "final_done",
    "finished_operation",
    "wait_of",
]

logger = structlog.get_logger(__name__)

_LOOK_EVERY_SECONDS = 1.0
_UNDER_WAY = (PaymentStatus.PENDING, PaymentStatus.PROCESSING, PaymentStatus.UNKNOWN)
_PREFERENCES = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*"?)+')

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Wait:
    """How long to wait at most for an outcome; `is_preferred`: the caller said how long."""

    seconds: float
    is_preferred: bool = False


NO_WAIT = Wait(0.0)


def wait_of(request: web.Request, services: Services) -> Wait:
    """The setting, or less where `Prefer: wait=N` says so (RFC 7240, 4.3)."""
    limit = float(services.settings.wait_seconds_max)
    preferred = _preferred_seconds(request.headers.getall("Prefer", ()))
    if preferred is None:
        return Wait(limit)
    return Wait(min(limit, preferred), is_preferred=True)


def _preferred_seconds(values: Sequence[str]) -> float | None:
    """The first `wait` counts; what is malformed is no preference (RFC 7240, 2)."""
    for preference in (part for value in values for part in _PREFERENCES.findall(value)):
        name, _, rest = preference.partition("=")
        if name.strip().lower() == "wait":
            digits = rest.partition(";")[0].strip()
            if digits[:1] == digits[-1:] == '"':
                digits = digits[1:-1]
            return float(digits) if digits.isascii() and digits.isdigit() else None
    return None


async def finished_operation(services: Services, operation: Operation, seconds: float) -> bool:
    """Wait for the outcome of what a request began; whether there is nothing to wait for any more.

    That is so, too, when the shopper has to do something first. Ends at once while the process is
    stopping, and when as many as may wait are waiting: what was committed goes on all the same.
    """

    async def read(connection: Connection) -> tuple[Operation, Payment] | None:
        return await find_operation_and_payment(connection, operation.id)

    def is_over(found: tuple[Operation, Payment]) -> bool:
        return is_decided(*found)

    try:
        with services.changes.subscribe(operation.id, operation.payment_id) as changes:
            seen = await _until(services, changes, read, is_over, seconds)
    except TooManySubscriptions:
        seen = await _look(services, read)
    return seen is not None and is_over(seen)


async def clarified(services: Services, order_id: str, wait: Wait) -> bool:
    """Have the processor asked about what is unknown of the order; whether anything was cleared up.

    For whoever was refused because of it: they may ask again. Waits for a short time, or less where
    the caller said how long.
    """
    limit = float(services.settings.unknown_wait_seconds)
    seconds = min(limit, wait.seconds) if wait.is_preferred else limit
    unknown: Sequence[Operation] = await services.orders.ask(
        order_id, AskAboutUnknown(), deadline_seconds=services.settings.ask_seconds
    )
    # Seldom more than one: they keep each other from beginning.
    ends = [finished_operation(services, operation, seconds) for operation in unknown]
    return any(await asyncio.gather(*ends))


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
    """All that the operation is about as it is stored; None when it cannot be read."""
    states = await _look(services, lambda connection: load_orders(connection, [order_id]))
    state = (states or {}).get(order_id)
    return done_of(state, operation_id) if state and operation_id in state.operations else None


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
