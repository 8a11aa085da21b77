"""The merchant's own profile and settings, and the one webhook URL that simple merchants have."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from gateway.domain.representation import timestamp
from gateway.domain.work import StoredAnswer
from gateway.security.records import endpoint_record
from gateway.storage.journal import Connection
from gateway.storage.reads_accounts import find_merchant
from gateway.storage.reads_webhooks import find_default_endpoint
from gateway.web import webhook_changes
from gateway.web.api.common import changed_by, found
from gateway.web.bodies import read_body
from gateway.web.calls import call_of
from gateway.web.merchant_changes import change_settings
from gateway.web.responses import json_answer, json_response
from gateway.web.schemas import EmptyBody, MerchantChanges, WebhookUrlBody
from gateway.web.writes import write_once

__all__ = [
    "change_merchant",
    "get_merchant",
    "regenerate_secret",
    "set_webhook_url",
    "test_webhook",
]


async def get_merchant(request: web.Request) -> web.Response:
    """`GET /merchant`, also `/merchants/profile`: profile and settings."""
    async with call_of(request).services.pool.acquire() as connection:
        return json_response(await _profile(connection, request))


async def change_merchant(request: web.Request) -> web.Response:
    """`PATCH /merchant`: other settings."""
    await change_settings(request, (await read_body(request)).as_model(MerchantChanges))
    return await get_merchant(request)


async def set_webhook_url(request: web.Request) -> web.Response:
    """`PUT /merchants/webhook`, also `/webhooks/config`: the one webhook URL, or null."""
    call = call_of(request)
    fields = (await read_body(request)).as_model(WebhookUrlBody)
    async with call.services.pool.acquire() as connection, connection.transaction():
        endpoint_id, url = await webhook_changes.set_default_url(
            connection, changed_by(request), fields.webhook_url
        )
    call.services.webhooks.forget_endpoint(endpoint_id)
    return json_response({"message": "Webhook configuration updated", "webhook_url": url})


async def regenerate_secret(request: web.Request) -> web.Response:
    """`POST /merchants/webhook/regenerate-secret`: a new secret of the one webhook URL."""
    call = call_of(request)
    body = await read_body(request)
    body.as_model(EmptyBody)
    changed: list[str] = []

    async def rotate(connection: Connection) -> StoredAnswer:
        endpoint_id, secret = await webhook_changes.rotate_default_secret(
            connection, changed_by(request)
        )
        changed.append(endpoint_id)
        return json_answer(200, {"webhook_secret": secret})

    async def forget() -> None:
        call.services.webhooks.forget_endpoint(changed[0])

    return await write_once(
        request, body, "merchant.secret_regenerated", rotate, committed=forget, sealed=True
    )


async def test_webhook(request: web.Request) -> web.Response:
    """`POST /merchants/webhook/test`, also `/webhooks/test`: send `webhook.test`."""
    call = call_of(request)
    body = await read_body(request)
    body.as_model(EmptyBody)
    made: list[str] = []

    async def send(connection: Connection) -> StoredAnswer:
        default = await find_default_endpoint(connection, call.caller.scope)
        made.append(await webhook_changes.send_test(connection, changed_by(request), default))
        return json_answer(200, {"message": "Test webhook scheduled"})

    async def deliver() -> None:
        await call.services.webhooks.deliver_now(made)

    return await write_once(request, body, "merchant.webhook_tested", send, committed=deliver)


async def _profile(connection: Connection, request: web.Request) -> dict[str, Any]:
    call = call_of(request)
    key = call.caller.key
    merchant = found(await find_merchant(connection, key.merchant_id), "Merchant")
    default = await find_default_endpoint(connection, call.caller.scope)
    secret = None
    # Whoever may not change anything has no use for what forges webhooks.
    if default is not None and key.role == "full":
        record = endpoint_record(default.id)
        secret = call.services.vault.open(default.secret_sealed, record=record).decode()
    return {
        "id": str(merchant.id),
        "name": merchant.name,
        "email": merchant.email,
        "api_key": key.id,
        "webhook_url": default.url if default else None,
        "webhook_secret": secret,
        "mode": key.mode,
        "default_capture": merchant.default_capture,
        "enabled_methods": list(merchant.enabled_methods),
        "allowed_origins": list(merchant.allowed_origins),
        "return_url": merchant.return_url,
        "branding": {"color": merchant.brand_color, "logo_url": merchant.logo_url},
        "api_version": merchant.api_version,
        "created_at": timestamp(merchant.created_at),
        "updated_at": timestamp(merchant.updated_at),
    }
