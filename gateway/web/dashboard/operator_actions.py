"""What operators do: replay dead letters, and settle what became of unknown outcomes."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

from aiohttp import web
from redis.exceptions import RedisError

from gateway.domain.errors import InvalidState, NotFound
from gateway.domain.ids import is_id
from gateway.domain.jobs import Job
from gateway.storage.administration import insert_audit
from gateway.storage.administration_deliveries import retry_delivery
from gateway.storage.journal import Connection
from gateway.storage.reads_inbound import replay_notification
from gateway.storage.reads_operators import (
    DeadLetter,
    find_dead_letter,
    requeue_operation,
    resolve_dead_letter,
)
from gateway.storage.reads_pages import Scope
from gateway.web.api.common import found, path_uuid, uuid_of
from gateway.web.calls import call_of
from gateway.web.dashboard.frame import said_and_done
from gateway.web.dashboard.operators import (
    PATH,
    letters_page,
    operator_audit,
    operator_name,
    unknown_page,
)
from gateway.web.forms import Form, read_form
from gateway.web.resolution import (
    Resolver,
    Verdict,
    changed_ids,
    resolve,
    send_resolved,
    told,
)
from gateway.web.services import Services

__all__ = ["replay_letter", "resolve_operation"]

_TEXT_CHARACTERS_MAX = 255
_LETTERS = f"{PATH}/dead-letters"


async def replay_letter(request: web.Request) -> web.Response:
    """`POST /dashboard/operators/dead-letters/{id}/replay`: it is tried again, at once."""
    call, letter_id = call_of(request), path_uuid(request, "Dead letter")
    services, now = call.services, call.services.clock.now()
    try:
        async with services.pool.acquire() as connection, connection.transaction():
            letter = found(await find_dead_letter(connection, letter_id), "Dead letter")
            follow = await _begin_anew(connection, request, letter)
            await resolve_dead_letter(connection, letter_id, now)
    except InvalidState as refusal:
        return await letters_page(request, error=f"{refusal.description}.")
    if follow is not None:
        await follow()
    notice = "Nothing is left to do for it." if follow is None else "It is tried again now."
    return await said_and_done(request, _LETTERS, notice)


async def resolve_operation(request: web.Request) -> web.Response:
    """`POST /dashboard/operators/unknown/{id}/resolve`: as `gateway resolve` does it."""
    call, operation_id = call_of(request), request.match_info["id"]
    if not is_id(operation_id, "op"):
        raise NotFound("There is no such operation")
    services, form = call.services, await read_form(request)
    try:
        verdict = _verdict(form)
        resolver = Resolver(
            actor=operator_name(request),
            policy=services.policy,
            clock=services.clock,
            request_id=call.request_id,
            address=call.member.address,
        )
        async with services.pool.acquire() as connection:
            resolved = await resolve(connection, resolver, operation_id, verdict)
    except InvalidState as refusal:
        return await unknown_page(
            request, operation_id=operation_id, error=f"{refusal.description}."
        )
    services.sealed.forget(resolved.work.sealed_deletions)
    services.changes.notify(changed_ids(resolved))
    await send_resolved(services.jobs, resolved)
    return await said_and_done(request, f"{PATH}/unknown", told(resolved, operation_id))


async def _begin_anew(
    connection: Connection, request: web.Request, letter: DeadLetter
) -> Callable[[], Awaitable[None]] | None:
    """What is to follow the commit; None when nothing is left to do. The merchant's trail says who
    had it tried again.
    """
    services, now = call_of(request).services, call_of(request).services.clock.now()
    follow: Callable[[], Awaitable[None]] | None = None
    if letter.kind == "webhook":
        delivery_id = found(uuid_of(letter.subject_id), "Webhook")
        if not await retry_delivery(connection, _scope(letter), delivery_id, now):
            raise InvalidState("Its endpoint is switched off or was deleted")
        follow = partial(services.webhooks.deliver_now, [letter.subject_id])
    elif letter.kind == "notification":
        notification_id = found(uuid_of(letter.subject_id), "Notification")
        replayed = await replay_notification(connection, notification_id, now)
        if replayed is not None:
            follow = partial(_look, services, replayed.processor)
    else:
        job = await requeue_operation(connection, letter.subject_id, now)
        if job is not None:
            follow = partial(_add, services, job)
    audit = operator_audit(
        request,
        "dead_letter.replayed",
        letter.subject_id,
        merchant_id=letter.merchant_id,
        mode=letter.mode,
        details=json.dumps({"kind": letter.kind}),
    )
    await insert_audit(connection, audit)
    return follow


async def _look(services: Services, processor: str) -> None:
    services.notifications.arrived(processor)


async def _add(services: Services, job: Job) -> None:
    # Without Redis the row is enough: Recovery finds it.
    with suppress(RedisError, OSError, TimeoutError):
        await services.jobs.add([job])


def _scope(letter: DeadLetter) -> Scope:
    if letter.merchant_id is None or letter.mode is None:
        raise InvalidState("It belongs to nobody")
    return Scope(merchant_id=letter.merchant_id, mode=letter.mode)


def _verdict(form: Form) -> Verdict:
    """What the form says. Raises InvalidState with a text for the page."""
    outcome, reference, reason = (form.text(name) for name in ("outcome", "reference", "reason"))
    if outcome not in ("approved", "failed"):
        raise InvalidState("Say whether it was approved or has failed")
    if not reason:
        raise InvalidState("Say how you know: it is kept in the audit trail")
    if (outcome == "approved") != bool(reference):
        raise InvalidState("The processor's reference is needed with approved, and only there")
    if max(len(reference), len(reason)) > _TEXT_CHARACTERS_MAX:
        raise InvalidState(f"At most {_TEXT_CHARACTERS_MAX} characters, please")
    approved = outcome == "approved"
    return Verdict(approved=approved, reference=reference or None, reason=reason)
