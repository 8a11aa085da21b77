"""Times that the overview can show: from when to when, cut into bars of an hour or a day.

Hours and days are the viewer's: a day begins at midnight in their zone and may have 23 or 25 hours.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from aiohttp import web

from gateway.domain.errors import InvalidRequest

__all__ = ["RANGES", "Range", "day_bounds", "day_of", "range_of"]

RANGES: dict[str, str] = {
    "24h": "24 hours",
    "7d": "7 days",
    "30d": "30 days",
    "90d": "90 days",
    "custom": "Custom",
}
"""Keys as they stand in addresses, and what they are called."""

_DEFAULT = "30d"
_DAYS = {"7d": 7, "30d": 30, "90d": 90}
_HOURLY_DAYS_MAX = 7
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# Before that some zones were not whole quarters of an hour off.
_FIRST_DAY = date(2000, 1, 1)
_LAST_DAY = date(2999, 12, 31)


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """`edges` are the beginnings of all bars and the end of the last one, in UTC.

    `first` and `last` are the days it touches, both included.
    """

    key: str
    unit: str
    edges: Sequence[datetime]
    first: date
    last: date

    @property
    def may_be_hourly(self) -> bool:
        """Whether it is short enough for a bar an hour."""
        return (self.last - self.first).days < _HOURLY_DAYS_MAX


def range_of(request: web.Request, now: datetime, zone: ZoneInfo, *, days_max: int) -> Range:
    """The range that `range`, `from`, `to` and `unit` ask for.

    Raises InvalidRequest for what cannot be.
    """
    query = request.query
    key = query.get("range") or _DEFAULT
    unit = query.get("unit") or ("hour" if key == "24h" else "day")
    if key not in RANGES:
        raise InvalidRequest(f"range must be one of {', '.join(RANGES)}", field="range")
    if unit not in ("hour", "day"):
        raise InvalidRequest("unit must be hour or day", field="unit")
    today = now.astimezone(zone).date()
    if key == "24h":
        edges = _last_hours(now, zone, 24)
        return Range(key=key, unit="hour", edges=edges, first=_day(edges[0], zone), last=today)
    if key == "custom":
        first, last = day_of(query.get("from"), "from"), day_of(query.get("to"), "to")
        if first is None or last is None:
            raise InvalidRequest("A custom range needs its first and last day", field="from")
    else:
        first, last = today - timedelta(days=_DAYS[key] - 1), today
    if first > last:
        raise InvalidRequest("The first day must not be after the last one", field="from")
    if (last - first).days >= days_max:
        raise InvalidRequest(f"At most {days_max} days can be shown", field="from")
    hourly = unit == "hour" and (last - first).days < _HOURLY_DAYS_MAX
    since, until = day_bounds(first, zone)[0], day_bounds(last, zone)[1]
    return Range(
        key=key,
        unit="hour" if hourly else "day",
        edges=_hours(since, until) if hourly else _days(first, last, zone),
        first=first,
        last=last,
    )


def day_of(text: str | None, field: str) -> date | None:
    """The day `2026-11-25`; None without one. Raises InvalidRequest for what is none."""
    if not text:
        return None
    try:
        day = date.fromisoformat(text) if _DATE.fullmatch(text) else None
    except ValueError:
        day = None
    if day is None or not _FIRST_DAY <= day <= _LAST_DAY:
        raise InvalidRequest(f"{field} must be a day such as 2026-11-25", field=field)
    return day


def day_bounds(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """When the day begins in the zone and when the next one does, in UTC."""
    return _midnight(day, zone), _midnight(day + timedelta(days=1), zone)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def _days(first: date, last: date, zone: ZoneInfo) -> Sequence[datetime]:
    count = (last - first).days + 1
    return [_midnight(first + timedelta(days=number), zone) for number in range(count + 1)]


def _hours(since: datetime, until: datetime) -> Sequence[datetime]:
    count = int((until - since) / timedelta(hours=1))
    edges = [since + timedelta(hours=number) for number in range(count + 1)]
    return edges if edges[-1] == until else [*edges, until]


def _last_hours(now: datetime, zone: ZoneInfo, count: int) -> Sequence[datetime]:
    """The hour that is, and those before it, as the clock on the viewer's wall shows them."""
    this_hour = now.astimezone(zone).replace(minute=0, second=0, microsecond=0).astimezone(UTC)
    return [this_hour + timedelta(hours=number) for number in range(1 - count, 2)]


def _day(moment: datetime, zone: ZoneInfo) -> date:
    return moment.astimezone(zone).date()
