"""Events: everything that happened, for merchants who missed a webhook."""

from __future__ import annotations

from typing import Any

import orjson
from aiohttp import web

from gateway.domain.ids import is_id
from gateway.domain.representation import timestamp
from gateway.storage import reads_webhooks
from gateway.storage.reads_webhooks import EventRecord
from gateway.web.api.common import found, path_id
from gateway.web.calls import call_of
from gateway.web.queries import boolean, event_name, list_response, page_of, unknown_start
from gateway.web.responses import json_response

__all__ = ["get_event", "list_events"]


async def list_events(request: web.Request) -> web.Response:
    """`GET /events`: what happened, newest first, or only what some endpoint has not got."""
    call = call_of(request)
    page = page_of(request, lambda text: is_id(text, "evt"))
    event = event_name(request, "type")
    delivery_success = boolean(request, "delivery_success")
    async with call.services.pool.acquire() as connection:
        listed = await reads_webhooks.list_events(
            connection,
            call.caller.scope,
            page,
            event=event,
            delivery_success=delivery_success,
        )
    if listed is None:
        raise unknown_start()
    events, listing = listed
    return list_response([_event_object(each) for each in events], listing, page)


async def get_event(request: web.Request) -> web.Response:
    """`GET /events/{id}`: one event."""
    call = call_of(request)
    event_id = path_id(request, "evt", "Event")
    async with call.services.pool.acquire() as connection:
        event = await reads_webhooks.find_event(connection, call.caller.scope, event_id)
    return json_response(_event_object(found(event, "Event")))


def _event_object(event: EventRecord) -> dict[str, Any]:
    """`data` is null once the body has been deleted for its age."""
    return {
        "id": event.id,
        "type": event.type,
        "order_id": event.order_id,
        "payment_id": event.payment_id,
        "refund_id": event.refund_id,
        "data": None if event.body is None else orjson.loads(event.body).get("data"),
        "request_id": event.request_id,
        "created_at": timestamp(event.created_at),
    }
