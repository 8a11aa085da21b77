"""What shoppers pay with: UPI addresses, cards, banks, wallets. Checks and masks, nothing stored.

Card number lengths, prefixes and the check digit are those of ISO/IEC 7812; network ranges as the
networks publish them.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import datetime

from gateway.domain.errors import ExpiredCard, InvalidCard, InvalidVpa
from gateway.domain.evolution import directly_made

__all__ = [
    "CARD_NETWORKS",
    "METHODS",
    "TOKEN",
    "CardData",
    "Instrument",
    "Nonce",
    "card_from_bytes",
    "card_instrument",
    "card_network",
    "card_to_bytes",
    "check_vpa",
    "is_expired",
    "normalize_card_number",
    "passes_luhn",
]

METHODS = ("upi", "card", "netbanking", "wallet")
TOKEN = "token"  # noqa: S105 - the word by which a saved card is asked for

_VPA = re.compile(r"[a-zA-Z0-9._-]+@[a-zA-Z0-9]+")
_VPA_LENGTH_MAX = 255
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
_SEPARATORS = str.maketrans("", "", " -")


@dataclass(frozen=True, slots=True, kw_only=True)
class CardData:
    """What the processor needs to charge a card. Lives in memory and sealed, never stored (P8)."""

    number: str = field(repr=False)
    expiry_month: int = field(repr=False)
    expiry_year: int = field(repr=False)
    cvv: str = field(repr=False)
    holder_name: str | None = field(default=None, repr=False)
    postal_code: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Nonce:
    """A one-time name for a card that the processor's own script gave the merchant's page.

    `descriptor` says which script made it. Sealed like card data, never stored (P8).
    """

    descriptor: str
    value: str = field(repr=False)


@directly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """What may be stored of the means of payment.

    `stored` is the processor's name for a card that it keeps: it is charged by that alone.
    """

    method: str
    vpa: str | None = None
    bank: str | None = None
    wallet: str | None = None
    card_network: str | None = None
    card_last4: str | None = None
    card_expiry_month: int | None = None
    card_expiry_year: int | None = None
    stored: str | None = field(default=None, repr=False)

    @property
    def is_card_data(self) -> bool:
        """Whether the processor needs card data, which is sealed, to charge it."""
        return self.method == "card" and self.stored is None

    @property
    def is_nonce(self) -> bool:
        """Whether a nonce stands for the card, of which nothing is known then."""
        return self.is_card_data and self.card_last4 is None


def card_to_bytes(card: CardData | Nonce) -> bytes:
    """The card data as it is sealed."""
    if isinstance(card, Nonce):
        return json.dumps({"descriptor": card.descriptor, "value": card.value}).encode()
    fields = [card.number, card.expiry_month, card.expiry_year, card.cvv, card.holder_name]
    if card.postal_code is not None:
        # Left out where there is none: a gateway of an older version does not know it.
        fields.append(card.postal_code)
    return json.dumps(fields).encode()


def card_from_bytes(data: bytes) -> CardData | Nonce:
    """The card data that `card_to_bytes` wrote."""
    content = json.loads(data)
    if isinstance(content, dict):
        return Nonce(descriptor=content["descriptor"], value=content["value"])
    number, month, year, cvv, holder_name, *postal_code = content
    return CardData(
        number=number,
        expiry_month=month,
        expiry_year=year,
        cvv=cvv,
        holder_name=holder_name,
        postal_code=postal_code[0] if postal_code else None,
    )


def check_vpa(vpa: str) -> str:
    """Answer `vpa` when it has the form name@handle; raises InvalidVpa otherwise."""
    if len(vpa) > _VPA_LENGTH_MAX or _VPA.fullmatch(vpa) is None:
        raise InvalidVpa("VPA format invalid", field="vpa")
    return vpa


def normalize_card_number(number: str) -> str:
    """The digits of a card number; raises InvalidCard unless 13 to 19 that pass the check digit."""
    digits = number.translate(_SEPARATORS)
    right = digits.isascii() and digits.isdigit() and 13 <= len(digits) <= 19
    if not right or not passes_luhn(digits):
        raise InvalidCard("Card validation failed", field="card.number")
    return digits


def passes_luhn(digits: str) -> bool:
    """Whether the last digit is the check digit of the others (ISO/IEC 7812-1, annex B)."""
    total = sum(
        int(digit) if position % 2 == 0 else _DOUBLED[int(digit)]
        for position, digit in enumerate(reversed(digits))
    )
    return total % 10 == 0


# First digits, from and to, in the order in which they are tried. Discover's 6011 lies in RuPay's
# 60, and 65 belongs to both: in India it is RuPay's.
_NETWORKS = (
    ("visa", 4, 4),
    ("mastercard", 51, 55),
    ("mastercard", 2221, 2720),
    ("amex", 34, 34),
    ("amex", 37, 37),
    ("discover", 6011, 6011),
    ("discover", 644, 649),
    ("rupay", 60, 60),
    ("rupay", 65, 65),
    ("rupay", 81, 89),
    ("diners", 300, 305),
    ("diners", 36, 36),
    ("diners", 38, 39),
    ("jcb", 3528, 3589),
)

CARD_NETWORKS = tuple(dict.fromkeys(network for network, _, _ in _NETWORKS))
"""All that are told apart."""


def card_network(digits: str) -> str:
    """The network whose range the number falls into, `unknown` when none does."""
    for network, first, last in _NETWORKS:
        if first <= int(digits[: len(str(first))]) <= last:
            return network
    return "unknown"


def card_instrument(card: CardData, now: datetime) -> Instrument:
    """What may be stored of a card; raises InvalidCard or ExpiredCard when it cannot be charged.

    `card.number` must have been through `normalize_card_number`. A card is valid to the end of its
    month.
    """
    network = card_network(card.number)
    cvv_length = 4 if network == "amex" else 3
    if not (card.cvv.isascii() and card.cvv.isdigit() and len(card.cvv) == cvv_length):
        raise InvalidCard("Card validation failed", field="card.cvv")
    _check_expiry(card, now)
    return Instrument(
        method="card",
        card_network=network,
        card_last4=card.number[-4:],
        card_expiry_month=card.expiry_month,
        card_expiry_year=card.expiry_year,
    )


def is_expired(expiry_year: int, expiry_month: int, now: datetime) -> bool:
    """Whether the month to whose end a card is valid is over."""
    return (expiry_year, expiry_month) < (now.year, now.month)


def _check_expiry(card: CardData, now: datetime) -> None:
    if not 1 <= card.expiry_month <= 12:
        raise ExpiredCard("Card expiry date invalid", field="card.expiry_month")
    past = is_expired(card.expiry_year, card.expiry_month, now)
    if past or card.expiry_year > now.year + 50:
        raise ExpiredCard("Card expiry date invalid", field="card.expiry_year")
