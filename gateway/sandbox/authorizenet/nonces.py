"""What Accept.js would give a page in exchange for a card: a value good for one use."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.sandbox.authorizenet.cards import Card
from gateway.sandbox.authorizenet.refusals import Refused

__all__ = ["DESCRIPTOR", "Nonces"]

DESCRIPTOR = "COMMON.ACCEPT.INAPP.PAYMENT"


@dataclass(frozen=True, slots=True)
class _Issued:
    card: Card
    card_code: str
    expires_at: datetime


class Nonces:
    """The unused nonces of one account; the oldest goes when there are too many."""

    def __init__(self, nonces_max: int, seconds: float) -> None:
        self._nonces_max = nonces_max
        self._lifetime = timedelta(seconds=seconds)
        self._issued: dict[str, _Issued] = {}

    def issue(self, card: Card, card_code: str, now: datetime) -> str:
        """A value that stands for the card once, for as long as nonces live."""
        while len(self._issued) >= self._nonces_max:
            del self._issued[next(iter(self._issued))]
        value = secrets.token_urlsafe(48)
        self._issued[value] = _Issued(card, card_code, now + self._lifetime)
        return value

    def redeem(self, descriptor: str, value: str, now: datetime) -> tuple[Card, str]:
        """The card and its code. Raises Refused E00114 for a value that is used, old or unknown."""
        issued = self._issued.pop(value, None) if descriptor == DESCRIPTOR else None
        if issued is None or issued.expires_at <= now:
            raise Refused("E00114", "Invalid OTS Token.")
        return issued.card, issued.card_code
