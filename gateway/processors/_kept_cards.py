"""The cards that the simulated bank keeps for customers: what they do, never their numbers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from gateway.domain.instruments import card_network, is_expired
from gateway.domain.outcomes import Transaction
from gateway.processors._answers import Verdict, fixed_verdict
from gateway.processors._books import DECLINED
from gateway.processors.protocol import Pool

# A payment that is in the books already was answered with the card that it kept, or none.
_KEEP = """
INSERT INTO simulator_cards (reference, payment, customer, network, last4, expiry_month,
    expiry_year, outcome, reason, created_at)
SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10
WHERE NOT EXISTS (SELECT FROM simulator_transactions WHERE reference = $2)
ON CONFLICT DO NOTHING
"""
_FIND = """
SELECT card.reference, card.outcome, card.reason, card.expiry_month, card.expiry_year
FROM simulator_cards AS card
JOIN simulator_transactions AS payment ON payment.reference = card.payment
WHERE card.reference = $1 AND payment.outcome = 'approved'
"""
_FORGET = "DELETE FROM simulator_cards WHERE reference = $1"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptCard:
    """A card whose payment was approved; `outcome` is None for one that is like any other."""

    reference: str
    outcome: str | None
    reason: str | None
    expiry_month: int
    expiry_year: int


def kept_reference(payment: str) -> str:
    """The bank's name for the card that this payment was made with."""
    return f"card_of_{payment}"


def verdict_on(card: KeptCard | None, now: datetime) -> Verdict | None:
    """What the card itself decides; None for one like any other."""
    if card is None:
        return Verdict(DECLINED, "card_missing")
    if is_expired(card.expiry_year, card.expiry_month, now):
        return Verdict(DECLINED, "expired_card")
    return None if card.outcome is None else Verdict(card.outcome, card.reason)


class KeptCards:
    """A table of the bank's own. A card counts only while its payment stands approved there."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def keep(self, transaction: Transaction, now: datetime) -> None:
        """Remember the card of a payment that is about to be booked; once, however often asked."""
        card, verdict = transaction.card, fixed_verdict(transaction)
        if card is None:
            return
        await self._pool.execute(
            _KEEP,
            kept_reference(transaction.reference),
            transaction.reference,
            transaction.store_for,
            card_network(card.number),
            card.number[-4:],
            card.expiry_month,
            card.expiry_year,
            verdict and verdict.outcome,
            verdict and verdict.reason,
            now,
        )

    async def find(self, reference: str) -> KeptCard | None:
        """The card; None for one that the bank does not keep."""
        row = await self._pool.fetchrow(_FIND, reference)
        return None if row is None else KeptCard(**row)

    async def forget(self, reference: str) -> None:
        """Keep it no longer."""
        await self._pool.execute(_FORGET, reference)
