"""Webhook endpoints: several a merchant, each with events, format, secret, active."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from gateway.domain.errors import InvalidRequest
from gateway.domain.representation import timestamp
from gateway.domain.work import StoredAnswer
from gateway.security.credentials import new_webhook_secret
from gateway.storage import reads_webhooks
from gateway.storage.administration_endpoints import lock_merchant
from gateway.storage.journal import Connection
from gateway.storage.reads_webhooks import EndpointRecord
from gateway.web import webhook_changes
from gateway.web.api.common import changed_by, found, path_id
from gateway.web.bodies import read_body
from gateway.web.calls import call_of
from gateway.web.event_names import change_subscription, shown_events, stored_events
from gateway.web.responses import json_answer, json_response
from gateway.web.schemas import EmptyBody, EndpointBody, EndpointChanges, RotationBody
from gateway.web.writes import write_once

__all__ = [
    "change_endpoint",
    "create_endpoint",
    "delete_endpoint",
    "get_endpoint",
    "list_endpoints",
    "rotate_endpoint_secret",
    "test_endpoint",
]

_WHAT = "Webhook endpoint"


async def create_endpoint(request: web.Request) -> web.Response:
    """`POST /webhook-endpoints`: a new endpoint; its secret is shown this once."""
    call = call_of(request)
    body = await read_body(request)
    fields = body.as_model(EndpointBody)
    url = webhook_changes.checked_url(call.services, fields.url, call.caller.mode, "url")
    events = tuple(stored_events(fields.format, fields.events))
    secret = fields.secret or new_webhook_secret()

    async def create(connection: Connection) -> StoredAnswer:
        endpoint_id = await webhook_changes.add_endpoint(
            connection,
            changed_by(request),
            url=url,
            secret=secret,
            description=fields.description,
            events=events,
            format_=fields.format,
            active=fields.active,
        )
        endpoint = await _find(connection, request, endpoint_id)
        return json_answer(201, {**_endpoint_object(endpoint), "secret": secret})

    return await write_once(request, body, "webhook_endpoint.created", create, sealed=True)


async def list_endpoints(request: web.Request) -> web.Response:
    """`GET /webhook-endpoints`: all endpoints, there are few."""
    call = call_of(request)
    limit = call.services.settings.webhook_endpoints_max
    async with call.services.pool.acquire() as connection:
        listed = await reads_webhooks.list_endpoints(connection, call.caller.scope, limit)
    return json_response(
        {
            "data": [_endpoint_object(each) for each in listed],
            "total": len(listed),
            "limit": limit,
            "offset": 0,
            "has_more": False,
        }
    )


async def get_endpoint(request: web.Request) -> web.Response:
    """`GET /webhook-endpoints/{id}`: one endpoint."""
    endpoint_id = path_id(request, "we", _WHAT)
    async with call_of(request).services.pool.acquire() as connection:
        endpoint = await _find(connection, request, endpoint_id)
    return json_response(_endpoint_object(endpoint))


async def change_endpoint(request: web.Request) -> web.Response:
    """`PATCH /webhook-endpoints/{id}`: other settings."""
    call = call_of(request)
    endpoint_id = path_id(request, "we", _WHAT)
    body = await read_body(request)
    fields = body.as_model(EndpointChanges)
    changes: dict[str, Any] = {name: getattr(fields, name) for name in fields.model_fields_set}
    if not changes:
        raise InvalidRequest("There is nothing to change")
    if "url" in changes:
        mode = call.caller.mode
        changes["url"] = webhook_changes.checked_url(call.services, fields.url, mode, "url")
    async with call.services.pool.acquire() as connection, connection.transaction():
        # The events that an endpoint may have depend on its format: nobody changes it meanwhile.
        await lock_merchant(connection, call.caller.scope)
        endpoint = await _find(connection, request, endpoint_id)
        changes = change_subscription(endpoint.format, endpoint.events, changes)
        await webhook_changes.change_endpoint(connection, changed_by(request), endpoint_id, changes)
        endpoint = await _find(connection, request, endpoint_id)
    call.services.webhooks.forget_endpoint(endpoint_id)
    return json_response(_endpoint_object(endpoint))


async def delete_endpoint(request: web.Request) -> web.Response:
    """`DELETE /webhook-endpoints/{id}`: no more deliveries to it."""
    call = call_of(request)
    endpoint_id = path_id(request, "we", _WHAT)
    async with call.services.pool.acquire() as connection, connection.transaction():
        await _find(connection, request, endpoint_id)
        await webhook_changes.remove_endpoint(connection, changed_by(request), endpoint_id)
    call.services.webhooks.forget_endpoint(endpoint_id)
    return json_response({"id": endpoint_id, "deleted": True})


async def rotate_endpoint_secret(request: web.Request) -> web.Response:
    """`POST /webhook-endpoints/{id}/rotate-secret`: a new secret, shown this once."""
    call = call_of(request)
    endpoint_id = path_id(request, "we", _WHAT)
    body = await read_body(request)
    fields = body.as_model(RotationBody)

    async def rotate(connection: Connection) -> StoredAnswer:
        await _find(connection, request, endpoint_id)
        secret = await webhook_changes.rotate_secret(
            connection,
            changed_by(request),
            endpoint_id,
            secret=fields.secret,
            overlap_seconds=fields.overlap_seconds,
        )
        return json_answer(200, {"id": endpoint_id, "secret": secret})

    async def forget() -> None:
        call.services.webhooks.forget_endpoint(endpoint_id)

    return await write_once(
        request, body, "webhook_endpoint.rotated", rotate, committed=forget, sealed=True
    )


async def test_endpoint(request: web.Request) -> web.Response:
    """`POST /webhook-endpoints/{id}/test`: send `webhook.test` to it."""
    call = call_of(request)
    endpoint_id = path_id(request, "we", _WHAT)
    body = await read_body(request)
    body.as_model(EmptyBody)
    made: list[str] = []

    async def send(connection: Connection) -> StoredAnswer:
        endpoint = await _find(connection, request, endpoint_id)
        made.append(await webhook_changes.send_test(connection, changed_by(request), endpoint))
        return json_answer(200, {"message": "Test webhook scheduled"})

    async def deliver() -> None:
        await call.services.webhooks.deliver_now(made)

    return await write_once(request, body, "webhook_endpoint.tested", send, committed=deliver)


async def _find(connection: Connection, request: web.Request, endpoint_id: str) -> EndpointRecord:
    scope = call_of(request).caller.scope
    return found(await reads_webhooks.find_endpoint(connection, scope, endpoint_id), _WHAT)


def _endpoint_object(endpoint: EndpointRecord) -> dict[str, Any]:
    return {
        "id": endpoint.id,
        "url": endpoint.url,
        "description": endpoint.description,
        "events": shown_events(endpoint.format, endpoint.events),
        "format": endpoint.format,
        "active": endpoint.active,
        "is_default": endpoint.is_default,
        "disabled_reason": endpoint.disabled_reason,
        "created_at": timestamp(endpoint.created_at),
        "updated_at": timestamp(endpoint.updated_at),
    }
