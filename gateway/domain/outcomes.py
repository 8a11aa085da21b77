"""What a payment processor can say about an attempt, and what a processor can do."""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.domain.evolution import directly_made
from gateway.domain.instruments import CardData

__all__ = [
    "Approved",
    "AttemptNotFound",
    "CardDataLost",
    "Declined",
    "FailedSurely",
    "Outcome",
    "ProcessorTraits",
    "RequiresAction",
    "Transaction",
    "Unknown",
]


@directly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class Approved:
    """Done. `reference` is the processor's own name for the transaction.

    `stored` is its name for the card that it keeps from now on, where `store_for` asked it to: one
    of its own for each time, so that forgetting it leaves what else is kept alone. `dispute` is the
    reason code of a dispute that comes with what was captured; only the simulated bank has it.
    """

    reference: str
    stored: str | None = field(default=None, repr=False)
    dispute: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Declined:
    """Refused for good; nothing was moved. `code` is ours, `reason` a word for programs."""

    code: str = "PAYMENT_FAILED"
    description: str = "Payment processing failed"
    reason: str = "payment_failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequiresAction:
    """The shopper has something to do first; `next_action` is a JSON object for the checkout."""

    reference: str
    next_action: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedSurely:
    """It was certainly not attempted: sending it again is safe."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """It may have happened: the processor is asked before anything is sent again (P2)."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptNotFound:
    """The answer of a lookup: the processor has never heard of the attempt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CardDataLost:
    """The sealed card data is gone and the attempt was never sent (P3's one exception)."""


Outcome = (
    Approved | Declined | RequiresAction | FailedSurely | Unknown | AttemptNotFound | CardDataLost
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessorTraits:
    """What a processor says of itself.

    `timeout_seconds` is the longest a call takes, answer or not. `single_step`: it can authorize
    and capture in one call. `stores_instruments`: it can keep a card and charge it again.
    """

    name: str
    timeout_seconds: float
    single_step: bool = True
    partial_capture: bool = True
    multiple_captures: bool = True
    idempotent_by_reference: bool = False
    stores_instruments: bool = False
    modes: frozenset[str] = frozenset({"test", "live"})


@directly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """One call to a processor. `reference` is the attempt's id; `amount` in minor units.

    `original` is the processor's reference of the charge or authorization, for what follows it.
    `store_for` is the customer for whom the card is to be kept if the payment is approved, also
    when it is only asked what became of it. `stored` is what to charge instead of a card: what
    `Approved.stored` said.
    """

    reference: str
    kind: str
    payment_id: str
    order_id: str
    refund_id: str | None
    amount: int
    currency: str
    method: str
    vpa: str | None = None
    bank: str | None = None
    wallet: str | None = None
    card: CardData | None = field(default=None, repr=False)
    original: str | None = None
    store_for: str | None = None
    stored: str | None = field(default=None, repr=False)
