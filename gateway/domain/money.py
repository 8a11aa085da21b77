"""Amounts: integers in the currency's minor unit, with the exponent ISO 4217 gives it."""

from __future__ import annotations

from functools import lru_cache

from iso4217 import Currency

from gateway.domain.errors import InvalidRequest

__all__ = ["AMOUNT_MAX", "amount_minimum", "check_amount", "exponent"]

# Stays exact in every client: far below 2^53, the largest integer a JavaScript number holds.
AMOUNT_MAX = 999_999_999_999


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


def amount_minimum(currency: str) -> int:
    """The smallest amount taken, in minor units: one major unit (100 paise, 1 yen, 1,000 fils)."""
    return int(10 ** exponent(currency))


def check_amount(amount: int, currency: str) -> int:
    """Answer `amount` (minor units) when an order may have it.

    Raises InvalidRequest naming the field otherwise.
    """
    minimum = amount_minimum(currency)
    if amount < minimum:
        raise InvalidRequest(f"amount must be at least {minimum}", field="amount")
    if amount > AMOUNT_MAX:
        raise InvalidRequest(f"amount must be at most {AMOUNT_MAX}", field="amount")
    return amount
