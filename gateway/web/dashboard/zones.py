"""The viewer's time zone: a cookie that a script sets, taken only if it names a zone there is.

Days begin at midnight in this zone, and times are written in it.
"""

from __future__ import annotations

import re
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from aiohttp import web

__all__ = ["ZONE_COOKIE", "zone_of"]

ZONE_COOKIE = "zone"
"""`zone.js` sets it to what the browser says, such as `Asia/Kolkata`."""

_NAME = re.compile(r"[A-Za-z0-9_+-]{1,32}(?:(?:/|%2F)[A-Za-z0-9_+-]{1,32}){0,2}")
_UTC = ZoneInfo("UTC")


def zone_of(request: web.Request) -> ZoneInfo:
    """The zone of the cookie; UTC without one, or for one that is no zone's name."""
    name = request.cookies.get(ZONE_COOKIE, "")
    if not _NAME.fullmatch(name):
        return _UTC
    name = name.replace("%2F", "/")
    return ZoneInfo(name) if name in _names() else _UTC


@cache
def _names() -> frozenset[str]:
    """Read once: the names stand in many small files."""
    return frozenset(available_timezones())
