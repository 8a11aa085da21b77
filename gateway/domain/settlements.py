"""Settlements: what a merchant's account holds is paid out, and each row says what for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from gateway.domain.books import Entries, TransactionKind
from gateway.domain.representation import timestamp

__all__ = [
    "SettledTransaction",
    "Settlement",
    "balance_object",
    "settled_object",
    "settlement_object",
]

_TYPES = {
    TransactionKind.CAPTURE: "payment",
    TransactionKind.REFUND_ACCEPTED: "refund",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """One payout in one currency; amounts in minor units, `fees` without `tax`."""

    id: str
    merchant_id: UUID
    mode: str
    currency: str
    amount: int
    fees: int
    tax: int
    transactions: int
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SettledTransaction:
    """A transaction of the ledger that a settlement covers."""

    kind: TransactionKind
    source_id: str
    payment_id: str
    order_id: str
    currency: str
    entries: Entries
    created_at: datetime


def settlement_object(settlement: Settlement) -> dict[str, Any]:
    """The settlement as the API shows it; amounts in minor units."""
    return {
        "id": settlement.id,
        "amount": settlement.amount,
        "currency": settlement.currency,
        "fees": settlement.fees + settlement.tax,
        "tax": settlement.tax,
        "status": "processed",
        "transactions": settlement.transactions,
        "created_at": timestamp(settlement.created_at),
    }


def settled_object(settlement: Settlement, row: SettledTransaction) -> dict[str, Any]:
    """A row for reconciliation: what the merchant's account was credited or debited with, and why.

    Refunds that failed and disputes are adjustments. `fee` includes `tax`.
    """
    entries, is_payment = row.entries, row.kind == TransactionKind.CAPTURE
    return {
        "entity_id": row.payment_id if is_payment else row.source_id,
        "type": _TYPES.get(row.kind, "adjustment"),
        "kind": row.kind.value,
        "debit": max(entries.merchant, 0),
        "credit": max(-entries.merchant, 0),
        "amount": entries.processor if is_payment else abs(entries.merchant),
        "fee": -entries.fees - entries.tax,
        "tax": -entries.tax,
        "currency": row.currency,
        "payment_id": row.payment_id,
        "order_id": row.order_id,
        "settlement_id": settlement.id,
        "created_at": timestamp(row.created_at),
        "settled_at": timestamp(settlement.created_at),
    }


def balance_object(currency: str, sums: Entries) -> dict[str, Any]:
    """What a merchant's accounts hold in a currency, seen from the merchant."""
    return {
        "currency": currency,
        "available": -sums.merchant,
        "set_aside_for_refunds": -sums.refunds,
        "set_aside_for_disputes": -sums.disputes,
        "fees": -sums.fees - sums.tax,
        "tax": -sums.tax,
        "settled": -sums.payouts,
    }
