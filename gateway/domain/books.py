"""The ledger: what each movement of money does to the books. Double entry, in minor units.

A debit is positive, a credit negative, and the entries of a transaction add up to zero. What is
written is never changed: a mistake is put right by another transaction. docs/ledger.md explains
the accounts, and which change writes which entries.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

__all__ = [
    "ACCOUNTS",
    "Entries",
    "LedgerTransaction",
    "TransactionKind",
    "captured",
    "dispute_lost",
    "dispute_opened",
    "dispute_won",
    "paid_out",
    "received_late",
    "refund_accepted",
    "refund_failed",
    "refund_processed",
    "returned_late",
]


class TransactionKind(StrEnum):
    """What happened. Together with its source it names a transaction, so nothing is booked twice.

    The source is an operation of `capture`, `late_approval` and `reversal`, and otherwise the
    refund, dispute or settlement; of a late approval the attempt, if a newer one has replaced it.
    """

    CAPTURE = "capture"
    LATE_APPROVAL = "late_approval"
    REVERSAL = "reversal"
    REFUND_ACCEPTED = "refund_accepted"
    REFUND_PROCESSED = "refund_processed"
    REFUND_FAILED = "refund_failed"
    DISPUTE_OPENED = "dispute_opened"
    DISPUTE_WON = "dispute_won"
    DISPUTE_LOST = "dispute_lost"
    SETTLEMENT = "settlement"


class Entries(NamedTuple):
    """One transaction's entry in each account.

    `processor`: what processors hold for us. `merchant`: what we owe the merchant (a credit).
    `fees`, `tax`: what we earn, and owe the state for it. `refunds`, `disputes`: set aside for
    what has not ended. `suspense`: what nobody expected. `payouts`: what was settled.
    """

    processor: int = 0
    merchant: int = 0
    fees: int = 0
    tax: int = 0
    refunds: int = 0
    disputes: int = 0
    suspense: int = 0
    payouts: int = 0


ACCOUNTS = Entries._fields


class LedgerTransaction(NamedTuple):
    """Entries that were written together, and why. All are in one currency."""

    kind: TransactionKind
    source_id: str
    merchant_id: UUID
    mode: str
    currency: str
    order_id: str | None
    payment_id: str | None
    created_at: datetime
    entries: Entries


def captured(amount: int, *, fee: int = 0, tax: int = 0) -> Entries:
    """The processor took `amount` of the shopper; `fee` is ours, and `tax` is a part of it."""
    return Entries(processor=amount, merchant=fee - amount, fees=tax - fee, tax=-tax)


def refund_accepted(amount: int) -> Entries:
    """Set aside at once: what is promised to a shopper is not paid out to the merchant."""
    return Entries(merchant=amount, refunds=-amount)


def refund_processed(amount: int) -> Entries:
    """The processor paid it back to the shopper. The fee of the payment stays ours."""
    return Entries(refunds=amount, processor=-amount)


def refund_failed(amount: int) -> Entries:
    """The merchant's again."""
    return Entries(refunds=amount, merchant=-amount)


def received_late(amount: int) -> Entries:
    """The processor took what we had given up: not the merchant's, and to go back."""
    return Entries(processor=amount, suspense=-amount)


def returned_late(amount: int) -> Entries:
    """The processor paid back what was received late, or a refund that we had given up."""
    return Entries(suspense=amount, processor=-amount)


def dispute_opened(amount: int) -> Entries:
    """Set aside while it is not decided whose it is."""
    return Entries(merchant=amount, disputes=-amount)


def dispute_won(amount: int) -> Entries:
    """The merchant's again."""
    return Entries(disputes=amount, merchant=-amount)


def dispute_lost(amount: int) -> Entries:
    """The shopper's bank took it back from the processor."""
    return Entries(disputes=amount, processor=-amount)


def paid_out(amount: int) -> Entries:
    """Settled with the merchant."""
    return Entries(merchant=amount, payouts=-amount)
