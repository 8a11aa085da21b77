"""One delivery with every attempt; sent once more, alone or with all that the filters choose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from aiohttp import web

from gateway.domain.errors import InvalidState
from gateway.domain.roles import may
from gateway.storage.administration_deliveries import count_replayable
from gateway.storage.reads_delivery_log import SentEvent, find_sent_event
from gateway.storage.reads_webhooks import (
    AttemptRecord,
    DeliveryRecord,
    find_delivery,
    list_attempts,
)
from gateway.web import webhook_changes
from gateway.web.api.common import changed_by, found, path_uuid
from gateway.web.calls import Call, call_of
from gateway.web.dashboard.delivery_log import asked_for, filter_of, replay_of, with_filters
from gateway.web.dashboard.frame import dashboard_response, said_and_done
from gateway.web.dashboard.webhooks import PATH, sentence
from gateway.web.dashboard.writing import writer_of
from gateway.web.webhook_requests import request_body, request_headers

__all__ = ["ask_replay", "replay", "retry", "show_delivery"]

_ATTEMPTS_SHOWN_MAX = 50


async def show_delivery(request: web.Request) -> web.Response:
    """`GET /dashboard/webhooks/deliveries/{id}`."""
    return await _page(request, path_uuid(request, "Webhook"))


async def retry(request: web.Request) -> web.Response:
    """`POST /dashboard/webhooks/deliveries/{id}/retry`: the same delivery begins anew, at once."""
    call, delivery_id = call_of(request), path_uuid(request, "Webhook")
    try:
        async with call.services.pool.acquire() as connection, connection.transaction():
            await webhook_changes.retry(connection, changed_by(request), delivery_id)
    except InvalidState as refusal:
        return await _page(request, delivery_id, error=sentence(refusal.description))
    await call.services.webhooks.deliver_now([str(delivery_id)])
    return await said_and_done(request, f"{PATH}/deliveries/{delivery_id}", "It is sent again now.")


async def ask_replay(request: web.Request) -> web.Response:
    """`GET /dashboard/webhooks/replay`: how many the filters choose, before anything is sent."""
    call, writer = call_of(request), writer_of(request)
    settings = call.services.settings
    chosen = replay_of(filter_of(request, writer))
    async with call.services.reading_pool.acquire() as connection:
        count, more = await count_replayable(
            connection, call.member.scope, chosen, settings.webhook_replay_max
        )
    context = {
        "write": writer,
        "chosen": chosen,
        "asked": asked_for(request),
        "count": count,
        "more": more,
        "address": with_filters(request, f"{PATH}/replay"),
        "back": with_filters(request, PATH),
    }
    return dashboard_response(request, "dashboard/replay.html", context, active="webhooks")


async def replay(request: web.Request) -> web.Response:
    """`POST /dashboard/webhooks/replay`: send again what the filters of the address choose."""
    call, writer = call_of(request), writer_of(request)
    chosen = replay_of(filter_of(request, writer))
    async with call.services.pool.acquire() as connection, connection.transaction():
        ids, more = await webhook_changes.replay(connection, changed_by(request), chosen)
    await call.services.webhooks.deliver_now(ids)
    what = "1 webhook is" if len(ids) == 1 else f"{writer.number(len(ids))} webhooks are"
    rest = " There are more: replay again for those." if more else ""
    return await said_and_done(request, PATH, f"{what} sent again now.{rest}")


async def _page(request: web.Request, delivery_id: UUID, *, error: str = "") -> web.Response:
    call = call_of(request)
    scope = call.member.scope
    async with call.services.pool.acquire() as connection:
        delivery = found(await find_delivery(connection, scope, delivery_id), "Webhook")
        sent = found(await find_sent_event(connection, scope, delivery_id), "Webhook")
        attempts = await list_attempts(connection, delivery_id, _ATTEMPTS_SHOWN_MAX)
    body = request_body(call.services, sent, scope.merchant_id)
    context = {
        "write": writer_of(request),
        "delivery": delivery,
        "sent": sent,
        "body": None if body is None else body.decode("utf-8", "replace"),
        "attempts": _attempts(call, delivery, sent, body, attempts),
        "next_headers": _next_headers(call, delivery, sent, body),
        "is_cut": len(attempts) == _ATTEMPTS_SHOWN_MAX,
        "error": error,
    }
    return dashboard_response(
        request,
        "dashboard/delivery.html",
        context,
        active="webhooks",
        status=400 if error else 200,
    )


def _attempts(
    call: Call,
    delivery: DeliveryRecord,
    sent: SentEvent,
    body: bytes | None,
    attempts: Sequence[AttemptRecord],
) -> Sequence[Mapping[str, Any]]:
    """Each attempt with the headers of its request; none where the body is no longer kept."""
    signed = may(call.member.role, "webhooks:write")
    return [
        {
            "row": each,
            "succeeded": each.response_code is not None and 200 <= each.response_code < 300,
            "headers": {}
            if body is None
            else request_headers(
                call.services,
                delivery,
                sent,
                body,
                requested_at=each.requested_at,
                with_signatures=signed,
            ),
        }
        for each in attempts
    ]


def _next_headers(
    call: Call, delivery: DeliveryRecord, sent: SentEvent, body: bytes | None
) -> Mapping[str, str]:
    """Those of a request that is still to be made, without what would be a valid signature."""
    if body is None:
        return {}
    return request_headers(
        call.services,
        delivery,
        sent,
        body,
        requested_at=delivery.next_retry_at or call.services.clock.now(),
        with_signatures=False,
    )
