"""What operators do: replay dead letters, and settle what became of unknown outcomes."""

from __future__ import annotations

from contextlib import suppress

from aiohttp import web
from redis.exceptions import RedisError

from gateway.domain.errors import InvalidState, NotFound
from gateway.domain.ids import is_id
from gateway.domain.jobs import Job
from gateway.storage.administration import Author, write_audit
from gateway.storage.administration_deliveries import retry_delivery
from gateway.storage.journal import Connection
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
from gateway.web.dashboard.operators import PATH, letters_page, unknown_page
from gateway.web.forms import Form, read_form
from gateway.web.resolution import (
    Resolver,
    Verdict,
    changed_ids,
    resolve,
    send_resolved,
    told,
)

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
            job = await _begin_anew(connection, request, letter)
            await resolve_dead_letter(connection, letter_id, now)
    except InvalidState as refusal:
        return await letters_page(request, error=f"{refusal.description}.")
    if letter.kind == "webhook":
        await services.webhooks.deliver_now([letter.subject_id])
    elif job is not None:
        # Without Redis the row is enough: Recovery finds it.
        with suppress(RedisError, OSError, TimeoutError):
            await services.jobs.add([job])
    notice = "It is tried again now."
    if letter.kind == "job" and job is None:
        notice = "Nothing is left to do for it."
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
            actor=_actor(request),
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
) -> Job | None:
    """The job to send, if it is one; the merchant's trail says who had it tried again."""
    call = call_of(request)
    now, scope = call.services.clock.now(), _scope(letter)
    job = None
    if letter.kind == "webhook":
        delivery_id = found(uuid_of(letter.subject_id), "Webhook")
        if not await retry_delivery(connection, scope, delivery_id, now):
            raise InvalidState("Its endpoint is switched off or was deleted")
    else:
        job = await requeue_operation(connection, letter.subject_id, now)
    author = Author(
        scope=scope,
        name=_actor(request),
        request_id=call.request_id,
        address=call.member.address,
    )
    details = {"kind": letter.kind}
    await write_audit(
        connection, author, "dead_letter.replayed", letter.subject_id, now, details=details
    )
    return job


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


def _actor(request: web.Request) -> str:
    """As on the command line: the trail tells operators from a merchant's own people."""
    return f"operator:{call_of(request).member.user.email}"
