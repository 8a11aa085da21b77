"""Customers, and the cards that processors keep for them. Immutable values; times aware, in UTC."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from gateway.domain.errors import ExpiredCard, NotFound
from gateway.domain.instruments import Instrument, is_expired

__all__ = ["Customer", "Token", "TokenState", "chargeable"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """One person of one merchant, in one mode; `notes` is a JSON object as text."""

    id: str
    merchant_id: UUID
    mode: str
    name: str | None = field(default=None, repr=False)
    email: str | None = field(default=None, repr=False)
    contact: str | None = field(default=None, repr=False)
    notes: str = field(default="{}", repr=False)
    created_at: datetime
    updated_at: datetime


class TokenState(StrEnum):
    """active → deleting → deleted, which is when the processor has deleted it too."""

    ACTIVE = "active"
    DELETING = "deleting"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A customer's card, kept by the processor, which calls it `instrument.stored`.

    It came of the payment `payment_id`, and is kept in the account that this was charged in (None:
    the gateway's own). A token that is not active is nobody's to see.
    """

    id: str
    customer_id: str
    merchant_id: UUID
    mode: str
    payment_id: str
    processor: str
    processor_account_id: UUID | None = None
    instrument: Instrument
    state: TokenState = TokenState.ACTIVE
    created_at: datetime
    updated_at: datetime

    def is_expired(self, now: datetime) -> bool:
        """Whether the card cannot be charged any more."""
        year, month = self.instrument.card_expiry_year, self.instrument.card_expiry_month
        return year is not None and month is not None and is_expired(year, month, now)


def chargeable(token: Token | None, customer_id: str | None, now: datetime) -> Token:
    """The token, when this customer can be charged by it.

    Raises NotFound for one that is not there, is deleted or is somebody else's, and ExpiredCard.
    """
    if token is None or token.state != TokenState.ACTIVE or token.customer_id != customer_id:
        raise NotFound("Token not found", field="token_id")
    if token.is_expired(now):
        raise ExpiredCard("Card expiry date invalid", field="token_id")
    return token
