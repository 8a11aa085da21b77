"""Amounts as people type them: `500`, `₹1,23,456.50`, `USD 12`; and what they are in minor units.

How many digits after the point an amount has depends on its currency, so without a currency there
is one reading for each number of digits that ISO 4217 knows.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

from iso4217 import Currency

from gateway.domain.errors import InvalidRequest
from gateway.domain.money import AMOUNT_MAX, exponent

__all__ = ["CURRENCIES_BY_EXPONENT", "EXPONENT_MAX", "TypedAmount", "typed_amount"]

EXPONENT_MAX = 4
"""Digits after the point at most (ISO 4217: CLF)."""

_CHARACTERS_MAX = 40
_SIGNS = {"₹": "INR", "$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY"}
_DIGITS = r"(?P<whole>[0-9]{1,15}|[0-9]{1,3}(?:,[0-9]{2,3}){1,5})(?P<part>\.[0-9]{1,4})?"
_AMOUNT = re.compile(
    rf"(?:(?P<sign>[₹$€£¥])|(?P<before>[A-Za-z]{{3}}))?\s*{_DIGITS}\s*(?P<after>[A-Za-z]{{3}})?",
    re.ASCII,
)


def _by_exponent() -> dict[int, tuple[str, ...]]:
    found: dict[int, list[str]] = {}
    members: Any = Currency
    for each in members:
        if each.exponent is not None:
            found.setdefault(int(each.exponent), []).append(str(each.code))
    return {digits: tuple(sorted(set(codes))) for digits, codes in found.items()}


CURRENCIES_BY_EXPONENT = _by_exponent()
"""The ISO 4217 codes by the number of digits after the point."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TypedAmount:
    """An amount in major units, with its currency where one was typed."""

    value: Decimal
    currency: str | None = None

    def exact(self) -> Sequence[int | None]:
        """In minor units, by the digits of a currency; None where it cannot be such an amount."""
        return [self._exact(digits) for digits in range(EXPONENT_MAX + 1)]

    def at_least(self) -> Sequence[int]:
        """The smallest amounts in minor units that are not below it, by the digits."""
        return [self._rounded(digits, ROUND_CEILING) for digits in range(EXPONENT_MAX + 1)]

    def at_most(self) -> Sequence[int]:
        """The greatest amounts in minor units that are not above it, by the digits."""
        return [self._rounded(digits, ROUND_FLOOR) for digits in range(EXPONENT_MAX + 1)]

    def _exact(self, digits: int) -> int | None:
        scaled = self.value.scaleb(digits)
        whole = scaled == scaled.to_integral_value()
        return int(scaled) if whole and 0 < scaled <= AMOUNT_MAX else None

    def _rounded(self, digits: int, rounding: str) -> int:
        scaled = self.value.scaleb(digits).to_integral_value(rounding=rounding)
        return int(min(scaled, Decimal(AMOUNT_MAX + 1)))


def typed_amount(text: str) -> TypedAmount | None:
    """The amount; None for what is none."""
    match = _AMOUNT.fullmatch(text.strip()) if len(text) <= _CHARACTERS_MAX else None
    if match is None or (match["before"] and match["after"]):
        return None
    code = _SIGNS.get(match["sign"] or "") or (match["before"] or match["after"] or "").upper()
    if code and not _exists(code):
        return None
    digits = match["whole"].replace(",", "") + (match["part"] or "")
    return TypedAmount(value=Decimal(digits), currency=code or None)


def _exists(code: str) -> bool:
    try:
        exponent(code)
    except InvalidRequest:
        return False
    return True
