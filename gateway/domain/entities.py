"""The rows of one order: the order, its payments, refunds, operations and attempts.

All are immutable values; a decision makes new ones with `dataclasses.replace`. Amounts are in minor
units of the order's currency, times aware and in UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from uuid import UUID

from gateway.domain.evolution import directly_made
from gateway.domain.instruments import Instrument

if TYPE_CHECKING:
    from gateway.domain.disputes import Dispute

__all__ = [
    "ALIVE",
    "NOBODY",
    "Attempt",
    "AttemptState",
    "Operation",
    "OperationKind",
    "OperationState",
    "Order",
    "OrderState",
    "OrderStatus",
    "Payer",
    "Payment",
    "PaymentStatus",
    "Purpose",
    "Refund",
    "RefundStatus",
]


class OrderStatus(StrEnum):
    """created → attempted → paid; created or attempted → cancelled, expired."""

    CREATED = "created"
    ATTEMPTED = "attempted"
    PAID = "paid"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class PaymentStatus(StrEnum):
    """See docs/architecture.md, States."""

    PENDING = "pending"
    PROCESSING = "processing"
    REQUIRES_ACTION = "requires_action"
    UNKNOWN = "unknown"
    SUCCESS = "success"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


# While a payment is in one of these, its order takes no other (a partial unique index says so too).
ALIVE = frozenset(
    {
        PaymentStatus.PENDING,
        PaymentStatus.PROCESSING,
        PaymentStatus.REQUIRES_ACTION,
        PaymentStatus.UNKNOWN,
        PaymentStatus.SUCCESS,
    }
)


class RefundStatus(StrEnum):
    """pending → processing → processed, failed."""

    PENDING = "pending"
    PROCESSING = "processing"
    PROCESSED = "processed"
    FAILED = "failed"


class OperationKind(StrEnum):
    """What is asked of the processor; a `release` asks nothing of it."""

    CHARGE = "charge"
    AUTHORIZE = "authorize"
    CAPTURE = "capture"
    VOID = "void"
    REFUND = "refund"
    RELEASE = "release"


class OperationState(StrEnum):
    """open → done, failed, unknown; unknown → done, failed."""

    OPEN = "open"
    UNKNOWN = "unknown"
    DONE = "done"
    FAILED = "failed"


class Purpose(StrEnum):
    """Why an operation was begun; decides what follows when it is done."""

    PAYMENT = "payment"
    CAPTURE = "capture"
    CANCEL = "cancel"
    CANCEL_ORDER = "cancel_order"
    EXPIRE = "expire"
    REFUND = "refund"
    REVERSAL = "reversal"


class AttemptState(StrEnum):
    """`failed` means surely not done; `resumed` means sent again after a challenge."""

    SENT = "sent"
    RESUMED = "resumed"
    REQUIRES_ACTION = "requires_action"
    UNKNOWN = "unknown"
    APPROVED = "approved"
    DECLINED = "declined"
    FAILED = "failed"


@directly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be paid. `version` counts its units of work and arbitrates between writers.

    `bill_id` names the payment link or invoice that it is a payment of.
    """

    id: str
    merchant_id: UUID
    mode: str
    amount: int
    amount_paid: int = 0
    currency: str
    receipt: str | None = None
    notes: str = "{}"
    customer_id: str | None = None
    bill_id: str | None = None
    status: OrderStatus = OrderStatus.CREATED
    capture: str
    attempts: int = 0
    expires_at: datetime | None = None
    return_url: str | None = None
    version: int = 0
    last_unit_id: str | None = None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Payer:
    """The shopper as the merchant names them."""

    name: str | None = None
    email: str | None = None
    contact: str | None = None


NOBODY = Payer()


@directly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """One try to pay an order, with the sums that P4 is about.

    `token_id` is the token that is charged; with `save` the one that came of it, None until then.
    `processor_account_id` is the merchant's own account at the processor, None the gateway's.
    `tax` is a part of `fee`. `amount_disputed` is what disputes have set aside or taken. `route`
    are the processors that are still to be tried when `processor` surely did nothing, in order.
    """

    id: str
    order_id: str
    merchant_id: UUID
    mode: str
    amount: int
    currency: str
    instrument: Instrument
    payer: Payer = NOBODY
    customer_id: str | None = None
    token_id: str | None = None
    save: bool = False
    notes: str = "{}"
    capture: str
    status: PaymentStatus = PaymentStatus.PENDING
    amount_authorized: int = 0
    amount_captured: int = 0
    amount_capture_pending: int = 0
    amount_released: int = 0
    amount_refunded: int = 0
    amount_refund_pending: int = 0
    amount_disputed: int = 0
    fee: int = 0
    tax: int = 0
    processor: str
    processor_account_id: UUID | None = None
    route: tuple[str, ...] = ()
    processor_reference: str | None = None
    error_code: str | None = None
    error_description: str | None = None
    error_reason: str | None = None
    next_action: str | None = None
    action_deadline: datetime | None = None
    capture_expires_at: datetime | None = None
    created_at: datetime
    updated_at: datetime

    @property
    def captured(self) -> bool:
        """Whether anything has been captured."""
        return self.amount_captured > 0

    @property
    def amount_capturable(self) -> int:
        """What is authorized and neither captured, being captured, nor released."""
        taken = self.amount_captured + self.amount_capture_pending + self.amount_released
        return self.amount_authorized - taken

    @property
    def amount_refundable(self) -> int:
        """What is captured and neither refunded, being refunded, disputed nor lost."""
        gone = self.amount_refunded + self.amount_refund_pending + self.amount_disputed
        return self.amount_captured - gone

    @property
    def refund_status(self) -> str | None:
        """None, `partial` or `full`: how much of what was captured has gone back."""
        if self.amount_refunded == 0:
            return None
        return "full" if self.amount_refunded == self.amount_captured else "partial"


@directly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """Money on its way back to the shopper."""

    id: str
    payment_id: str
    order_id: str
    merchant_id: UUID
    mode: str
    amount: int
    currency: str
    reason: str | None = None
    receipt: str | None = None
    notes: str = "{}"
    status: RefundStatus = RefundStatus.PENDING
    error_description: str | None = None
    created_at: datetime
    updated_at: datetime
    processed_at: datetime | None = None


@directly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """Something asked of the processor, committed before it is asked.

    `due_at` is when it should be worked on next, by the movable clock; None when only an operator
    can go on. `lookups` counts how often the processor was asked about an unknown outcome,
    `retries` how often a send that surely failed was to be repeated.
    `reverses` is the attempt that a reversal gives back.
    `surface` names the wire format in which a waiting request wants its final answer; `request_id`
    is that of the request that it began with, None where time alone began it.
    """

    id: str
    payment_id: str
    order_id: str
    refund_id: str | None = None
    kind: OperationKind
    purpose: Purpose
    amount: int
    state: OperationState = OperationState.OPEN
    lookups: int = 0
    retries: int = 0
    due_at: datetime | None
    reverses: str | None = None
    surface: str | None = None
    request_id: str | None = None
    error_code: str | None = None
    error_description: str | None = None
    error_reason: str | None = None
    created_at: datetime
    updated_at: datetime

    @property
    def is_pending(self) -> bool:
        """Whether its outcome is still to come."""
        return self.state in (OperationState.OPEN, OperationState.UNKNOWN)

    @property
    def is_exclusive(self) -> bool:
        """Whether no other such operation of the payment begins while it is pending.

        Refunds run side by side, and a reversal gives back what the payment does not count.
        """
        beside = self.kind in (OperationKind.REFUND, OperationKind.RELEASE)
        return not beside and self.purpose != Purpose.REVERSAL


@directly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One go at an operation. Its id is the reference the processor knows it by.

    `processor` is the one it was sent to, `processor_account_id` the account, as of the payment.
    Nobody but its holder touches it before `lease_until` (the machine's time, never moved).
    """

    id: str
    operation_id: str
    payment_id: str
    order_id: str
    number: int
    processor: str
    processor_account_id: UUID | None = None
    state: AttemptState = AttemptState.SENT
    sent_at: datetime
    lease_until: datetime
    finished_at: datetime | None = None
    processor_reference: str | None = None
    reason: str | None = None


_NOTHING: Mapping[str, Any] = MappingProxyType({})  # one for all orders that were just made


def _nothing() -> Mapping[str, Any]:
    return _NOTHING


@directly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class OrderState:
    """One order with everything that hangs on it: what its actor holds and rules look at.

    `attempts` holds the last attempt of each operation, by the operation's id; `replaced` those
    before it, by their own ids.
    """

    order: Order
    payments: Mapping[str, Payment] = field(default_factory=_nothing)
    operations: Mapping[str, Operation] = field(default_factory=_nothing)
    attempts: Mapping[str, Attempt] = field(default_factory=_nothing)
    replaced: Mapping[str, Attempt] = field(default_factory=_nothing)
    refunds: Mapping[str, Refund] = field(default_factory=_nothing)
    disputes: Mapping[str, Dispute] = field(default_factory=_nothing)

    @property
    def alive_payment(self) -> Payment | None:
        """The payment that keeps the order from taking another, if there is one."""
        return next((each for each in self.payments.values() if each.status in ALIVE), None)

    def pending_operation(self, payment_id: str) -> Operation | None:
        """The charge, authorize, capture or void of the payment that has no outcome yet."""
        return next(
            (
                each
                for each in self.operations.values()
                if each.payment_id == payment_id and each.is_pending and each.is_exclusive
            ),
            None,
        )
