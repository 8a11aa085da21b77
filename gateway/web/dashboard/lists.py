"""What the lists of the dashboard share: reading search and filters, links to other pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web

from gateway.domain.errors import InvalidRequest
from gateway.domain.money import exponent
from gateway.domain.typed_amounts import TypedAmount, typed_amount
from gateway.storage.reads_dashboard import ListLimits, RowList, load_list
from gateway.storage.reads_dashboard_cursors import Cursor
from gateway.storage.reads_dashboard_query import Filters, searching
from gateway.storage.reads_dashboard_terms import Term, recognise
from gateway.web.calls import call_of
from gateway.web.dashboard.frame import dashboard_response
from gateway.web.dashboard.ranges import day_bounds, day_of
from gateway.web.dashboard.writing import Writer, writer_of

__all__ = ["FilterNames", "ListView", "days_of", "filters_of", "limits_of", "show_list"]

_FIELDS = ("q", "status", "method", "currency", "from", "to", "min", "max")
_PLACE = "at"


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterNames:
    """What a list can be filtered by: its statuses, and methods where its rows have one."""

    statuses: Sequence[str]
    methods: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ListView:
    """A list and the page that shows it; `active` is its key in the navigation."""

    rows: RowList[Any]
    names: FilterNames
    template: str
    active: str


async def show_list(request: web.Request, view: ListView) -> web.Response:
    """A page of the list; a filter that cannot be is said above it, with status 400."""
    writer = writer_of(request)
    context: dict[str, Any] = {
        "write": writer,
        "asked": {name: request.query.get(name, "") for name in _FIELDS},
        "names": view.names,
        "path": request.path,
        "query": _query(request),
        "term": None,
        "fault": None,
        "rows": (),
        "links": {},
        "total": None,
    }
    status = 200
    try:
        filters = filters_of(request, writer.zone, view.names)
        cursor = _cursor_of(request)
    except InvalidRequest as refusal:
        context["fault"], status = refusal.description, 400
    else:
        context |= await _page(request, view, filters, cursor, writer)
    return dashboard_response(request, view.template, context, active=view.active, status=status)


async def _page(
    request: web.Request, view: ListView, filters: Filters, cursor: Cursor | None, writer: Writer
) -> Mapping[str, Any]:
    """What the template shows of the rows."""
    call = call_of(request)
    settings = call.services.settings
    pool = call.services.reading_pool
    async with searching(pool) if filters.term else pool.acquire() as connection:
        found, total = await load_list(
            connection,
            view.rows,
            call.member.scope,
            filters,
            cursor=cursor,
            limits=limits_of(request),
        )
    places = {"newer": found.newer, "older": found.older, "further": found.further}
    links = {name: _link(request, place) if place else None for name, place in places.items()}
    return {
        "term": filters.term,
        "rows": found.rows,
        "total": _total_text(total.count, total.exact, settings.dashboard_total_max, writer),
        "links": {"first": _link(request, None) if cursor else None, **links},
    }


def limits_of(request: web.Request, *, page: int | None = None) -> ListLimits:
    """The limits of the settings, with pages of another size where one is given."""
    settings = call_of(request).services.settings
    return ListLimits(
        page=page or settings.dashboard_page_rows,
        scan_max=settings.dashboard_scan_max,
        total_max=settings.dashboard_total_max,
    )


def filters_of(request: web.Request, zone: ZoneInfo, names: FilterNames) -> Filters:
    """The filters of the address. Raises InvalidRequest that names what cannot be."""
    since, until = days_of(request, zone)
    return Filters(
        status=_choice(request, "status", names.statuses),
        method=_choice(request, "method", names.methods) if names.methods else None,
        currency=_currency(request),
        since=since,
        until=until,
        amount_from=_amount(request, "min"),
        amount_to=_amount(request, "max"),
        term=_term(request),
    )


def _single(request: web.Request, name: str) -> str:
    values = request.query.getall(name, ())
    if len(values) > 1:
        raise InvalidRequest(f"{name} is given more than once", field=name)
    return values[0].strip() if values else ""


def _term(request: web.Request) -> Term | None:
    try:
        return recognise(_single(request, "q"))
    except ValueError as error:
        raise InvalidRequest(f"This cannot be searched for: {error}.", field="q") from None


def _choice(request: web.Request, name: str, allowed: Sequence[str]) -> str | None:
    text = _single(request, name)
    if text and text not in allowed:
        raise InvalidRequest(f"The {name} must be one of {', '.join(allowed)}.", field=name)
    return text or None


def _currency(request: web.Request) -> str | None:
    text = _single(request, "currency").upper()
    if not text:
        return None
    try:
        exponent(text)
    except InvalidRequest:
        raise InvalidRequest(
            "The currency must be a code such as INR or USD.", field="currency"
        ) from None
    return text


def _amount(request: web.Request, name: str) -> TypedAmount | None:
    text = _single(request, name)
    if not text:
        return None
    amount = typed_amount(text)
    if amount is None:
        raise InvalidRequest("An amount must be a number such as 1,250.50.", field=name)
    return amount


def days_of(request: web.Request, zone: ZoneInfo) -> tuple[datetime | None, datetime | None]:
    """When the days `from` and `to` begin and end, None where none is given.

    Raises InvalidRequest for what is no day, and for a time that ends before it begins.
    """
    first, last = day_of(_single(request, "from"), "from"), day_of(_single(request, "to"), "to")
    if first is not None and last is not None and first > last:
        raise InvalidRequest("The first day must not be after the last one.", field="from")
    return (
        None if first is None else day_bounds(first, zone)[0],
        None if last is None else day_bounds(last, zone)[1],
    )


def _cursor_of(request: web.Request) -> Cursor | None:
    text = _single(request, _PLACE)
    if not text:
        return None
    try:
        return Cursor.parse(text)
    except ValueError:
        raise InvalidRequest("This page of the list does not exist.", field=_PLACE) from None


def _query(request: web.Request) -> Mapping[str, str]:
    """What is asked for, without what was left empty."""
    found = {name: request.query.get(name, "") for name in _FIELDS}
    return {name: value for name, value in found.items() if value}


def _link(request: web.Request, cursor: Cursor | None) -> str:
    query = dict(_query(request))
    if cursor is not None:
        query[_PLACE] = str(cursor)
    return str(request.rel_url.with_path(request.path).with_query(query))


def _total_text(count: int, exact: bool, total_max: int, writer: Writer) -> str:
    if exact:
        return writer.number(count)
    if count >= total_max:
        return f"more than {writer.number(count)}"
    return f"at least {writer.number(count)}"
