"""Webhooks: `/v2/accounts/{account}/webhooks`, and `/v1/webhooks` as the Node library has it.

They are the gateway's endpoints of format `razorpay`, with its ids. Whatever account a path names,
the caller's own is meant.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from aiohttp import web
from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from gateway.domain.emails import is_email
from gateway.domain.errors import NotFound
from gateway.domain.work import StoredAnswer
from gateway.storage import reads_webhooks
from gateway.storage.journal import Connection
from gateway.storage.reads_webhooks import EndpointRecord
from gateway.web import webhook_changes
from gateway.web.api.common import changed_by, path_id
from gateway.web.calls import call_of
from gateway.web.event_names import shown_events
from gateway.web.fields import EventTypes
from gateway.web.razorpay.answers import collection_response
from gateway.web.razorpay.bodies import read_wire_body, wire_fields, wire_model
from gateway.web.razorpay.fields import Flag, WireModel, WireText
from gateway.web.razorpay.queries import page_of
from gateway.web.razorpay.wire import WireRoute
from gateway.web.razorpay_events import RAZORPAY_NAMES, account_id
from gateway.web.responses import json_answer, json_response
from gateway.web.schemas import EndpointBody, EndpointChanges
from gateway.web.writes import write_once

__all__ = ["ROUTES"]

_FORMAT: Literal["razorpay"] = "razorpay"
_SECRET = r"^[\x21-\x7e]{8,255}$"  # noqa: S105 - a pattern
_ON = (True, 1, "1", "true")


def _chosen(value: Any) -> Any:
    """`{"payment.captured": true}` is the older form of a list of names."""
    if isinstance(value, dict):
        return [name for name, wanted in value.items() if wanted in _ON]
    return value


def _mail(value: Any) -> Any:
    if isinstance(value, str) and value and not is_email(value):
        raise PydanticCustomError("rule", "{text}", {"text": "alert_email must be an e-mail"})
    return value


Events = Annotated[EventTypes, BeforeValidator(_chosen)]
Secret = Annotated[str, Field(pattern=_SECRET)]
AlertEmail = Annotated[WireText, BeforeValidator(_mail)]


class _WebhookBody(WireModel):
    """`POST` of a webhook. Nobody is mailed: the dashboard shows what was disabled."""

    url: str
    events: Events
    secret: Secret | None = Field(default=None, repr=False)
    alert_email: AlertEmail = None
    active: Flag = True


class _WebhookChanges(WireModel):
    """`PATCH` and `PUT` of a webhook: what is not named stays."""

    url: str | None = None
    events: Events | None = None
    secret: Secret | None = Field(default=None, repr=False)
    alert_email: AlertEmail = None
    active: Flag | None = None


async def create_webhook(request: web.Request) -> web.Response:
    """`POST …/webhooks`: a new endpoint, which gets Razorpay's events in Razorpay's form."""
    body = await read_wire_body(request)
    fields = wire_model(body, _WebhookBody)
    wish = EndpointBody(
        url=fields.url,
        events=list(fields.events),  # type: ignore[arg-type] # what the validator takes
        format=_FORMAT,
        secret=fields.secret,
        active=fields.active,
    )

    async def create(connection: Connection) -> StoredAnswer:
        endpoint, _ = await webhook_changes.make_endpoint(connection, changed_by(request), wish)
        return json_answer(200, _entity(request, endpoint))

    return await write_once(request, body, "razorpay.webhook.created", create)


async def list_webhooks(request: web.Request) -> web.Response:
    """`GET …/webhooks`: the endpoints of this format, oldest first."""
    call = call_of(request)
    page, limit = page_of(request), call.services.settings.webhook_endpoints_max
    async with call.services.pool.acquire() as connection:
        listed = await reads_webhooks.list_endpoints(connection, call.caller.scope, limit)
    ours = [endpoint for endpoint in listed if endpoint.format == _FORMAT]
    shown = ours[page.offset : page.offset + page.limit]
    return collection_response([_entity(request, endpoint) for endpoint in shown])


async def get_webhook(request: web.Request) -> web.Response:
    """`GET …/webhooks/{id}`: one endpoint."""
    async with call_of(request).services.pool.acquire() as connection:
        return json_response(_entity(request, await _find(connection, request)))


async def change_webhook(request: web.Request) -> web.Response:
    """`PATCH …/webhooks/{id}`, `PUT /v1/webhooks/{id}`: other settings, another secret."""
    services = call_of(request).services
    fields = await wire_fields(request, _WebhookChanges)
    changes = fields.model_dump(exclude_none=True, exclude={"secret", "alert_email"})
    changed = changed_by(request)
    async with services.pool.acquire() as connection, connection.transaction():
        endpoint = await _find(connection, request)
        if changes:
            if "events" in changes:
                changes["events"] = list(changes["events"])
            endpoint = await webhook_changes.change_endpoint(
                connection, changed, endpoint.id, EndpointChanges(**changes)
            )
        if fields.secret is not None:
            # What was on its way keeps being signed with the old one, too, as Razorpay does.
            await webhook_changes.rotate_secret(
                connection, changed, endpoint.id, secret=fields.secret
            )
    services.webhooks.forget_endpoint(endpoint.id)
    return json_response(_entity(request, endpoint))


async def delete_webhook(request: web.Request) -> web.Response:
    """`DELETE …/webhooks/{id}`: no more deliveries to it; the answer is an empty list."""
    services = call_of(request).services
    async with services.pool.acquire() as connection, connection.transaction():
        endpoint = await _find(connection, request)
        await webhook_changes.remove_endpoint(connection, changed_by(request), endpoint.id)
    services.webhooks.forget_endpoint(endpoint.id)
    return json_response([])


async def _find(connection: Connection, request: web.Request) -> EndpointRecord:
    """The endpoint in the path; raises NotFound, also for one of the gateway's own format."""
    endpoint_id = path_id(request, "we", "Webhook")
    scope = call_of(request).caller.scope
    endpoint = await webhook_changes.endpoint_of(connection, scope, endpoint_id)
    if endpoint.format != _FORMAT:
        raise NotFound("Webhook not found")
    return endpoint


def _entity(request: web.Request, endpoint: EndpointRecord) -> dict[str, Any]:
    events = shown_events(endpoint.format, endpoint.events)
    changed_at = int(endpoint.updated_at.timestamp())
    return {
        "id": endpoint.id,
        "entity": "webhook",
        "url": endpoint.url,
        "alert_email": None,
        "secret_exists": True,
        "active": endpoint.active,
        "events": list(RAZORPAY_NAMES.values()) if events == ["*"] else events,
        "service": "gateway",
        "owner_id": account_id(call_of(request).caller.merchant_id).removeprefix("acc_"),
        "owner_type": "merchant",
        "context": [],
        "disabled_at": 0 if endpoint.disabled_reason is None else changed_at,
        "created_at": int(endpoint.created_at.timestamp()),
        "updated_at": changed_at,
    }


def _routes() -> Iterator[WireRoute]:
    for path in ("/v2/accounts/{account}/webhooks", "/v1/webhooks"):
        one = path + "/{id}"
        yield WireRoute("POST", path, create_webhook, "webhooks:write")
        yield WireRoute("GET", path, list_webhooks, "webhooks:read")
        yield WireRoute("GET", one, get_webhook, "webhooks:read")
        for method in ("PATCH", "PUT"):
            yield WireRoute(method, one, change_webhook, "webhooks:write")
        yield WireRoute("DELETE", one, delete_webhook, "webhooks:write")


ROUTES = tuple(_routes())
