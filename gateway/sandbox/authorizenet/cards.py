"""Cards: read, recognised by brand, and kept without their numbers."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass, replace
from datetime import datetime

from gateway.sandbox.authorizenet.refusals import Unsuccessful, incomplete
from gateway.sandbox.authorizenet.wire import Members, text_of

__all__ = ["Card", "CardReader"]

_BRANDS = (
    ("Visa", re.compile(r"4\d{12}(\d{3})?", re.ASCII)),
    (
        "MasterCard",
        re.compile(r"(5[1-5]\d\d|2(22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720))\d{12}", re.ASCII),
    ),
    ("AmericanExpress", re.compile(r"3[47]\d{13}", re.ASCII)),
    ("Discover", re.compile(r"6(011|5\d\d|4[4-9]\d)\d{12}", re.ASCII)),
    ("JCB", re.compile(r"(35|30)\d{14}", re.ASCII)),
    ("DinersClub", re.compile(r"3(0[0-5]|[689]\d)\d{11}", re.ASCII)),
)
_EXPIRIES = (
    re.compile(r"(?P<year>\d{4})-(?P<month>\d{2})", re.ASCII),
    re.compile(r"(?P<month>\d{2})[-/]?(?P<year>\d{4})", re.ASCII),
    re.compile(r"(?P<month>\d{2})[-/]?(?P<year>\d{2})", re.ASCII),
)


@dataclass(frozen=True, slots=True)
class Card:
    """What is kept of a card: enough to show it and to know it again, never its number."""

    account_type: str
    last_four: str
    expires: str
    """YYYY-MM."""
    fingerprint: str

    @property
    def masked(self) -> str:
        """As in replies: XXXX1111."""
        return f"XXXX{self.last_four}"


class CardReader:
    """Reads cards; what it calls them by is of use in this process only."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def read(self, credit_card: Members, now: datetime) -> Card:
        """A card as it stands in `payment.creditCard`.

        Raises Refused E00003 without a number or an expiry; Unsuccessful 6, 7, 8 or 17.
        """
        for name in ("cardNumber", "expirationDate"):
            if not text_of(credit_card, name):
                raise incomplete("creditCard", name)
        number = text_of(credit_card, "cardNumber")
        if not number.isascii() or not number.isdigit() or len(number) < 13 or not _luhn(number):
            raise Unsuccessful("6")
        account_type = _account_type(number)
        expires = _future(text_of(credit_card, "expirationDate"), now)
        digest = hashlib.blake2b(number.encode(), key=self._key, digest_size=16)
        return Card(account_type, number[-4:], expires, digest.hexdigest())

    def renewed(self, card: Card, expires: str, now: datetime) -> Card:
        """The same card with another expiry. Raises Unsuccessful 7 or 8."""
        return replace(card, expires=_future(expires, now))


def _luhn(number: str) -> bool:
    digits = [int(digit) for digit in reversed(number)]
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0


def _account_type(number: str) -> str:
    for name, pattern in _BRANDS:
        if pattern.fullmatch(number):
            return name
    raise Unsuccessful("17")


def _future(text: str, now: datetime) -> str:
    expires = _expiry(text)
    if expires < f"{now:%Y-%m}":
        raise Unsuccessful("8")
    return expires


def _expiry(text: str) -> str:
    for pattern in _EXPIRIES:
        match = pattern.fullmatch(text)
        if match and 1 <= int(match["month"]) <= 12:
            year = match["year"]
            return f"{year if len(year) == 4 else '20' + year}-{match['month']}"
    raise Unsuccessful("7")
