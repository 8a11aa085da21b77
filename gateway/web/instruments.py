"""From the body of a payment to its means of payment; what is wrong is refused in the contract's
words. Card data stays in memory until it is sealed."""

from __future__ import annotations

import re
from datetime import datetime

from gateway.domain.entities import NOBODY, Payer
from gateway.domain.errors import ExpiredCard, InvalidRequest
from gateway.domain.instruments import (
    CardData,
    Instrument,
    Nonce,
    card_instrument,
    check_vpa,
    normalize_card_number,
)
from gateway.web.card_schemas import CardBody, MerchantsCardBody
from gateway.web.schemas import CustomerBody, MeansBody

__all__ = ["instrument_of", "payer_of"]

_EXPIRY = re.compile(r"\s*(\d{1,2})\s*/\s*(\d{2}|\d{4})\s*", re.ASCII)
_CENTURY = 2000
_CARD_REQUIRED = "Card details are required for card payments"
_FLAT_NAMES = {
    "card.number": "card_number",
    "card.expiry_month": "card_expiry",
    "card.expiry_year": "card_expiry",
    "card.cvv": "card_cvv",
}


def instrument_of(
    fields: MeansBody, enabled: frozenset[str], now: datetime
) -> tuple[Instrument, CardData | Nonce | None]:
    """What may be stored, and the card data or the nonce that must not.

    Raises InvalidRequest for a method that is not enabled or lacks its details, InvalidVpa,
    InvalidCard and ExpiredCard.
    """
    method = fields.method
    if method not in enabled:
        raise InvalidRequest("Invalid payment method", field="method")
    if method == "card":
        return _card(fields, now)
    if method == "upi":
        if not fields.vpa:
            raise InvalidRequest("VPA is required for UPI payments", field="vpa")
        return Instrument(method="upi", vpa=check_vpa(fields.vpa)), None
    if method == "netbanking":
        if fields.bank is None:
            raise InvalidRequest("Bank is required for netbanking payments", field="bank")
        return Instrument(method="netbanking", bank=fields.bank), None
    if fields.wallet is None:
        raise InvalidRequest("Wallet is required for wallet payments", field="wallet")
    return Instrument(method="wallet", wallet=fields.wallet), None


def payer_of(customer: CustomerBody | None) -> Payer:
    """The shopper as the merchant names them."""
    if customer is None:
        return NOBODY
    return Payer(name=customer.name, email=customer.email, contact=customer.contact)


def _card(fields: MeansBody, now: datetime) -> tuple[Instrument, CardData | Nonce]:
    """All forms of a card; a refusal names the field of the form that was sent."""
    nonce = _nonce(fields.card)
    if nonce is not None:
        if fields.save:
            # What it stands for is never told, and a saved card has to be recognised.
            raise InvalidRequest("The card of a nonce cannot be saved", field="save")
        return Instrument(method="card"), nonce
    if fields.card is not None:
        card = _card_data(fields.card)
        return card_instrument(card, now), card
    try:
        card = _flat_card_data(fields)
        return card_instrument(card, now), card
    except InvalidRequest as refusal:
        refusal.field = _FLAT_NAMES.get(refusal.field or "", refusal.field)
        raise


def _nonce(card: CardBody | None) -> Nonce | None:
    if not isinstance(card, MerchantsCardBody) or card.nonce is None:
        return None
    if card.model_fields_set != {"nonce"}:
        raise InvalidRequest("A nonce stands in place of the card's details", field="card.nonce")
    return Nonce(descriptor=card.nonce.descriptor, value=card.nonce.value)


def _card_data(card: CardBody) -> CardData:
    if card.number is None:
        raise InvalidRequest(_CARD_REQUIRED, field="card.number")
    if card.expiry_month is None:
        raise InvalidRequest(_CARD_REQUIRED, field="card.expiry_month")
    if card.expiry_year is None:
        raise InvalidRequest(_CARD_REQUIRED, field="card.expiry_year")
    if card.cvv is None:
        raise InvalidRequest(_CARD_REQUIRED, field="card.cvv")
    return CardData(
        number=normalize_card_number(card.number),
        expiry_month=card.expiry_month,
        expiry_year=_full_year(card.expiry_year),
        cvv=card.cvv,
        holder_name=card.holder_name,
        postal_code=card.postal_code,
    )


def _flat_card_data(fields: MeansBody) -> CardData:
    if fields.card_number is None:
        raise InvalidRequest(_CARD_REQUIRED, field="card")
    if fields.card_expiry is None:
        raise InvalidRequest(_CARD_REQUIRED, field="card_expiry")
    if fields.card_cvv is None:
        raise InvalidRequest(_CARD_REQUIRED, field="card_cvv")
    number = normalize_card_number(fields.card_number)
    expiry = _EXPIRY.fullmatch(fields.card_expiry)
    if expiry is None:
        raise ExpiredCard("Card expiry date invalid", field="card_expiry")
    return CardData(
        number=number,
        expiry_month=int(expiry[1]),
        expiry_year=_full_year(int(expiry[2])),
        cvv=fields.card_cvv,
        holder_name=fields.card_holder_name,
    )


def _full_year(year: int) -> int:
    return year + _CENTURY if 0 <= year < 100 else year
