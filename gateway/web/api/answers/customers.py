"""Customers, as they are answered."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from gateway.web.api.answers.common import (
    Answer,
    CustomerId,
    Listed,
    Notes,
    PaymentId,
    Time,
    TokenId,
)
from gateway.web.api.answers.orders import Card

__all__ = ["Customer", "CustomerList", "Token", "TokenList"]


class Customer(Answer):
    """Somebody who buys more than once."""

    id: CustomerId
    name: Annotated[str | None, Field(examples=["Asha Rao"])]
    email: Annotated[str | None, Field(examples=["asha@example.com"])]
    contact: Annotated[str | None, Field(examples=["+919876543210"])]
    notes: Notes
    created_at: Time
    updated_at: Time


class CustomerList(Listed[Customer]):
    """Customers, newest first."""


class Token(Answer):
    """A saved card, charged by its id; never its number."""

    id: TokenId
    customer_id: CustomerId
    payment_id: PaymentId
    """The payment that the card was saved with."""
    method: Annotated[str, Field(examples=["card"])]
    card: Card
    created_at: Time


class TokenList(Listed[Token]):
    """Saved cards, newest first."""
