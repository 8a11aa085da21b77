"""A card in the bodies that the merchant API takes: its details, or a nonce in their place."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from gateway.web.fields import BodyModel, Text

__all__ = ["CardBody", "CardText", "MerchantsCardBody"]

_CARD_CHARACTERS_MAX = 255
_NONCE_CHARACTERS_MAX = 8_192


def _digits(value: Any) -> Any:
    """Months and years come as numbers or as digits; what they mean is checked later."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 4:
        return int(value)
    if isinstance(value, str):
        raise PydanticCustomError("rule", "{text}", {"text": "Card expiry date invalid"})
    return value


CardText = Annotated[str, Field(max_length=_CARD_CHARACTERS_MAX)]
PostalCode = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 -]{0,19}$")]
DatePart = Annotated[int, BeforeValidator(_digits)]


class CardBody(BodyModel):
    """`card` of a payment."""

    number: CardText | None = Field(default=None, repr=False)
    expiry_month: DatePart | None = Field(default=None, repr=False)
    expiry_year: DatePart | None = Field(default=None, repr=False)
    cvv: CardText | None = Field(default=None, repr=False)
    holder_name: Text | None = Field(default=None, repr=False)
    postal_code: PostalCode | None = Field(default=None, repr=False)


class NonceBody(BodyModel):
    """`nonce` of a card: what the processor's own script gave the merchant's page for it."""

    descriptor: Annotated[
        str, Field(min_length=1, max_length=128, examples=["COMMON.ACCEPT.INAPP.PAYMENT"])
    ]
    value: Annotated[str, Field(min_length=1, max_length=_NONCE_CHARACTERS_MAX)] = Field(repr=False)


class MerchantsCardBody(CardBody):
    """`card` of a payment that a merchant makes: the card's details, or a nonce alone."""

    nonce: NonceBody | None = Field(default=None, repr=False)
