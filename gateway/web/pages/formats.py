"""Amounts and times as people read them, for their locale."""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from functools import lru_cache

from babel import Locale
from babel.dates import format_date, format_datetime
from babel.numbers import NumberPattern, format_decimal, get_currency_symbol, parse_pattern

from gateway.domain.money import exponent

__all__ = ["format_amount", "format_day", "format_moment", "format_number"]


def format_amount(amount: int, currency: str, locale: Locale) -> str:
    """`amount` (minor units) with its currency: `₹500.00`, `¥500`, `KWD 5.000`.

    The digits after the point are those of ISO 4217, which is what the amount was counted in; some
    locales would round them away. Raises InvalidRequest for an unknown currency.
    """
    value = Decimal(amount).scaleb(-exponent(currency))
    pattern = _pattern(str(locale), currency)
    shown: str = pattern.apply(value, locale, currency=currency, currency_digits=False)
    return shown


def format_moment(moment: datetime, locale: Locale, zone: tzinfo = UTC) -> str:
    """Day and time to the minute: `Nov 25, 2026, 10:18 AM`."""
    return format_datetime(moment.astimezone(zone), "medium", tzinfo=zone, locale=locale)


def format_day(moment: datetime, locale: Locale, zone: tzinfo = UTC) -> str:
    """The day: `Nov 25, 2026`."""
    return format_date(moment.astimezone(zone), "medium", locale=locale)


def format_number(number: int, locale: Locale) -> str:
    """With the locale's groups: `12,34,567` in India."""
    return format_decimal(number, locale=locale)


@lru_cache(maxsize=1024)
def _pattern(locale: str, currency: str) -> NumberPattern:
    """How the locale writes amounts of this currency."""
    known = Locale.parse(locale)
    source = known.currency_formats["standard"].pattern
    if get_currency_symbol(currency, known)[-1].isalpha():
        # Letters keep their distance from digits (CLDR, alphaNextToNumber).
        source = re.sub("¤(?=[#0])", "¤\xa0", source)
    pattern = parse_pattern(source)
    digits = exponent(currency)
    pattern.frac_prec = (digits, digits)
    return pattern
