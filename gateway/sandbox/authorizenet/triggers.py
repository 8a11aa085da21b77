"""What the sandbox decides about a card: by postal code, card code and amount, never by chance.

Postal and card codes are those of Authorize.Net's testing guide; 46252, 46253 and the amounts
252.00 and 253.00 are ours: the real one holds transactions by filters that a merchant sets up.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from gateway.sandbox.authorizenet.options import Options

__all__ = ["Verdict", "judge"]

_DECLINED_ZIP = "46282"
_AVS = {
    "46201": "A",
    "46203": "E",
    "46204": "G",
    "46205": "N",
    "46206": "P",
    "46207": "R",
    "46208": "S",
    "46209": "U",
    "46211": "W",
    "46214": "X",
    "46217": "Z",
}
_CVV = {"900": "M", "901": "N", "902": "S", "903": "U", "904": "P"}
_PARTIAL_ZIPS = {"46225", "46226", "46227", "46228"}
_PARTIAL_AMOUNT = Decimal("1.23")
_HELD_ZIPS = {"46252": "252", "46253": "253"}
_HELD_AMOUNTS = {Decimal("252.00"): "252", Decimal("253.00"): "253"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a charge ends: its reason code, what was compared, and how much is approved."""

    reason: str
    avs: str
    cvv: str
    approved: Decimal


def judge(
    amount: Decimal, postal_code: str, card_code: str, *, partial: bool, options: Options
) -> Verdict:
    """Decide about a charge; `partial`: the merchant takes a part of the amount, too."""
    zip_ = postal_code[:5]
    avs = _AVS.get(zip_, "Y" if zip_ else "P")
    cvv = _CVV.get(card_code, "P") if card_code else ""
    approved = amount
    if zip_ == _DECLINED_ZIP:
        reason = "2"
    elif zip_ in _PARTIAL_ZIPS and amount > _PARTIAL_AMOUNT:
        reason = "295" if partial else "2"
        approved = _PARTIAL_AMOUNT if partial else amount
    else:
        reason = _rejection(avs, cvv, options) or _review(zip_, amount)
    return Verdict(reason, avs, cvv, approved)


def _rejection(avs: str, cvv: str, options: Options) -> str | None:
    by_avs, by_cvv = avs in options.reject_avs, bool(cvv) and cvv in options.reject_cvv
    if by_avs and by_cvv:
        return "45"
    return "27" if by_avs else "65" if by_cvv else None


def _review(zip_: str, amount: Decimal) -> str:
    return _HELD_ZIPS.get(zip_) or _HELD_AMOUNTS.get(amount) or "1"
