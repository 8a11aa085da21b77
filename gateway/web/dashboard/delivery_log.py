"""The log of deliveries as the webhooks page shows it: filters, a page of rows, ways on.

The same filters choose what is replayed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from aiohttp import web
from yarl import URL

from gateway.domain.errors import InvalidRequest
from gateway.storage.administration_deliveries import Replay
from gateway.storage.reads_delivery_log import DeliveryFilter, find_deliveries
from gateway.storage.reads_webhooks import DeliveryRecord, EndpointRecord
from gateway.web.api.common import uuid_of
from gateway.web.calls import call_of
from gateway.web.dashboard.lists import days_of
from gateway.web.dashboard.writing import Writer
from gateway.web.fields import EVENT_TYPES
from gateway.web.queries import choice, event_name, identifier

__all__ = ["STATUSES", "asked_for", "filter_of", "log_of", "replay_of", "with_filters"]

STATUSES = ("pending", "success", "failed")
"""What a delivery can be."""

_FIELDS = ("status", "event", "endpoint_id", "from", "to")
_PLACE = "after"
_WAYS = ("newest", "older", "further")


def asked_for(request: web.Request) -> Mapping[str, str]:
    """The filters as they stand in the address, an empty text where one is not given."""
    return {name: request.query.get(name, "") for name in _FIELDS}


def with_filters(request: web.Request, path: str, **more: str) -> str:
    """The address of a page with the same filters."""
    query = {name: value for name, value in {**asked_for(request), **more}.items() if value}
    return str(URL(path).with_query(query))


def filter_of(request: web.Request, writer: Writer) -> DeliveryFilter:
    """What the address narrows the log to. Raises InvalidRequest that names what cannot be."""
    since, until = days_of(request, writer.zone)
    return DeliveryFilter(
        status=choice(request, "status", STATUSES),
        event=event_name(request, "event"),
        endpoint_id=identifier(request, "endpoint_id", "we"),
        since=since,
        until=until,
    )


def replay_of(chosen: DeliveryFilter) -> Replay:
    """The same, to be sent once more; those that failed, where no status is chosen."""
    until = None if chosen.until is None else chosen.until - timedelta(microseconds=1)
    return Replay(
        status=chosen.status or "failed",
        endpoint_id=chosen.endpoint_id,
        event=chosen.event,
        since=chosen.since,
        until=until,
    )


async def log_of(
    request: web.Request, writer: Writer, endpoints: Sequence[EndpointRecord]
) -> Mapping[str, Any]:
    """What the template shows of the log; a filter that cannot be is its `log_fault`."""
    context: dict[str, Any] = {
        "asked": asked_for(request),
        "statuses": STATUSES,
        "event_names": sorted(EVENT_TYPES),
        "log_fault": "",
        "rows": (),
        "ways": dict.fromkeys(_WAYS, ""),
        "replay_address": "",
        "is_filtered": any(asked_for(request).values()),
    }
    try:
        chosen, after = filter_of(request, writer), _place_of(request)
        context |= await _rows(request, chosen, after, endpoints)
    except InvalidRequest as refusal:
        context["log_fault"] = refusal.description
    return context


async def _rows(
    request: web.Request,
    chosen: DeliveryFilter,
    after: UUID | None,
    endpoints: Sequence[EndpointRecord],
) -> Mapping[str, Any]:
    call = call_of(request)
    settings = call.services.settings
    async with call.services.reading_pool.acquire() as connection:
        page = await find_deliveries(
            connection,
            call.member.scope,
            chosen,
            after=after,
            limit=settings.dashboard_page_rows,
            scan_max=settings.dashboard_scan_max,
        )
    older, further = (
        with_filters(request, request.path, **{_PLACE: str(place)}) if place else ""
        for place in (page.older, page.further)
    )
    newest = with_filters(request, request.path) if after else ""
    urls = {endpoint.id: endpoint.url for endpoint in endpoints}
    replayable = any(row.status == (chosen.status or "failed") for row in page.rows)
    replay_path = "/dashboard/webhooks/replay"
    return {
        "rows": [_row(row, urls) for row in page.rows],
        "ways": dict(zip(_WAYS, (newest, older, further), strict=True)),
        "replay_address": with_filters(request, replay_path) if replayable else "",
    }


def _row(row: DeliveryRecord, urls: Mapping[str, str | None]) -> Mapping[str, Any]:
    return {"delivery": row, "url": urls.get(row.endpoint_id) or row.endpoint_id}


def _place_of(request: web.Request) -> UUID | None:
    text = request.query.get(_PLACE, "")
    if not text:
        return None
    place = uuid_of(text)
    if place is None:
        raise InvalidRequest("This page of the log does not exist.", field=_PLACE)
    return place
