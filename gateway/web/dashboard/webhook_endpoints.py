"""One webhook endpoint: made, changed, switched off and on, given a new secret, tried, removed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from aiohttp import web

from gateway.domain.errors import InvalidRequest, InvalidState
from gateway.storage.reads_webhooks import EndpointRecord
from gateway.web import webhook_changes
from gateway.web.api.common import changed_by, path_id
from gateway.web.bodies import validated
from gateway.web.calls import call_of
from gateway.web.dashboard.confirming import ask_password
from gateway.web.dashboard.frame import dashboard_response, said_and_done
from gateway.web.dashboard.webhooks import MASKED, PATH, revealed_secret, sentence
from gateway.web.dashboard.writing import writer_of
from gateway.web.event_names import shown_events
from gateway.web.fields import EVENT_TYPES
from gateway.web.forms import Form, read_form
from gateway.web.razorpay_events import RAZORPAY_NAMES
from gateway.web.schemas import EndpointBody, EndpointChanges, RotationBody

__all__ = [
    "add_endpoint",
    "remove_endpoint",
    "reveal_secret",
    "rotate_secret",
    "save_endpoint",
    "show_endpoint",
    "show_new_endpoint",
    "switch_endpoint",
    "test_endpoint",
]

_WHAT = "Webhook endpoint"
_ALL = ["*"]
_TEST_EVENT = "webhook.test"
# Seconds that the secret before goes on signing, and how they are called.
_OVERLAPS: Mapping[str, str] = {
    "86400": "For a day",
    "3600": "For an hour",
    "604800": "For a week",
    "0": "Not at all: it has leaked",
}


async def show_new_endpoint(request: web.Request) -> web.Response:
    """`GET /dashboard/webhooks/endpoints/new`."""
    return _new_page(request)


async def add_endpoint(request: web.Request) -> web.Response:
    """`POST /dashboard/webhooks/endpoints`: its secret is on the page that answers."""
    call, form = call_of(request), await read_form(request)
    try:
        fields = validated(EndpointBody, _members(form))
        async with call.services.pool.acquire() as connection, connection.transaction():
            endpoint, secret = await webhook_changes.make_endpoint(
                connection, changed_by(request), fields
            )
    except (InvalidRequest, InvalidState) as refusal:
        return _new_page(request, form, sentence(refusal.description))
    return _page(request, endpoint, secret=secret, said="The endpoint was added.")


async def show_endpoint(request: web.Request) -> web.Response:
    """`GET /dashboard/webhooks/endpoints/{id}`."""
    return _page(request, await _endpoint(request))


async def save_endpoint(request: web.Request) -> web.Response:
    """`POST /dashboard/webhooks/endpoints/{id}`: other settings."""
    form = await read_form(request)
    try:
        endpoint = await _change(request, _members(form))
    except InvalidRequest as refusal:
        endpoint = await _endpoint(request)
        return _page(request, endpoint, form=form, error=sentence(refusal.description))
    return await said_and_done(request, _path(endpoint), "The endpoint was saved.")


async def switch_endpoint(request: web.Request) -> web.Response:
    """`POST /dashboard/webhooks/endpoints/{id}/active`: off, or on with a clean record."""
    active = (await read_form(request)).text("active") == "true"
    endpoint = await _change(request, {"active": active})
    notice = "Webhooks are sent there again." if active else "Nothing is sent there any more."
    return await said_and_done(request, _path(endpoint), notice)


async def rotate_secret(request: web.Request) -> web.Response:
    """`POST /dashboard/webhooks/endpoints/{id}/rotate`: the new secret is on the page."""
    call, endpoint = call_of(request), await _endpoint(request)
    overlap = (await read_form(request)).text("overlap")
    if overlap not in _OVERLAPS:
        return _page(request, endpoint, error="Choose how long the old secret goes on signing.")
    fields = validated(RotationBody, {"overlap_seconds": int(overlap)})
    async with call.services.pool.acquire() as connection, connection.transaction():
        secret = await webhook_changes.rotate_secret(
            connection, changed_by(request), endpoint.id, overlap_seconds=fields.overlap_seconds
        )
    call.services.webhooks.forget_endpoint(endpoint.id)
    return _page(request, endpoint, secret=secret, said="This is the new secret.")


async def reveal_secret(request: web.Request) -> web.Response:
    """`POST /dashboard/webhooks/endpoints/{id}/reveal`: the secret, after the password."""
    call, endpoint = call_of(request), await _endpoint(request)
    asked = await ask_password(
        request,
        title=f"Show the secret of {endpoint.id}",
        back=_path(endpoint),
        active="webhooks",
    )
    if asked is not None:
        return asked
    async with call.services.pool.acquire() as connection, connection.transaction():
        secret = await revealed_secret(connection, call, endpoint)
    return _page(request, endpoint, secret=secret)


async def test_endpoint(request: web.Request) -> web.Response:
    """`POST /dashboard/webhooks/endpoints/{id}/test`: send `webhook.test` to it."""
    call, endpoint = call_of(request), await _endpoint(request)
    try:
        async with call.services.pool.acquire() as connection, connection.transaction():
            made = await webhook_changes.send_test(connection, changed_by(request), endpoint)
    except InvalidState as refusal:
        return _page(request, endpoint, error=sentence(refusal.description))
    await call.services.webhooks.deliver_now([made])
    # Its delivery shows what came of it.
    return await said_and_done(
        request, f"{PATH}/deliveries/{made}", "A test webhook is on its way."
    )


async def remove_endpoint(request: web.Request) -> web.Response:
    """`POST /dashboard/webhooks/endpoints/{id}/delete`: no more deliveries to it."""
    call, endpoint = call_of(request), await _endpoint(request)
    async with call.services.pool.acquire() as connection, connection.transaction():
        await webhook_changes.remove_endpoint(connection, changed_by(request), endpoint.id)
    call.services.webhooks.forget_endpoint(endpoint.id)
    return await said_and_done(request, PATH, "The endpoint was removed.")


async def _endpoint(request: web.Request) -> EndpointRecord:
    """The one of the path; raises NotFound for another merchant's or mode's."""
    call, endpoint_id = call_of(request), path_id(request, "we", _WHAT)
    async with call.services.pool.acquire() as connection:
        return await webhook_changes.endpoint_of(connection, call.member.scope, endpoint_id)


async def _change(request: web.Request, members: dict[str, Any]) -> EndpointRecord:
    call, endpoint_id = call_of(request), path_id(request, "we", _WHAT)
    fields = validated(EndpointChanges, members)
    async with call.services.pool.acquire() as connection, connection.transaction():
        endpoint = await webhook_changes.change_endpoint(
            connection, changed_by(request), endpoint_id, fields
        )
    call.services.webhooks.forget_endpoint(endpoint_id)
    return endpoint


def _members(form: Form) -> dict[str, Any]:
    """The form as the API's body. Raises InvalidRequest where no event is chosen."""
    format_, every = form.text("format"), form.text("which") != "some"
    events = [] if every else form.all(f"{format_}_events")
    if not every and not events:
        raise InvalidRequest("Choose at least one event, or all of them", field="events")
    return {
        "url": form.text("url"),
        "description": form.text("description") or None,
        "format": format_,
        "events": events,
    }


def _path(endpoint: EndpointRecord) -> str:
    return f"{PATH}/endpoints/{endpoint.id}"


def _new_page(request: web.Request, form: Form | None = None, error: str = "") -> web.Response:
    values = _sent(form) if form is not None else _values(None)
    context = {"values": values, "choices": _choices(), "error": error}
    return dashboard_response(
        request,
        "dashboard/webhook_endpoint_new.html",
        context,
        active="webhooks",
        status=400 if error else 200,
    )


def _page(
    request: web.Request,
    endpoint: EndpointRecord,
    *,
    form: Form | None = None,
    error: str = "",
    secret: str | None = None,
    said: str = "",
) -> web.Response:
    context = {
        "write": writer_of(request),
        "endpoint": endpoint,
        "path": _path(endpoint),
        "values": _sent(form) if form is not None else _values(endpoint),
        "choices": _choices(),
        "overlaps": _OVERLAPS,
        "secret": secret or MASKED,
        "is_revealed": secret is not None,
        "said": said,
        "error": error,
    }
    return dashboard_response(
        request,
        "dashboard/webhook_endpoint.html",
        context,
        active="webhooks",
        status=400 if error else 200,
    )


def _values(endpoint: EndpointRecord | None) -> Mapping[str, Any]:
    """What the fields hold at first."""
    if endpoint is None:
        return {"url": "", "description": "", "format": "gateway", "which": "all", "events": ()}
    events = shown_events(endpoint.format, endpoint.events)
    return {
        "url": endpoint.url,
        "description": endpoint.description or "",
        "format": endpoint.format,
        "which": "all" if events == _ALL else "some",
        "events": events,
    }


def _sent(form: Form) -> Mapping[str, Any]:
    """What was sent and refused."""
    texts = {name: form.text(name) for name in ("url", "description", "format", "which")}
    return {**texts, "events": form.all(f"{texts['format']}_events")}


def _choices() -> Mapping[str, Sequence[tuple[str, Sequence[str]]]]:
    """The events of each format, those about one thing together."""
    own = EVENT_TYPES - {_TEST_EVENT}
    return {"gateway": _grouped(own), "razorpay": _grouped(RAZORPAY_NAMES.values())}


def _grouped(names: Iterable[str]) -> Sequence[tuple[str, Sequence[str]]]:
    by_thing = groupby(sorted(names), key=lambda name: name.partition(".")[0])
    return [(thing, list(each)) for thing, each in by_thing]
