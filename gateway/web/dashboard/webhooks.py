"""The webhooks page: the one webhook URL with its secret, all endpoints, the log of deliveries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from gateway.domain.errors import InvalidRequest, InvalidState, NotFound
from gateway.domain.roles import may
from gateway.security.records import endpoint_record
from gateway.storage.administration import write_audit
from gateway.storage.journal import Connection
from gateway.storage.reads_webhooks import (
    EndpointRecord,
    find_default_endpoint,
    list_endpoints,
)
from gateway.web import webhook_changes
from gateway.web.api.common import changed_by
from gateway.web.bodies import validated
from gateway.web.calls import Call, call_of
from gateway.web.dashboard.confirming import ask_password
from gateway.web.dashboard.credentials import shows_secrets
from gateway.web.dashboard.delivery_log import log_of
from gateway.web.dashboard.frame import dashboard_response, said_and_done
from gateway.web.dashboard.writing import writer_of
from gateway.web.event_names import shown_events
from gateway.web.forms import read_form
from gateway.web.schemas import WebhookUrlBody

__all__ = [
    "MASKED",
    "PATH",
    "regenerate_secret",
    "reveal_default",
    "revealed_secret",
    "save_url",
    "sentence",
    "show_webhooks",
    "test_default",
]

PATH = "/dashboard/webhooks"
"""Where the page is."""

MASKED = "whsec_" + "•" * 12
"""What is shown in place of an endpoint's secret."""


async def show_webhooks(request: web.Request) -> web.Response:
    """`GET /dashboard/webhooks`."""
    return await _page(request)


async def save_url(request: web.Request) -> web.Response:
    """`POST /dashboard/webhooks/url`: the one webhook URL; an empty one takes it away."""
    call, form = call_of(request), await read_form(request)
    typed = form.text("webhook_url")
    try:
        fields = validated(WebhookUrlBody, {"webhook_url": typed or None})
        async with call.services.pool.acquire() as connection, connection.transaction():
            endpoint_id, url = await webhook_changes.set_default_url(
                connection, changed_by(request), fields.webhook_url
            )
    except (InvalidRequest, InvalidState) as refusal:
        return await _page(request, error=sentence(refusal.description), typed=typed)
    call.services.webhooks.forget_endpoint(endpoint_id)
    return await said_and_done(
        request, PATH, "Webhooks are sent there from now on." if url else "No URL is set any more."
    )


async def regenerate_secret(request: web.Request) -> web.Response:
    """`POST /dashboard/webhooks/secret`: a new secret, on the page that answers."""
    call = call_of(request)
    async with call.services.pool.acquire() as connection, connection.transaction():
        endpoint_id, secret = await webhook_changes.rotate_default_secret(
            connection, changed_by(request)
        )
    call.services.webhooks.forget_endpoint(endpoint_id)
    return await _page(request, secret=secret, said="This is the new secret. Keep it safe now.")


async def reveal_default(request: web.Request) -> web.Response:
    """`POST /dashboard/webhooks/reveal`: the secret, after the password."""
    call = call_of(request)
    asked = await ask_password(
        request, title="Show the webhook secret", back=PATH, active="webhooks"
    )
    if asked is not None:
        return asked
    async with call.services.pool.acquire() as connection, connection.transaction():
        default = await find_default_endpoint(connection, call.member.scope)
        if default is None:
            raise NotFound("There is no webhook secret yet")
        secret = await revealed_secret(connection, call, default)
    return await _page(request, secret=secret)


async def test_default(request: web.Request) -> web.Response:
    """`POST /dashboard/webhooks/test`: send `webhook.test` to the one webhook URL."""
    call = call_of(request)
    try:
        async with call.services.pool.acquire() as connection, connection.transaction():
            default = await find_default_endpoint(connection, call.member.scope)
            made = await webhook_changes.send_test(connection, changed_by(request), default)
    except InvalidState as refusal:
        return await _page(request, error=sentence(refusal.description))
    await call.services.webhooks.deliver_now([made])
    return await said_and_done(request, PATH, "A test webhook is on its way.")


async def revealed_secret(connection: Connection, call: Call, endpoint: EndpointRecord) -> str:
    """The endpoint's secret in the clear; the trail knows who looked."""
    now = call.services.clock.now()
    await write_audit(connection, call.author, "webhook_endpoint.secret_revealed", endpoint.id, now)
    return _opened(call, endpoint)


def sentence(description: str) -> str:
    """A refusal of the API as a person reads it."""
    text = description.replace("webhook_url", "the URL").replace("_", " ").rstrip(".")
    return f"{text[:1].upper()}{text[1:]}."


def _opened(call: Call, endpoint: EndpointRecord) -> str:
    record = endpoint_record(endpoint.id)
    return call.services.vault.open(endpoint.secret_sealed, record=record).decode()


async def _page(
    request: web.Request,
    *,
    error: str = "",
    typed: str | None = None,
    secret: str | None = None,
    said: str = "",
) -> web.Response:
    call, writer = call_of(request), writer_of(request)
    scope, limit = call.member.scope, call.services.settings.webhook_endpoints_max
    async with call.services.pool.acquire() as connection:
        default = await find_default_endpoint(connection, scope)
        endpoints = await list_endpoints(connection, scope, limit)
    if secret is None and default is not None and shows_secrets(call):
        secret = _opened(call, default)
    log = await log_of(request, writer, endpoints)
    url = (default.url if default is not None else None) or ""
    context = {
        "write": writer,
        "default": default,
        "url": url if typed is None else typed,
        "secret": secret or MASKED,
        "is_revealed": secret is not None,
        "said": said,
        "error": error,
        "endpoints": [_shown(each) for each in endpoints],
        "endpoints_max": limit,
        "may_reveal": default is not None and may(call.member.role, "secrets:reveal"),
        **log,
    }
    status = 400 if error or log["log_fault"] else 200
    return dashboard_response(
        request, "dashboard/webhooks.html", context, active="webhooks", status=status
    )


def _shown(endpoint: EndpointRecord) -> Mapping[str, Any]:
    return {"row": endpoint, "events": shown_events(endpoint.format, endpoint.events)}
