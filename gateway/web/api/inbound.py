"""What processors send by themselves: a signature of theirs instead of credentials of ours."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from aiohttp import web

from gateway.web.api.common import uuid_of
from gateway.web.bodies import read_bytes
from gateway.web.calls import call_of
from gateway.web.errors import NotSigned
from gateway.web.responses import json_response
from gateway.web.routes import Access, Route

__all__ = ["inbound_routes", "receive_authorize_net", "receive_notification"]

_PREFIX = "/api/v1/webhooks"
_AUTHORIZE_NET = "authorizenet"


def inbound_routes() -> Iterable[Route]:
    """With the merchant's id for merchants with an account of their own."""
    for path, handler in (
        ("/authorize-net", receive_authorize_net),
        ("/authorize-net/{merchant_id}", receive_authorize_net),
        ("/processors/{name}", receive_notification),
        ("/processors/{name}/{merchant_id}", receive_notification),
    ):
        yield Route(
            method="POST",
            path=_PREFIX + path,
            handler=handler,
            access=Access.PROCESSOR,
            step="webhook_management",
        )


async def receive_authorize_net(request: web.Request) -> web.Response:
    """`POST /webhooks/authorize-net`: a notification of Authorize.Net, signed with its key."""
    return await _receive(request, _AUTHORIZE_NET)


async def receive_notification(request: web.Request) -> web.Response:
    """`POST /webhooks/processors/{name}`: a message of any processor that sends notifications."""
    return await _receive(request, request.match_info["name"])


async def _receive(request: web.Request, name: str) -> web.Response:
    """Durable when it is answered. Whose signature is wrong is not told what else would be."""
    body = await read_bytes(request)
    headers = {header.lower(): value for header, value in request.headers.items()}
    notifications = call_of(request).services.notifications
    if not await notifications.receive(name, _merchant_id(request), headers, body):
        raise NotSigned
    return json_response({"received": True})


def _merchant_id(request: web.Request) -> UUID | None:
    text = request.match_info.get("merchant_id")
    if text is None:
        return None
    merchant_id = uuid_of(text)
    if merchant_id is None:
        raise NotSigned
    return merchant_id
