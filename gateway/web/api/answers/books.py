"""Disputes, settlements and balances, as they are answered."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from gateway.domain.books import TransactionKind
from gateway.domain.disputes import DisputePhase, DisputeStatus
from gateway.web.api.answers.common import (
    Amount,
    Answer,
    Currency,
    DisputeId,
    Listed,
    OrderId,
    PaymentId,
    SettlementId,
    Time,
)

__all__ = [
    "Balance",
    "Balances",
    "Dispute",
    "DisputeList",
    "Evidence",
    "SettledTransaction",
    "SettledTransactionList",
    "Settlement",
    "SettlementList",
]


class Evidence(Answer):
    """What the merchant says."""

    summary: Annotated[str | None, Field(examples=["Delivered and signed for"])]
    submitted_at: Annotated[datetime | None, Field(examples=[None])]


class Dispute(Answer):
    """A payment that the shopper's bank wants back."""

    id: DisputeId
    payment_id: PaymentId
    order_id: OrderId
    amount: Amount
    amount_deducted: Annotated[int, Field(ge=0, examples=[0])]
    """What was lost."""
    currency: Currency
    phase: DisputePhase
    reason_code: Annotated[str, Field(examples=["fraudulent"])]
    status: DisputeStatus
    respond_by: Time | None
    evidence: Evidence
    decided_at: Annotated[datetime | None, Field(examples=[None])]
    created_at: Time
    updated_at: Time


class DisputeList(Listed[Dispute]):
    """Disputes, newest first."""


class Settlement(Answer):
    """What was paid out in one currency; `fees` includes `tax`."""

    id: SettlementId
    amount: Annotated[int, Field(examples=[48_820])]
    currency: Currency
    fees: Annotated[int, Field(examples=[1_180])]
    tax: Annotated[int, Field(examples=[180])]
    status: Literal["processed"]
    transactions: Annotated[int, Field(ge=0, examples=[1])]
    created_at: Time


class SettlementList(Listed[Settlement]):
    """Settlements, newest first."""


class SettledTransaction(Answer):
    """A row for reconciliation; refunds that failed and disputes are adjustments."""

    entity_id: Annotated[str, Field(examples=["pay_9A33XWu170gUtmQe"])]
    type: Literal["payment", "refund", "adjustment"]
    kind: TransactionKind
    debit: Annotated[int, Field(ge=0, examples=[0])]
    credit: Annotated[int, Field(ge=0, examples=[48_820])]
    amount: Amount
    fee: Annotated[int, Field(examples=[1_180])]
    tax: Annotated[int, Field(examples=[180])]
    currency: Currency
    payment_id: PaymentId
    order_id: OrderId
    settlement_id: SettlementId
    created_at: Time
    settled_at: Time


class SettledTransactionList(Listed[SettledTransaction]):
    """What a settlement covers."""


class Balance(Answer):
    """What the merchant's accounts hold in one currency."""

    currency: Currency
    available: Annotated[int, Field(examples=[48_820])]
    """Below zero when more went back than was there."""
    set_aside_for_refunds: Annotated[int, Field(examples=[0])]
    set_aside_for_disputes: Annotated[int, Field(examples=[0])]
    fees: Annotated[int, Field(examples=[1_180])]
    tax: Annotated[int, Field(examples=[180])]
    settled: Annotated[int, Field(examples=[0])]


class Balances(Answer):
    """All balances, one a currency."""

    data: list[Balance]
