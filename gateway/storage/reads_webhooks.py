"""Webhook endpoints, deliveries and events of a merchant, for answers to requests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from gateway.storage.journal import Connection
from gateway.storage.reads_pages import Listing, Page, Scope, Selection, fetch_page

__all__ = [
    "AttemptRecord",
    "DeliveryRecord",
    "EndpointRecord",
    "EventRecord",
    "find_default_endpoint",
    "find_delivery",
    "find_endpoint",
    "find_event",
    "list_attempts",
    "list_deliveries",
    "list_endpoints",
    "list_events",
    "newest_event_id",
]

_ENDPOINT_COLUMNS = """id, url, description, events, format, secret_sealed, active, is_default,
    disabled_reason, created_at, updated_at"""
_DELIVERY_COLUMNS = """id, event, event_id, endpoint_id, status, attempts, created_at,
    last_attempt_at, next_retry_at, response_code"""
_EVENT_COLUMNS = "id, type, order_id, payment_id, refund_id, body, request_id, created_at"

_OWN = "WHERE merchant_id = $1 AND mode = $2"
# The names are our own, none comes from a request.
_ENDPOINT = (
    f"SELECT {_ENDPOINT_COLUMNS} FROM webhook_endpoints {_OWN} "  # noqa: S608
    "AND deleted_at IS NULL AND url IS NOT NULL AND id = $3"
)
# An address that was never entered, or taken away, leaves a row that keeps the secret.
_ENDPOINTS = (
    f"SELECT {_ENDPOINT_COLUMNS} FROM webhook_endpoints {_OWN} "  # noqa: S608
    "AND deleted_at IS NULL AND url IS NOT NULL ORDER BY created_at, id LIMIT $3"
)
_DEFAULT_ENDPOINT = (
    f"SELECT {_ENDPOINT_COLUMNS} FROM webhook_endpoints {_OWN} "  # noqa: S608
    "AND deleted_at IS NULL AND is_default"
)
_DELIVERY = f"SELECT {_DELIVERY_COLUMNS} FROM webhook_logs {_OWN} AND id = $3"  # noqa: S608
_EVENT = f"SELECT {_EVENT_COLUMNS} FROM events {_OWN} AND id = $3"  # noqa: S608
_NEWEST_EVENT = f"SELECT id FROM events {_OWN} ORDER BY created_at DESC, id DESC LIMIT 1"  # noqa: S608
_ATTEMPTS = """
SELECT number, requested_at, duration_milliseconds, response_code, response_body, error
FROM webhook_attempts WHERE delivery_id = $1 ORDER BY id DESC LIMIT $2
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointRecord:
    """An endpoint; its secret is sealed under the endpoint's id."""

    id: str
    url: str | None
    description: str | None
    events: tuple[str, ...]
    format: str
    secret_sealed: bytes = field(repr=False)
    active: bool
    is_default: bool
    disabled_reason: str | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRecord:
    """One event on its way to one endpoint."""

    id: UUID
    event: str
    event_id: str
    endpoint_id: str
    status: str
    attempts: int
    created_at: datetime
    last_attempt_at: datetime | None
    next_retry_at: datetime | None
    response_code: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRecord:
    """One post of a delivery and what came of it."""

    number: int
    requested_at: datetime
    duration_milliseconds: int
    response_code: int | None
    response_body: str | None
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRecord:
    """Something that happened; its body is deleted some time before it."""

    id: str
    type: str
    order_id: str | None
    payment_id: str | None
    refund_id: str | None
    body: bytes | None
    request_id: str | None
    created_at: datetime


async def find_endpoint(
    connection: Connection, scope: Scope, endpoint_id: str
) -> EndpointRecord | None:
    """The merchant's endpoint, unless it was deleted."""
    row = await connection.fetchrow(_ENDPOINT, scope.merchant_id, scope.mode, endpoint_id)
    return None if row is None else _endpoint(row)


async def find_default_endpoint(connection: Connection, scope: Scope) -> EndpointRecord | None:
    """The endpoint that is the merchant's one webhook URL; it may have no `url`."""
    row = await connection.fetchrow(_DEFAULT_ENDPOINT, scope.merchant_id, scope.mode)
    return None if row is None else _endpoint(row)


async def list_endpoints(
    connection: Connection, scope: Scope, limit: int
) -> Sequence[EndpointRecord]:
    """The merchant's endpoints that have an address, oldest first, `limit` at most."""
    rows = await connection.fetch(_ENDPOINTS, scope.merchant_id, scope.mode, limit)
    return [_endpoint(row) for row in rows]


def _endpoint(row: asyncpg.Record) -> EndpointRecord:
    fields: dict[str, Any] = dict(row)
    fields["events"] = tuple(fields["events"])
    return EndpointRecord(**fields)


async def find_delivery(
    connection: Connection, scope: Scope, delivery_id: UUID
) -> DeliveryRecord | None:
    """The merchant's delivery."""
    row = await connection.fetchrow(_DELIVERY, scope.merchant_id, scope.mode, delivery_id)
    return None if row is None else DeliveryRecord(**dict(row))


async def list_attempts(
    connection: Connection, delivery_id: UUID, limit: int
) -> Sequence[AttemptRecord]:
    """The last posts of a delivery that the merchant may read, newest first."""
    rows = await connection.fetch(_ATTEMPTS, delivery_id, limit)
    return [AttemptRecord(**dict(row)) for row in rows]


async def list_deliveries(
    connection: Connection,
    scope: Scope,
    page: Page,
    *,
    status: str | None = None,
    event: str | None = None,
    event_id: str | None = None,
    endpoint_id: str | None = None,
) -> tuple[list[DeliveryRecord], Listing] | None:
    """The merchant's deliveries, newest first; None when the page starts after an unknown one."""
    selection = Selection(scope, page)
    selection.add_unless_none("status = {}", status)
    selection.add_unless_none("event = {}", event)
    selection.add_unless_none("event_id = {}", event_id)
    selection.add_unless_none("endpoint_id = {}", endpoint_id)
    listing = await fetch_page(
        connection, table="webhook_logs", columns=_DELIVERY_COLUMNS, selection=selection, page=page
    )
    if listing is None:
        return None
    return [DeliveryRecord(**dict(row)) for row in listing.rows], listing


async def find_event(connection: Connection, scope: Scope, event_id: str) -> EventRecord | None:
    """The merchant's event."""
    row = await connection.fetchrow(_EVENT, scope.merchant_id, scope.mode, event_id)
    return None if row is None else EventRecord(**dict(row))


async def newest_event_id(connection: Connection, scope: Scope) -> str | None:
    """The id of the last event that happened to the merchant; None before the first one."""
    found: str | None = await connection.fetchval(_NEWEST_EVENT, scope.merchant_id, scope.mode)
    return found


async def list_events(
    connection: Connection,
    scope: Scope,
    page: Page,
    *,
    event: str | None = None,
    delivery_success: bool | None = None,
) -> tuple[list[EventRecord], Listing] | None:
    """The merchant's events, newest first; None when the page starts after an unknown one.

    With `delivery_success` False only those with a delivery that is pending or has failed.
    """
    selection = Selection(scope, page)
    selection.add_unless_none("type = {}", event)
    if delivery_success is not None:
        undelivered = "EXISTS (SELECT FROM webhook_logs WHERE event_id = events.id "
        undelivered += "AND status <> 'success')"
        selection.add(f"NOT {undelivered}" if delivery_success else undelivered)
    listing = await fetch_page(
        connection, table="events", columns=_EVENT_COLUMNS, selection=selection, page=page
    )
    return (
        None if listing is None else ([EventRecord(**dict(row)) for row in listing.rows], listing)
    )
