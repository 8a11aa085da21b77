"""What somebody typed into the search box of a list, recognised by its form.

Some texts can be several things: `4242` may end a card number, be an amount, or a receipt.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from gateway.domain.ids import is_id
from gateway.domain.typed_amounts import TypedAmount, typed_amount

__all__ = ["SEARCH_CHARACTERS_MAX", "Term", "recognise"]

SEARCH_CHARACTERS_MAX = 255

_LAST4_CHARACTERS = 4
_BAD_TEXT = re.compile("[\x00\ud800-\udfff]")  # what Postgres has no place for


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """What to look for; whatever is given may match."""

    payment_id: str | None = None
    order_id: str | None = None
    refund_id: str | None = None
    receipt: str | None = None
    email: str | None = None
    last4: str | None = None
    amount: TypedAmount | None = None

    @property
    def kinds(self) -> tuple[str, ...]:
        """The names of what is given, for people."""
        names = {
            "payment_id": "payment",
            "order_id": "order",
            "refund_id": "refund",
            "receipt": "receipt",
            "email": "e-mail",
            "last4": "last four digits",
            "amount": "amount",
        }
        return tuple(shown for name, shown in names.items() if getattr(self, name) is not None)


def recognise(text: str) -> Term | None:
    """What the text can be; None for an empty one. Raises ValueError for one that cannot be."""
    typed = text.strip()
    if len(typed) > SEARCH_CHARACTERS_MAX:
        raise ValueError(f"at most {SEARCH_CHARACTERS_MAX} characters can be searched for")
    if _BAD_TEXT.search(typed):
        raise ValueError("it has a character that is not allowed")
    if not typed:
        return None
    if is_id(typed, "pay"):
        return Term(payment_id=typed)
    if is_id(typed, "order"):
        return Term(order_id=typed)
    if is_id(typed, "rfnd"):
        return Term(refund_id=typed)
    last4 = typed.isascii() and typed.isdigit() and len(typed) == _LAST4_CHARACTERS
    return Term(
        receipt=typed,
        email=typed if "@" in typed else None,
        last4=typed if last4 else None,
        amount=typed_amount(typed),
    )
