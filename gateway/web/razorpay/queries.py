"""What queries of this surface ask for: `count`, `skip`, `from`, `to`, and `expand`."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from aiohttp import web

from gateway.domain.errors import InvalidRequest
from gateway.storage.reads_pages import Page
from gateway.web.fields import parse_moment
from gateway.web.queries import OFFSET_MAX, integer

__all__ = ["expanded", "flag", "page_of"]

_COUNT_DEFAULT = 10
_COUNT_MAX = 100
_NUMBER_MAX = 10**18


def page_of(request: web.Request) -> Page:
    """The page that was asked for; raises InvalidRequest that names the parameter."""
    count = integer(request, "count", _COUNT_DEFAULT, at_least=1, at_most=_NUMBER_MAX)
    if count > _COUNT_MAX:
        raise InvalidRequest(f"The count may not be greater than {_COUNT_MAX}.", field="count")
    return Page(
        limit=count,
        offset=integer(request, "skip", 0, at_least=0, at_most=OFFSET_MAX),
        since=_moment(request, "from"),
        until=_moment(request, "to"),
    )


def flag(request: web.Request, name: str) -> bool | None:
    """0 or 1; None when it is not there."""
    number = integer(request, name, -1, at_least=-1, at_most=1)
    return None if number < 0 else bool(number)


def expanded(request: web.Request, known: Collection[str]) -> frozenset[str]:
    """What is to be shown in whole: `expand[]=card`, `expand=card`, `expand[0]=card`.

    The Node library sends `expand[expand]=card`. Raises InvalidRequest for what the entity has not.
    """
    asked = {
        value
        for name, value in request.query.items()
        if value and (name == "expand" or name.startswith("expand["))
    }
    unknown = sorted(asked - set(known))
    if unknown:
        raise InvalidRequest(f"expand must be one of {', '.join(known)}", field="expand")
    return frozenset(asked)


def _moment(request: web.Request, name: str) -> datetime | None:
    seconds = integer(request, name, -1, at_least=-1, at_most=_NUMBER_MAX)
    if seconds < 0:
        return None
    try:
        return parse_moment(seconds)
    except ValueError:
        raise InvalidRequest(f"{name} must be a time in unix seconds", field=name) from None
