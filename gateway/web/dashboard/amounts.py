"""Amounts as people type them into forms, in minor units; and the other way round."""

from __future__ import annotations

from decimal import Decimal

from gateway.domain.errors import InvalidRequest
from gateway.domain.money import exponent
from gateway.domain.typed_amounts import typed_amount

__all__ = ["minor_amount", "plain_amount"]


def minor_amount(text: str, currency: str, *, field: str) -> int:
    """What was typed, in minor units of `currency`. Raises InvalidRequest naming the field."""
    digits = exponent(currency)
    amount = typed_amount(text)
    if amount is None or amount.currency not in (None, currency):
        raise InvalidRequest(f"The amount must be in {currency}, such as 12.50", field=field)
    minor = amount.exact()[digits]
    if minor is None:
        raise InvalidRequest(f"This is no amount that {currency} can express", field=field)
    return minor


def plain_amount(amount: int, currency: str) -> str:
    """`amount` (minor units) as a form's field holds it: `10.50`."""
    return f"{Decimal(amount).scaleb(-exponent(currency)):f}"
