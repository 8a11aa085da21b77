"""Items that merchants sell, and the lines of an invoice made of them.

Sums are of integers in minor units; there is nothing to round.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from gateway.domain.errors import InvalidRequest
from gateway.domain.money import AMOUNT_MAX

__all__ = ["Item", "LineItem", "invoice_amount"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """Something a merchant sells; `amount` is the price of one."""

    id: str
    merchant_id: UUID
    mode: str
    name: str
    description: str | None = None
    amount: int
    currency: str
    active: bool = True
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LineItem:
    """So many of something at a price; it keeps them when the item itself changes.

    `unit_amount` is the price of one.
    """

    id: str
    item_id: str | None
    name: str
    description: str | None
    unit_amount: int
    currency: str
    quantity: int

    @property
    def amount(self) -> int:
        """What the line costs."""
        return self.unit_amount * self.quantity


def invoice_amount(lines: Iterable[LineItem], currency: str) -> int:
    """What all lines cost together.

    Raises InvalidRequest for a line in another currency than the invoice's, and for more than an
    order may have.
    """
    total = 0
    for position, line in enumerate(lines):
        if line.currency != currency:
            raise InvalidRequest(
                f"line_items.{position}.currency must be the invoice's, {currency}",
                field=f"line_items.{position}.currency",
            )
        total += line.amount
    if total > AMOUNT_MAX:
        raise InvalidRequest(f"amount must be at most {AMOUNT_MAX}", field="line_items")
    return total
