"""Transactions, and the book that holds them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from gateway.sandbox.authorizenet.cards import Card
from gateway.sandbox.authorizenet.codes import APPROVED, response_code
from gateway.sandbox.authorizenet.refusals import Refused
from gateway.sandbox.authorizenet.wire import Members

__all__ = ["Book", "Status", "Transaction"]


class Status(StrEnum):
    """`transactionStatus`: those of the schema that a card can get into here."""

    AUTHORIZED = "authorizedPendingCapture"
    CAPTURED = "capturedPendingSettlement"
    SETTLED = "settledSuccessfully"
    REFUND_PENDING = "refundPendingSettlement"
    REFUND_SETTLED = "refundSettledSuccessfully"
    HELD = "FDSPendingReview"
    AUTHORIZED_HELD = "FDSAuthorizedPendingReview"
    DECLINED = "declined"
    VOIDED = "voided"
    EXPIRED = "expired"


@dataclass(slots=True, kw_only=True)
class Transaction:
    """One transaction. Amounts are in major units, exact."""

    id: str
    kind: str
    status: Status
    reason: str
    auth_amount: Decimal
    settle_amount: Decimal
    currency: str
    card: Card
    submitted_at: datetime
    captured_at: datetime | None = None
    auth_code: str = ""
    avs: str = ""
    cvv: str = ""
    cavv: str = ""
    ref_id: str = ""
    ref_transaction_id: str = ""
    invoice_number: str = ""
    description: str = ""
    customer: Members = field(default_factory=dict)
    bill_to: Members = field(default_factory=dict)
    customer_ip: str = ""
    requested_amount: Decimal | None = None
    split_tender_id: str = ""
    profile: Members = field(default_factory=dict)
    batch_id: str = ""

    @property
    def response_code(self) -> str:
        """1 approved, 2 declined, 4 held."""
        return response_code(self.reason)

    @property
    def is_held(self) -> bool:
        """Waits for the merchant's review."""
        return self.status in (Status.HELD, Status.AUTHORIZED_HELD)

    @property
    def is_approved(self) -> bool:
        """Approved when it was made or by a review."""
        return self.response_code == APPROVED


class Book:
    """The transactions of one account, oldest first."""

    def __init__(self, transactions_max: int) -> None:
        self._transactions_max = transactions_max
        self._by_id: dict[str, Transaction] = {}
        self._refunds: dict[str, list[Transaction]] = {}
        self._recent: dict[tuple[str, ...], datetime] = {}

    def __iter__(self) -> Iterator[Transaction]:
        return iter(self._by_id.values())

    def require_room(self) -> None:
        """Raises Refused E00001 when the sandbox holds as many as it may."""
        if len(self._by_id) >= self._transactions_max:
            raise Refused(
                "E00001",
                f"This sandbox holds {self._transactions_max} transactions at most: start it anew.",
            )

    def add(self, transaction: Transaction, equals: tuple[str, ...]) -> None:
        """Write a transaction down; `equals`: what the duplicate window compares."""
        self._recent[equals] = transaction.submitted_at
        self._by_id[transaction.id] = transaction
        if transaction.ref_transaction_id:
            self._refunds.setdefault(transaction.ref_transaction_id, []).append(transaction)

    def find(self, transaction_id: str) -> Transaction | None:
        """The transaction of that id."""
        return self._by_id.get(transaction_id)

    def refunded(self, transaction_id: str) -> Decimal:
        """What the refunds of a transaction come to, without those that were voided or declined."""
        return sum(
            (
                refund.settle_amount
                for refund in self._refunds.get(transaction_id, ())
                if refund.status in (Status.REFUND_PENDING, Status.REFUND_SETTLED)
            ),
            Decimal(0),
        )

    def last_equal(self, equals: tuple[str, ...]) -> datetime | None:
        """When the latest transaction was made that is equal in all that is compared."""
        return self._recent.get(equals)
