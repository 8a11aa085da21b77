"""Disputes: a shopper's bank wants the money of a payment back, and the merchant may object.

open → under_review → won, lost, closed;  open → lost (accepted, or not contested in time), closed.
Statuses, phases and their order are Razorpay's: https://razorpay.com/docs/payments/disputes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from gateway.domain.representation import timestamp

__all__ = [
    "REASON_CODES",
    "UNDECIDED",
    "Dispute",
    "DisputePhase",
    "DisputeStatus",
    "dispute_object",
]


class DisputeStatus(StrEnum):
    """`closed`: the bank has given up, and no money moved."""

    OPEN = "open"
    UNDER_REVIEW = "under_review"
    WON = "won"
    LOST = "lost"
    CLOSED = "closed"


UNDECIDED = (DisputeStatus.OPEN, DisputeStatus.UNDER_REVIEW)
"""While a dispute is in one of these its money is set aside."""


class DisputePhase(StrEnum):
    """How far the shopper's bank has gone."""

    FRAUD = "fraud"
    RETRIEVAL = "retrieval"
    CHARGEBACK = "chargeback"
    PRE_ARBITRATION = "pre_arbitration"
    ARBITRATION = "arbitration"


REASON_CODES = (
    "fraudulent",
    "duplicate",
    "not_received",
    "not_as_described",
    "credit_not_processed",
    "subscription_cancelled",
    "unrecognized",
    "general",
)
"""Why the shopper wants it back, in words for programs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispute:
    """One dispute of a payment; amounts in minor units of the payment's currency.

    `amount_deducted` is what the merchant has lost by it. `respond_by` is until when it can be
    contested or accepted. `summary` is the merchant's evidence, kept as a draft until submitted.
    """

    id: str
    payment_id: str
    order_id: str
    merchant_id: UUID
    mode: str
    amount: int
    amount_deducted: int = 0
    currency: str
    phase: DisputePhase
    reason_code: str
    status: DisputeStatus = DisputeStatus.OPEN
    respond_by: datetime
    summary: str | None = None
    submitted_at: datetime | None = None
    decided_at: datetime | None = None
    created_at: datetime
    updated_at: datetime

    @property
    def is_undecided(self) -> bool:
        """Whether its money is set aside."""
        return self.status in UNDECIDED


def dispute_object(dispute: Dispute) -> dict[str, Any]:
    """The dispute as the API and webhooks show it; amounts in minor units."""
    return {
        "id": dispute.id,
        "payment_id": dispute.payment_id,
        "order_id": dispute.order_id,
        "amount": dispute.amount,
        "amount_deducted": dispute.amount_deducted,
        "currency": dispute.currency,
        "phase": dispute.phase.value,
        "reason_code": dispute.reason_code,
        "status": dispute.status.value,
        "respond_by": timestamp(dispute.respond_by),
        "evidence": {
            "summary": dispute.summary,
            "submitted_at": timestamp(dispute.submitted_at),
        },
        "decided_at": timestamp(dispute.decided_at),
        "created_at": timestamp(dispute.created_at),
        "updated_at": timestamp(dispute.updated_at),
    }
