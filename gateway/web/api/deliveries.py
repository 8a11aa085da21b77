"""Deliveries of webhooks: listed, read, sent once more."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from gateway.domain.errors import InvalidRequest
from gateway.domain.ids import is_id
from gateway.domain.representation import timestamp
from gateway.domain.work import StoredAnswer
from gateway.storage import reads_webhooks
from gateway.storage.administration_deliveries import Replay
from gateway.storage.journal import Connection
from gateway.storage.reads_webhooks import AttemptRecord, DeliveryRecord
from gateway.web import webhook_changes
from gateway.web.api.common import changed_by, found, path_uuid, uuid_of
from gateway.web.bodies import read_body
from gateway.web.calls import call_of
from gateway.web.queries import (
    choice,
    event_name,
    identifier,
    list_response,
    page_of,
    unknown_start,
)
from gateway.web.responses import json_answer, json_response
from gateway.web.schemas import EmptyBody, ReplayBody
from gateway.web.writes import write_once

__all__ = ["get_delivery", "list_deliveries", "replay_webhooks", "retry_webhook"]

_STATUSES = ("pending", "success", "failed")
_ATTEMPTS_SHOWN_MAX = 50


async def list_deliveries(request: web.Request) -> web.Response:
    """`GET /webhooks`: deliveries, newest first."""
    call = call_of(request)
    page = page_of(request, lambda text: uuid_of(text) is not None)
    status = choice(request, "status", _STATUSES)
    event = event_name(request, "event")
    event_id = identifier(request, "event_id", "evt")
    endpoint_id = identifier(request, "endpoint_id", "we")
    async with call.services.pool.acquire() as connection:
        listed = await reads_webhooks.list_deliveries(
            connection,
            call.caller.scope,
            page,
            status=status,
            event=event,
            event_id=event_id,
            endpoint_id=endpoint_id,
        )
    if listed is None:
        raise unknown_start()
    deliveries, listing = listed
    return list_response([_delivery_object(each) for each in deliveries], listing, page)


async def get_delivery(request: web.Request) -> web.Response:
    """`GET /webhooks/{id}`: one delivery with its last attempts."""
    call = call_of(request)
    delivery_id = path_uuid(request, "Webhook")
    async with call.services.pool.acquire() as connection:
        delivery = await reads_webhooks.find_delivery(connection, call.caller.scope, delivery_id)
        shown = _delivery_object(found(delivery, "Webhook"))
        attempts = await reads_webhooks.list_attempts(connection, delivery_id, _ATTEMPTS_SHOWN_MAX)
    return json_response({**shown, "attempt_log": [_attempt_object(each) for each in attempts]})


async def retry_webhook(request: web.Request) -> web.Response:
    """`POST /webhooks/{id}/retry`: the same delivery begins anew, at once."""
    call = call_of(request)
    delivery_id = path_uuid(request, "Webhook")
    body = await read_body(request)
    body.as_model(EmptyBody)

    async def retry(connection: Connection) -> StoredAnswer:
        await webhook_changes.retry(connection, changed_by(request), delivery_id)
        content = {
            "id": str(delivery_id),
            "status": "pending",
            "message": "Webhook retry scheduled",
        }
        return json_answer(200, content)

    async def deliver() -> None:
        await call.services.webhooks.deliver_now([str(delivery_id)])

    return await write_once(request, body, "webhook.retried", retry, committed=deliver)


async def replay_webhooks(request: web.Request) -> web.Response:
    """`POST /webhooks/replay`: send again all that the filter lets through, up to a limit."""
    call = call_of(request)
    body = await read_body(request)
    fields = body.as_model(ReplayBody)
    replay = _replay(fields)
    replayed: list[str] = []

    async def begin_anew(connection: Connection) -> StoredAnswer:
        ids, has_more = await webhook_changes.replay(connection, changed_by(request), replay)
        replayed.extend(ids)
        content = {
            "message": "Webhook replay scheduled",
            "count": len(ids),
            "has_more": has_more,
        }
        return json_answer(200, content)

    async def deliver() -> None:
        await call.services.webhooks.deliver_now(replayed)

    return await write_once(request, body, "webhooks.replayed", begin_anew, committed=deliver)


def _replay(fields: ReplayBody) -> Replay:
    delivery_ids = None
    if fields.ids is not None:
        parsed = [uuid_of(text) for text in fields.ids]
        delivery_ids = [each for each in parsed if each is not None]
        if len(delivery_ids) != len(parsed):
            raise InvalidRequest("ids must be ids of deliveries", field="ids")
    for event_id in fields.event_ids or ():
        if not is_id(event_id, "evt"):
            raise InvalidRequest("event_ids must be ids of events", field="event_ids")
    return Replay(
        status=fields.status,
        endpoint_id=fields.endpoint_id,
        event=fields.event,
        since=fields.from_,
        until=fields.to,
        event_ids=fields.event_ids,
        delivery_ids=delivery_ids,
    )


def _delivery_object(delivery: DeliveryRecord) -> dict[str, Any]:
    return {
        "id": str(delivery.id),
        "event": delivery.event,
        "event_id": delivery.event_id,
        "endpoint_id": delivery.endpoint_id,
        "status": delivery.status,
        "attempts": delivery.attempts,
        "created_at": timestamp(delivery.created_at),
        "last_attempt_at": timestamp(delivery.last_attempt_at),
        "next_retry_at": timestamp(delivery.next_retry_at),
        "response_code": delivery.response_code,
    }


def _attempt_object(attempt: AttemptRecord) -> dict[str, Any]:
    return {
        "number": attempt.number,
        "requested_at": timestamp(attempt.requested_at),
        "duration_milliseconds": attempt.duration_milliseconds,
        "response_code": attempt.response_code,
        "response_body": attempt.response_body,
        "error": attempt.error,
    }
