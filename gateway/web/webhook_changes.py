"""What is done to webhook endpoints, for the merchant API and the dashboard alike.

Everything runs inside the caller's transaction; afterwards the deliverer is told by
`Services.webhooks.forget_endpoint`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from gateway.domain import canonical_json
from gateway.domain.errors import InvalidRequest, InvalidState, NotFound
from gateway.domain.ids import new_id
from gateway.domain.work import Event
from gateway.security.credentials import new_webhook_secret
from gateway.security.outbound import validate_webhook_url
from gateway.security.records import endpoint_record
from gateway.storage import administration_endpoints as endpoints
from gateway.storage.administration import Author, write_audit
from gateway.storage.administration_deliveries import (
    Replay,
    insert_test_delivery,
    replay_deliveries,
    retry_delivery,
)
from gateway.storage.journal import Connection
from gateway.storage.reads_pages import Scope
from gateway.storage.reads_webhooks import (
    EndpointRecord,
    find_default_endpoint,
    find_delivery,
    find_endpoint,
)
from gateway.web.event_names import change_subscription, stored_events
from gateway.web.schemas import EndpointBody, EndpointChanges
from gateway.web.services import Services

__all__ = [
    "Changed",
    "add_endpoint",
    "change_endpoint",
    "checked_url",
    "endpoint_of",
    "make_endpoint",
    "remove_endpoint",
    "replay",
    "retry",
    "rotate_default_secret",
    "rotate_secret",
    "send_test",
    "set_default_url",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """Who changes something, and when."""

    services: Services
    author: Author
    now: datetime

    @property
    def scope(self) -> Scope:
        """Whose endpoints they are."""
        return self.author.scope


def checked_url(services: Services, url: str, mode: str, field: str) -> str:
    """The address to store. Raises InvalidRequest with the reason."""
    known: Literal["test", "live"] = "live" if mode == "live" else "test"
    try:
        return validate_webhook_url(url, services.guard, known)
    except ValueError as error:
        raise InvalidRequest(str(error), field=field) from None


async def add_endpoint(
    connection: Connection,
    changed: Changed,
    *,
    url: str | None,
    secret: str,
    description: str | None = None,
    events: tuple[str, ...] = (),
    format_: str = "gateway",
    active: bool = True,
    is_default: bool = False,
) -> str:
    """The id of a new endpoint. Raises InvalidState when the merchant has as many as allowed."""
    endpoint_id = new_id("we")
    limit = changed.services.settings.webhook_endpoints_max
    await endpoints.lock_merchant(connection, changed.scope)
    if await endpoints.count_endpoints(connection, changed.scope) >= limit:
        raise InvalidState(f"There may be at most {limit} webhook endpoints")
    endpoint = endpoints.NewEndpoint(
        id=endpoint_id,
        url=url,
        description=description,
        events=events,
        format=format_,
        secret_sealed=_sealed(changed, endpoint_id, secret),
        active=active,
        is_default=is_default,
    )
    await endpoints.insert_endpoint(connection, changed.scope, endpoint, changed.now)
    await _audit(connection, changed, "webhook_endpoint.created", endpoint_id)
    return endpoint_id


async def make_endpoint(
    connection: Connection, changed: Changed, fields: EndpointBody
) -> tuple[EndpointRecord, str]:
    """A new endpoint as it was asked for, and its secret. Raises what is wrong with the fields."""
    url = checked_url(changed.services, fields.url, changed.scope.mode, "url")
    secret = fields.secret or new_webhook_secret()
    endpoint_id = await add_endpoint(
        connection,
        changed,
        url=url,
        secret=secret,
        description=fields.description,
        events=tuple(stored_events(fields.format, fields.events)),
        format_=fields.format,
        active=fields.active,
    )
    return await endpoint_of(connection, changed.scope, endpoint_id), secret


async def endpoint_of(connection: Connection, scope: Scope, endpoint_id: str) -> EndpointRecord:
    """The merchant's endpoint; raises NotFound."""
    endpoint = await find_endpoint(connection, scope, endpoint_id)
    if endpoint is None:
        raise NotFound("Webhook endpoint not found")
    return endpoint


async def change_endpoint(
    connection: Connection, changed: Changed, endpoint_id: str, fields: EndpointChanges
) -> EndpointRecord:
    """The endpoint after the changes that `fields` names. Raises what is wrong with them."""
    changes: dict[str, Any] = {name: getattr(fields, name) for name in fields.model_fields_set}
    if not changes:
        raise InvalidRequest("There is nothing to change")
    if "url" in changes:
        changes["url"] = checked_url(changed.services, fields.url, changed.scope.mode, "url")
    # The events that an endpoint may have depend on its format: nobody changes it meanwhile.
    await endpoints.lock_merchant(connection, changed.scope)
    endpoint = await endpoint_of(connection, changed.scope, endpoint_id)
    changes = change_subscription(endpoint.format, endpoint.events, changes)
    await _change(connection, changed, endpoint_id, changes)
    return await endpoint_of(connection, changed.scope, endpoint_id)


async def _change(
    connection: Connection, changed: Changed, endpoint_id: str, changes: Mapping[str, Any]
) -> None:
    """Change settings; what waits for an endpoint that is switched off has failed."""
    await endpoints.update_endpoint(connection, changed.scope, endpoint_id, changes, changed.now)
    if changes.get("active") is False:
        await endpoints.fail_pending_deliveries(
            connection, endpoint_id, "endpoint switched off", changed.now
        )
    await _audit(connection, changed, "webhook_endpoint.changed", endpoint_id, sorted(changes))


async def remove_endpoint(connection: Connection, changed: Changed, endpoint_id: str) -> bool:
    """Whether there was such an endpoint; what waits for it has failed."""
    if not await endpoints.delete_endpoint(connection, changed.scope, endpoint_id, changed.now):
        return False
    await endpoints.fail_pending_deliveries(
        connection, endpoint_id, "endpoint deleted", changed.now
    )
    await _audit(connection, changed, "webhook_endpoint.deleted", endpoint_id)
    return True


async def rotate_secret(
    connection: Connection,
    changed: Changed,
    endpoint_id: str,
    *,
    secret: str | None = None,
    overlap_seconds: int | None = None,
) -> str:
    """The new secret. The one before it signs, too, for `overlap_seconds`, by default a setting."""
    if overlap_seconds is None:
        overlap_seconds = changed.services.settings.webhook_secret_overlap_seconds
    fresh = secret or new_webhook_secret()
    await endpoints.rotate_endpoint_secret(
        connection,
        changed.scope,
        endpoint_id,
        secret_sealed=_sealed(changed, endpoint_id, fresh),
        previous_expires_at=changed.now + timedelta(seconds=overlap_seconds),
        now=changed.now,
    )
    await _audit(connection, changed, "webhook_endpoint.secret_rotated", endpoint_id)
    return fresh


async def set_default_url(
    connection: Connection, changed: Changed, url: str | None
) -> tuple[str, str | None]:
    """The endpoint that is the merchant's one webhook URL: its id, its address. None takes it away.

    Its row stays without a URL, and keeps the secret. Raises InvalidRequest for no good address.
    """
    if url is not None:
        url = checked_url(changed.services, url, changed.scope.mode, "webhook_url")
    await endpoints.lock_merchant(connection, changed.scope)
    default = await find_default_endpoint(connection, changed.scope)
    if default is not None:
        changes = {"url": url, "active": url is not None}
        await _change(connection, changed, default.id, changes)
        return default.id, url
    secret, active = new_webhook_secret(), url is not None
    endpoint_id = await add_endpoint(
        connection, changed, url=url, secret=secret, active=active, is_default=True
    )
    return endpoint_id, url


async def rotate_default_secret(connection: Connection, changed: Changed) -> tuple[str, str]:
    """The default endpoint's id and its new secret."""
    await endpoints.lock_merchant(connection, changed.scope)
    default = await find_default_endpoint(connection, changed.scope)
    if default is not None:
        return default.id, await rotate_secret(connection, changed, default.id)
    secret = new_webhook_secret()
    endpoint_id = await add_endpoint(
        connection, changed, url=None, secret=secret, active=False, is_default=True
    )
    return endpoint_id, secret


async def send_test(
    connection: Connection, changed: Changed, endpoint: EndpointRecord | None
) -> str:
    """The id of a `webhook.test` delivery to this endpoint alone.

    Raises InvalidState when it has no address or is switched off.
    """
    if endpoint is None or endpoint.url is None:
        raise InvalidState("Webhook URL not configured")
    if not endpoint.active:
        raise InvalidState("Webhook endpoint is not active")
    content = {
        "event": "webhook.test",
        "timestamp": int(changed.now.timestamp()),
        "data": {"message": "This is a test webhook", "endpoint_id": endpoint.id},
    }
    event = Event(
        id=new_id("evt"),
        merchant_id=changed.scope.merchant_id,
        mode=changed.scope.mode,
        type="webhook.test",
        body=canonical_json.dumps(content),
        request_id=changed.author.request_id,
        created_at=changed.now,
    )
    await _audit(connection, changed, "webhook_endpoint.tested", endpoint.id)
    return await insert_test_delivery(connection, event, endpoint.id)


async def retry(connection: Connection, changed: Changed, delivery_id: UUID) -> None:
    """The same delivery begins anew; tell the deliverer when this is committed.

    Raises NotFound, and InvalidState when its endpoint takes none.
    """
    scope = changed.scope
    if await find_delivery(connection, scope, delivery_id) is None:
        raise NotFound("Webhook not found")
    if not await retry_delivery(connection, scope, delivery_id, changed.now):
        raise InvalidState("Webhook endpoint is not active")
    await _audit(connection, changed, "webhook.retried", str(delivery_id))


async def replay(
    connection: Connection, changed: Changed, chosen: Replay
) -> tuple[list[str], bool]:
    """The ids of the deliveries that begin anew, and whether there are more than one replay takes.

    Tell the deliverer when this is committed.
    """
    limit: int = changed.services.settings.webhook_replay_max
    ids, more = await replay_deliveries(connection, changed.scope, chosen, limit, changed.now)
    details = {"deliveries": len(ids), "status": chosen.status}
    await write_audit(
        connection, changed.author, "webhooks.replayed", None, changed.now, details=details
    )
    return ids, more


def _sealed(changed: Changed, endpoint_id: str, secret: str) -> bytes:
    return changed.services.vault.seal(secret.encode(), record=endpoint_record(endpoint_id))


async def _audit(
    connection: Connection,
    changed: Changed,
    action: str,
    endpoint_id: str,
    fields: list[str] | None = None,
) -> None:
    details = {"fields": fields} if fields else None
    await write_audit(connection, changed.author, action, endpoint_id, changed.now, details=details)
