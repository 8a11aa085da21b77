"""Webhook endpoints: several a merchant, each with events, format, secret, active."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from gateway.domain.representation import timestamp
from gateway.domain.work import StoredAnswer
from gateway.storage import reads_webhooks
from gateway.storage.journal import Connection
from gateway.storage.reads_webhooks import EndpointRecord
from gateway.web import webhook_changes
from gateway.web.api.common import changed_by, path_id
from gateway.web.bodies import read_body
from gateway.web.calls import call_of
from gateway.web.event_names import shown_events
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
    body = await read_body(request)
    fields = body.as_model(EndpointBody)

    async def create(connection: Connection) -> StoredAnswer:
        endpoint, secret = await webhook_changes.make_endpoint(
            connection, changed_by(request), fields
        )
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
    async with call.services.pool.acquire() as connection, connection.transaction():
        endpoint = await webhook_changes.change_endpoint(
            connection, changed_by(request), endpoint_id, fields
        )
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
    return await webhook_changes.endpoint_of(connection, call_of(request).caller.scope, endpoint_id)


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
