"""Amounts: integers in the currency's minor unit, with the exponent ISO 4217 gives it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from iso4217 import Currency

from gateway.domain.errors import InvalidRequest

__all__ = ["AMOUNT_MAX", "NO_AMOUNT_LIMITS", "AmountLimits", "amount_limits", "exponent"]

# Stays exact in every client: far below 2^53, the largest integer a JavaScript number holds.
AMOUNT_MAX = 999_999_999_999
_LIMITS = re.compile(r"([A-Z]{3}):([0-9]{1,12})?-([0-9]{1,12})?", re.ASCII)


@lru_cache(maxsize=512)
def exponent(currency: str) -> int:
    """How many digits of the amount are the minor unit's: 2 for INR, 0 for JPY, 3 for KWD.

    Raises InvalidRequest for a code that is not in ISO 4217 or has no minor unit (gold, XXX).
    """
    try:
        found = Currency(currency).exponent
    except ValueError:
        found = None
    if found is None:
        raise InvalidRequest("currency must be an ISO 4217 code", field="currency")
    return int(found)


@dataclass(frozen=True, slots=True)
class AmountLimits:
    """What an order may be of: `bounds` are the operator's, lowest and highest, by currency.

    For any other currency that is one major unit (100 paise, 1 yen, 1,000 fils) to AMOUNT_MAX. All
    of it in minor units.
    """

    bounds: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    def minimum(self, currency: str) -> int:
        """The smallest amount taken. Raises InvalidRequest as `exponent`."""
        own = self.bounds.get(currency)
        return int(10 ** exponent(currency)) if own is None else own[0]

    def maximum(self, currency: str) -> int:
        """The largest amount taken."""
        own = self.bounds.get(currency)
        return AMOUNT_MAX if own is None else own[1]

    def check(self, amount: int, currency: str) -> int:
        """Answer `amount` when an order may have it. Raises InvalidRequest naming the field."""
        minimum = self.minimum(currency)
        if amount < minimum:
            raise InvalidRequest(f"amount must be at least {minimum}", field="amount")
        maximum = self.maximum(currency)
        if amount > maximum:
            raise InvalidRequest(f"amount must be at most {maximum}", field="amount")
        return amount


NO_AMOUNT_LIMITS = AmountLimits()
"""Those of an operator who has set none."""


def amount_limits(parts: Iterable[str]) -> AmountLimits:
    """The limits that texts such as `INR:100-50000000` say; either number may be left out.

    Raises ValueError for another form, a currency that does not exist or is there twice, and for
    numbers that leave no amount between 1 and AMOUNT_MAX.
    """
    bounds: dict[str, tuple[int, int]] = {}
    for number, part in enumerate(parts, start=1):
        match = _LIMITS.fullmatch(part)
        if match is None or not (match[2] or match[3]):
            raise ValueError(f"number {number} is not like INR:100-50000000")
        currency = match[1]
        try:
            usual = NO_AMOUNT_LIMITS.minimum(currency)
        except InvalidRequest:
            raise ValueError(f"number {number} is of no currency in ISO 4217") from None
        lowest, highest = int(match[2] or usual), int(match[3] or AMOUNT_MAX)
        if not 1 <= lowest <= highest <= AMOUNT_MAX:
            raise ValueError(f"number {number} leaves no amount from 1 to {AMOUNT_MAX}")
        if currency in bounds:
            raise ValueError(f"number {number} is of a currency that was there before")
        bounds[currency] = (lowest, highest)
    return AmountLimits(bounds)
