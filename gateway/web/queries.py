"""Query parameters of lists: pages, times, filters. What is wrong is refused and named."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any

from aiohttp import web

from gateway.domain.errors import InvalidRequest
from gateway.domain.ids import is_id
from gateway.storage.reads_pages import Listing, Page
from gateway.web.fields import parse_moment
from gateway.web.responses import json_response

__all__ = [
    "LIMIT_DEFAULT",
    "LIMIT_MAX",
    "OFFSET_MAX",
    "boolean",
    "choice",
    "event_name",
    "identifier",
    "integer",
    "list_response",
    "page_of",
    "text",
    "unknown_start",
]

LIMIT_DEFAULT = 10
LIMIT_MAX = 100
OFFSET_MAX = 1_000_000_000
_INTEGER = re.compile(r"-?[0-9]{1,18}", re.ASCII)
_TEXT_CHARACTERS_MAX = 255
_EVENT_NAME = re.compile(r"[a-z_]{1,32}\.[a-z_]{1,32}", re.ASCII)

IsId = Callable[[str], bool]


def page_of(request: web.Request, is_row_id: IsId, *, limit_default: int = LIMIT_DEFAULT) -> Page:
    """The page that `limit`, `offset`, `starting_after`, `from` and `to` ask for."""
    starting_after = _single(request, "starting_after")
    if starting_after is not None and not is_row_id(starting_after):
        raise unknown_start()
    return Page(
        limit=integer(request, "limit", limit_default, at_least=1, at_most=LIMIT_MAX),
        offset=integer(request, "offset", 0, at_least=0, at_most=OFFSET_MAX),
        starting_after=starting_after,
        since=_moment(request, "from"),
        until=_moment(request, "to"),
    )


def unknown_start() -> InvalidRequest:
    """The refusal of a page that starts after nothing of the merchant's."""
    return InvalidRequest("starting_after is not known", field="starting_after")


def integer(request: web.Request, name: str, default: int, *, at_least: int, at_most: int) -> int:
    """A whole number between the two, both included."""
    text = _single(request, name)
    if text is None:
        return default
    if _INTEGER.fullmatch(text) is None:
        raise InvalidRequest(f"{name} must be an integer", field=name)
    number = int(text)
    if number < at_least:
        raise InvalidRequest(f"{name} must be at least {at_least}", field=name)
    if number > at_most:
        raise InvalidRequest(f"{name} must be at most {at_most}", field=name)
    return number


def choice(request: web.Request, name: str, allowed: Collection[str]) -> str | None:
    """One of `allowed`."""
    text = _single(request, name)
    if text is not None and text not in allowed:
        raise InvalidRequest(f"{name} must be one of {', '.join(allowed)}", field=name)
    return text


def identifier(request: web.Request, name: str, prefix: str) -> str | None:
    """An id with this prefix."""
    text = _single(request, name)
    if text is not None and not is_id(text, prefix):
        raise InvalidRequest(f"{name} must be an id such as {prefix}_…", field=name)
    return text


def text(request: web.Request, name: str) -> str | None:
    """Any text that can be looked for."""
    given = _single(request, name)
    if given is not None and (len(given) > _TEXT_CHARACTERS_MAX or not given.isprintable()):
        raise InvalidRequest(f"{name} has the wrong format", field=name)
    return given


def event_name(request: web.Request, name: str) -> str | None:
    """The name of a kind of event."""
    text = _single(request, name)
    if text is not None and _EVENT_NAME.fullmatch(text) is None:
        raise InvalidRequest(f"{name} must be an event type", field=name)
    return text


def boolean(request: web.Request, name: str) -> bool | None:
    """`true` or `false`."""
    text = choice(request, name, ("true", "false"))
    return None if text is None else text == "true"


def list_response(data: Sequence[Any], listing: Listing, page: Page) -> web.Response:
    """The shape that all lists have."""
    return json_response(
        {
            "data": data,
            "total": listing.total,
            "limit": page.limit,
            "offset": page.offset,
            "has_more": listing.has_more,
        }
    )


def _single(request: web.Request, name: str) -> str | None:
    values = request.query.getall(name, ())
    if len(values) > 1:
        raise InvalidRequest(f"{name} is given more than once", field=name)
    return values[0] if values and values[0] else None


def _moment(request: web.Request, name: str) -> datetime | None:
    text = _single(request, name)
    if text is None:
        return None
    try:
        return parse_moment(int(text) if _INTEGER.fullmatch(text) else text)
    except ValueError:
        raise InvalidRequest(
            f"{name} must be an RFC 3339 time or unix seconds", field=name
        ) from None
