"""What the order actors understand. docs/architecture.md lists every actor's messages.

Commands of merchants carry a `Request`: whose it is, and the idempotency key it came with. Every
command is answered with `Done`, or refused with an exception of `gateway.domain.errors`.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from gateway.domain import decisions
from gateway.domain.disputes import Dispute
from gateway.domain.entities import Operation, Order, Payment, Refund
from gateway.domain.errors import Rejected
from gateway.domain.evolution import directly_made
from gateway.domain.outcomes import Outcome
from gateway.domain.work import StoredAnswer

__all__ = [
    "AlreadyClaimed",
    "AskAboutUnknown",
    "BeginOperation",
    "CancelOrder",
    "CapturePayment",
    "ChangeDispute",
    "ChangeNotes",
    "ClaimRequest",
    "Done",
    "ExpireOrder",
    "ExpirePayment",
    "ForgetPayer",
    "MakeAndPayOrder",
    "MakeDispute",
    "MakeOrder",
    "MakeRefund",
    "PayOrder",
    "RecordOutcome",
    "Request",
    "ResumePayment",
    "VoidPayment",
]


class AlreadyClaimed(Rejected):
    """Another request holds the idempotency key: its stored row is the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimRequest:
    """The idempotency key of a request; `surface` names the format of its answer."""

    scope: str
    key: str
    fingerprint: bytes
    surface: str


@directly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Whose request it is. Orders of others are refused as not found (P9)."""

    merchant_id: UUID
    mode: str
    request_id: str | None = None
    claim: ClaimRequest | None = None


@directly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class MakeOrder:
    """→ Done with the order. The intake answers it: a new order has no actor yet."""

    command: decisions.CreateOrder
    request: Request


@directly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class PayOrder:
    """→ Done with the pending payment; where the request waits, with the operation, too."""

    command: decisions.CreatePayment
    request: Request
    waits: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeAndPayOrder:
    """→ Done with the pending payment of a new order, and its operation: the request waits."""

    order: decisions.CreateOrder
    payment: decisions.CreatePayment
    request: Request


@dataclass(frozen=True, slots=True, kw_only=True)
class CapturePayment:
    """→ Done with the open operation; `amount` in minor units, None for all that is left."""

    payment_id: str
    amount: int | None
    request: Request


@dataclass(frozen=True, slots=True, kw_only=True)
class VoidPayment:
    """→ Done with the open operation."""

    payment_id: str
    request: Request


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeRefund:
    """→ Done with the pending refund; where the request waits, with the operation, too."""

    command: decisions.RefundPayment
    request: Request
    waits: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelOrder:
    """→ Done; with an operation when an authorization is voided first."""

    request: Request


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeNotes:
    """→ Done; `notes` is a JSON object as text.

    `subject_id` is a payment's or a refund's; None stands for the order itself.
    """

    notes: str
    request: Request
    subject_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumePayment:
    """→ Done; the shopper is back from the challenge."""

    payment_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeDispute:
    """→ Done with the open dispute: what the shopper's bank wants."""

    command: decisions.OpenDispute
    request: Request


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeDispute:
    """→ Done with the dispute; without a request where time or the bank has spoken."""

    dispute_id: str
    change: decisions.DisputeChange
    request: Request | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpireOrder:
    """→ whether it expired; steps back while a payment is alive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpirePayment:
    """→ the void that releases what was not captured in time, or None."""

    payment_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgetPayer:
    """→ None, when the order's payments no longer say who this customer is."""

    customer_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AskAboutUnknown:
    """→ the operations of unknown outcome that keep others from beginning.

    The processor is asked about them, and about unknown refunds, as soon as there is a free place.
    """


@directly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class BeginOperation:
    """→ an `Instruction`: proceed, look up or acknowledge."""

    operation_id: str


@directly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class RecordOutcome:
    """→ `Proceed`: what whoever holds the job sends now, or None."""

    attempt_id: str
    outcome: Outcome


@directly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What a command made; `answer` is its final answer when a key was claimed and it stands."""

    order: Order
    payment: Payment | None = None
    refund: Refund | None = None
    operation: Operation | None = None
    dispute: Dispute | None = None
    answer: StoredAnswer | None = None
