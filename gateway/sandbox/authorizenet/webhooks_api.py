"""The REST API of webhooks: `/rest/v1/eventtypes`, `/webhooks`, `/notifications`."""

from __future__ import annotations

import base64
import binascii
import uuid
from decimal import Decimal
from typing import Any

import orjson
from aiohttp import web

from gateway.domain.clock import Clock
from gateway.sandbox.authorizenet.accounts import Account, Accounts, Event
from gateway.sandbox.authorizenet.notifications import (
    Courier,
    Notification,
    Webhook,
    is_deliverable,
)
from gateway.sandbox.authorizenet.options import Options
from gateway.sandbox.authorizenet.wire import Members, money

__all__ = ["EVENT_TYPES", "WebhooksApi"]

_PREFIX = "/rest/v1"
_PAGE_MAX = 1_000
EVENT_TYPES = tuple(
    f"net.authorize.{name}"
    for name in (
        "customer.created",
        "customer.deleted",
        "customer.updated",
        "customer.paymentProfile.created",
        "customer.paymentProfile.deleted",
        "customer.paymentProfile.updated",
        "customer.subscription.cancelled",
        "customer.subscription.created",
        "customer.subscription.expired",
        "customer.subscription.expiring",
        "customer.subscription.failed",
        "customer.subscription.suspended",
        "customer.subscription.terminated",
        "customer.subscription.updated",
        "payment.authcapture.created",
        "payment.authorization.created",
        "payment.capture.created",
        "payment.fraud.approved",
        "payment.fraud.declined",
        "payment.fraud.held",
        "payment.priorAuthCapture.created",
        "payment.refund.created",
        "payment.void.created",
    )
)
_PING = Event(
    "net.authorize.payment.authcapture.created",
    {
        "responseCode": 0,
        "avsResponse": "Y",
        "authAmount": money(Decimal(0)),
        "entityName": "transaction",
        "id": "0",
    },
)


class WebhooksApi:
    """Lets merchants register webhooks and look at what was sent."""

    def __init__(
        self, accounts: Accounts, courier: Courier, clock: Clock, options: Options
    ) -> None:
        self._accounts = accounts
        self._courier = courier
        self._clock = clock
        self._options = options

    def routes(self) -> list[web.RouteDef]:
        """What the sandbox answers beside the JSON API."""
        one = f"{_PREFIX}/webhooks/{{id}}"
        return [
            web.get(f"{_PREFIX}/eventtypes", self._event_types),
            web.get(f"{_PREFIX}/webhooks", self._list),
            web.post(f"{_PREFIX}/webhooks", self._create),
            web.get(one, self._get),
            web.put(one, self._update),
            web.delete(one, self._delete),
            web.post(f"{one}/pings", self._ping),
            web.get(f"{_PREFIX}/notifications", self._notifications),
            web.get(f"{_PREFIX}/notifications/{{id}}", self._notification),
        ]

    async def _event_types(self, request: web.Request) -> web.Response:
        self._account(request)
        return _answer([{"name": name} for name in EVENT_TYPES])

    async def _list(self, request: web.Request) -> web.Response:
        mailbox = self._courier.mailbox(self._account(request))
        return _answer([_representation(each) for each in mailbox.webhooks.values()])

    async def _create(self, request: web.Request) -> web.Response:
        mailbox = self._courier.mailbox(self._account(request))
        if len(mailbox.webhooks) >= self._options.webhooks_max:
            raise _problem(400, f"There are {self._options.webhooks_max} webhooks, the limit.")
        webhook = Webhook(id=str(uuid.uuid4()), name="", url="", event_types=(), is_active=True)
        self._fill(webhook, await _members(request))
        if not webhook.url or not webhook.event_types:
            raise _problem(400, "url and eventTypes are required.")
        mailbox.webhooks[webhook.id] = webhook
        return _answer(_representation(webhook))

    async def _get(self, request: web.Request) -> web.Response:
        return _answer(_representation(self._webhook(request)))

    async def _update(self, request: web.Request) -> web.Response:
        webhook = self._webhook(request)
        self._fill(webhook, await _members(request))
        return _answer(_representation(webhook))

    async def _delete(self, request: web.Request) -> web.Response:
        webhook = self._webhook(request)
        del self._courier.mailbox(self._account(request)).webhooks[webhook.id]
        return web.Response()

    async def _ping(self, request: web.Request) -> web.Response:
        """A test notification; only for those that are inactive."""
        webhook = self._webhook(request)
        if webhook.is_active:
            raise _problem(400, "Only inactive webhooks can be pinged.")
        self._courier.notify(self._account(request), webhook, _PING, self._clock.now())
        return web.Response()

    async def _notifications(self, request: web.Request) -> web.Response:
        sent = list(self._courier.mailbox(self._account(request)).sent)
        status = request.query.get("deliveryStatus")
        if status is not None:
            sent = [each for each in sent if each.status.lower() == status.lower()]
        offset, limit = _number(request, "offset", 0), _number(request, "limit", _PAGE_MAX)
        shown = sent[::-1][offset : offset + min(limit, _PAGE_MAX)]
        path = f"{_PREFIX}/notifications?offset={offset}&limit={limit}"
        return _answer({"_links": _links(path), "notifications": [_listed(each) for each in shown]})

    async def _notification(self, request: web.Request) -> web.Response:
        found = self._courier.mailbox(self._account(request)).find(request.match_info["id"])
        if found is None:
            raise _problem(404, "The notification cannot be found.")
        return _answer({**_listed(found), **found.representation(), "attempts": found.attempts})

    def _account(self, request: web.Request) -> Account:
        scheme, _, text = request.headers.get("Authorization", "").partition(" ")
        try:
            login_id, _, key = base64.b64decode(text, validate=True).decode().partition(":")
        except (binascii.Error, ValueError):
            login_id = key = ""
        account = self._accounts.authenticated(login_id, key)
        if scheme.lower() != "basic" or account is None:
            raise _problem(401, "Unauthorized.")
        return account

    def _webhook(self, request: web.Request) -> Webhook:
        mailbox = self._courier.mailbox(self._account(request))
        found = mailbox.webhooks.get(request.match_info["id"])
        if found is None:
            raise _problem(404, "The webhook cannot be found.")
        return found

    def _fill(self, webhook: Webhook, members: Members) -> None:
        """Take over what a request says; all of it or nothing."""
        name, url = members.get("name", webhook.name), members.get("url", webhook.url)
        event_types = members.get("eventTypes", webhook.event_types)
        status = members.get("status", "active" if webhook.is_active else "inactive")
        if not isinstance(name, str) or not isinstance(url, str):
            raise _problem(400, "name and url are texts.")
        if url and not is_deliverable(url, self._options):
            raise _problem(400, "url must lead to this machine: see --deliver-anywhere.")
        if not isinstance(event_types, list | tuple) or any(
            each not in EVENT_TYPES for each in event_types
        ):
            raise _problem(400, "eventTypes holds unknown events.")
        if status not in ("active", "inactive"):
            raise _problem(400, "status is active or inactive.")
        webhook.name, webhook.url = name, url
        webhook.event_types, webhook.is_active = tuple(event_types), status == "active"


async def _members(request: web.Request) -> Members:
    try:
        members = orjson.loads(await request.read())
    except orjson.JSONDecodeError:
        members = None
    if not isinstance(members, dict):
        raise _problem(400, "The body must be a JSON object.")
    return members


def _number(request: web.Request, name: str, default: int) -> int:
    text = request.query.get(name, str(default))
    if not text.isascii() or not text.isdigit():
        raise _problem(400, f"{name} is a number.")
    return int(text[:9])


def _representation(webhook: Webhook) -> Members:
    return {
        "_links": _links(f"{_PREFIX}/webhooks/{webhook.id}"),
        "webhookId": webhook.id,
        "name": webhook.name,
        "eventTypes": list(webhook.event_types),
        "status": "active" if webhook.is_active else "inactive",
        "url": webhook.url,
    }


def _listed(notification: Notification) -> Members:
    told = notification.representation()
    return {
        "_links": _links(f"{_PREFIX}/notifications/{notification.id}"),
        "notificationId": notification.id,
        "deliveryStatus": notification.status.value,
        "eventType": told["eventType"],
        "eventDate": told["eventDate"],
        "webhookId": told["webhookId"],
    }


def _links(path: str) -> Members:
    return {"self": {"href": path}}


def _answer(body: Any) -> web.Response:
    return web.Response(body=orjson.dumps(body), content_type="application/json")


def _problem(status: int, message: str) -> web.HTTPException:
    reasons = {400: "INVALID_DATA", 401: "UNAUTHORIZED", 404: "NOT_FOUND"}
    kinds = {400: web.HTTPBadRequest, 401: web.HTTPUnauthorized, 404: web.HTTPNotFound}
    body = {
        "status": status,
        "reason": reasons[status],
        "message": message,
        "correlationId": str(uuid.uuid4()),
    }
    return kinds[status](text=orjson.dumps(body).decode(), content_type="application/json")
