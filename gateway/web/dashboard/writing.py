"""Amounts and times as lists write them: what `gateway.web.pages.formats` does, for many rows.

A locale's way to write a currency is looked at once, by having an amount written, and followed from
then on; locales with digits of their own are left to babel.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

from aiohttp import web
from babel import Locale
from babel.dates import format_date, format_time
from babel.numbers import format_compact_currency
from markupsafe import Markup, escape

from gateway.domain.money import exponent
from gateway.web.dashboard.zones import zone_of
from gateway.web.pages.formats import format_amount, format_number
from gateway.web.pages.viewers import viewer_of

__all__ = ["Writer", "writer_of"]

_TONES: Mapping[str, str] = {
    "success": "success",
    "processed": "success",
    "paid": "success",
    "failed": "danger",
    "pending": "info",
    "processing": "info",
    "attempted": "info",
    "requires_action": "warning",
    "unknown": "warning",
}
# Long enough to show every group there can be; the digits differ so that none is taken for another.
_SAMPLE = 123_456_789_123
_WHOLE = r"(?P<before>[^0-9]*)(?P<whole>[0-9][0-9.,'\s\u00a0\u202f\u2019]*[0-9])"
_PART = r"(?P<point>[.,])(?P<part>[0-9]{%d})"
_AFTER = r"(?P<after>[^0-9]*)"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Style:
    """How one locale writes one currency. `first` and `next` are the digits of a group."""

    before: str
    after: str
    point: str
    separator: str
    first: int
    next: int
    digits: int

    def write(self, amount: int) -> str:
        """`amount` (minor units, not negative)."""
        text = str(amount).zfill(self.digits + 1)
        whole, part = (text[: -self.digits], text[-self.digits :]) if self.digits else (text, "")
        return f"{self.before}{self._grouped(whole)}{self.point if part else ''}{part}{self.after}"

    def _grouped(self, whole: str) -> str:
        if not self.separator or len(whole) <= self.first:
            return whole
        groups = [whole[-self.first :]]
        rest = whole[: -self.first]
        while rest:
            groups.append(rest[-self.next :])
            rest = rest[: -self.next]
        return self.separator.join(reversed(groups))


class Writer:
    """Writes for one viewer: their locale and their time zone."""

    def __init__(self, locale: Locale, zone: ZoneInfo) -> None:
        self.zone = zone
        self._locale = locale
        self._name = str(locale)

    def amount(self, amount: int, currency: str) -> str:
        """`amount` (minor units) with its currency, as `format_amount` writes it."""
        style = _style(self._name, currency)
        if style is None or amount < 0:
            return format_amount(amount, currency, self._locale)
        return style.write(amount)

    def short_amount(self, amount: int, currency: str) -> str:
        """About how much, for the axis of a chart: `₹1.2M`."""
        return _short_amount(self._name, amount, currency)

    def number(self, number: int) -> str:
        """A count."""
        return _number(self._name, number)

    def moment(self, moment: datetime) -> Markup:
        """Day and time in the viewer's zone, with the exact time in UTC to be read."""
        exact = moment.astimezone(UTC).isoformat(timespec="seconds")[: -len("+00:00")]
        return _time_element(f"{exact}Z", self.moment_text(moment))

    def exact(self, moment: datetime) -> Markup:
        """As `moment`, to the second."""
        local = moment.astimezone(self.zone)
        utc = moment.astimezone(UTC).isoformat(timespec="milliseconds")[: -len("+00:00")]
        clock = _time(self._name, local.hour, local.minute, local.second)
        return _time_element(f"{utc}Z", f"{self.day(local.date())}, {clock}")

    def status(self, status: str) -> Markup:
        """How something stands, in the colour of what it means. The text is the API's own word."""
        return _status(status)

    def method(self, method: str) -> Markup:
        """A method of payment, in the API's own word."""
        return _method(method)

    def moment_text(self, moment: datetime) -> str:
        """Day and time in the viewer's zone."""
        local = moment.astimezone(self.zone)
        return f"{self.day(local.date())}, {_time(self._name, local.hour, local.minute)}"

    def file_moment(self, moment: datetime) -> str:
        """Day and time for the name of a file."""
        return moment.astimezone(self.zone).strftime("%Y-%m-%d-%H%M")

    def clock(self, moment: datetime) -> str:
        """Only the time."""
        local = moment.astimezone(self.zone)
        return _time(self._name, local.hour, local.minute)

    def day(self, day: date) -> str:
        """A day with its year."""
        return _day(self._name, day, "medium")

    def short_day(self, day: date) -> str:
        """A day of this year or so."""
        return _day(self._name, day, "d MMM")


def writer_of(request: web.Request) -> Writer:
    """For who asks. The dashboard is in English; its figures follow the viewer's kind of it."""
    return Writer(viewer_of(request, "en").locale, zone_of(request))


def _time_element(exact: str, shown: str) -> Markup:
    return Markup(f'<time datetime="{exact}" title="{exact}">{escape(shown)}</time>')  # noqa: S704 - escaped


@lru_cache(maxsize=64)
def _status(status: str) -> Markup:
    return Markup('<span class="badge word {}" data-test-id="status">{}</span>').format(
        _TONES.get(status, ""), status.replace("_", " ")
    )


@lru_cache(maxsize=64)
def _method(method: str) -> Markup:
    return Markup('<span class="{}" data-test-id="method">{}</span>').format(
        "upper" if method == "upi" else "word", method
    )


@lru_cache(maxsize=1024)
def _style(locale_name: str, currency: str) -> _Style | None:
    """None where the locale's way is none that `_Style` knows."""
    locale, digits = Locale.parse(locale_name), exponent(currency)
    amount = _SAMPLE * 10**digits + int("9" * digits or "0")
    written = format_amount(amount, currency, locale)
    match = re.fullmatch(_WHOLE + (_PART % digits if digits else "") + _AFTER, written)
    if match is None:
        return None
    groups = re.split(r"[^0-9]", match["whole"])
    separators = set(re.findall(r"[^0-9]", match["whole"]))
    style = _Style(
        before=match["before"],
        after=match["after"],
        point=match["point"] if digits else "",
        separator="".join(separators),
        first=len(groups[-1]),
        next=len(groups[-2]) if len(groups) > 1 else len(groups[-1]),
        digits=digits,
    )
    small = 10**digits * 1234
    known = written == style.write(amount) and format_amount(small, currency, locale) == (
        style.write(small)
    )
    return style if known else None


@lru_cache(maxsize=4096)
def _short_amount(locale_name: str, amount: int, currency: str) -> str:
    value = Decimal(amount).scaleb(-exponent(currency))
    shown: str = format_compact_currency(
        value, currency, locale=Locale.parse(locale_name), fraction_digits=1
    )
    return shown


@lru_cache(maxsize=4096)
def _number(locale_name: str, number: int) -> str:
    return format_number(number, Locale.parse(locale_name))


@lru_cache(maxsize=4096)
def _day(locale_name: str, day: date, form: str) -> str:
    return format_date(day, form, locale=Locale.parse(locale_name))


@lru_cache(maxsize=4096)
def _time(locale_name: str, hour: int, minute: int, second: int | None = None) -> str:
    """Seconds are only written where they are given."""
    shown = time(hour, minute, second or 0)
    form = "short" if second is None else "medium"
    return format_time(shown, form, locale=Locale.parse(locale_name))
