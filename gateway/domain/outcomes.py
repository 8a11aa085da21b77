"""What a payment processor can say about an attempt, and what a processor can do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from gateway.domain.evolution import directly_made
from gateway.domain.instruments import CardData, Nonce

__all__ = [
    "CIRCUIT_OPEN",
    "Account",
    "Approved",
    "AttemptNotFound",
    "CardDataLost",
    "Credential",
    "Declined",
    "FailedSurely",
    "Outcome",
    "ProcessorTraits",
    "RequiresAction",
    "Transaction",
    "Unknown",
]

CIRCUIT_OPEN = "circuit_open"
"""The reason of what a circuit breaker did not let through."""

Account: TypeAlias = Mapping[str, str]
"""A merchant's own credentials at a processor, by the names of `ProcessorTraits.credentials`."""


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
    """It was certainly not attempted: sending it again is safe.

    `retry_after_seconds`: nobody tried, because nothing is taken now; it is to come again then, and
    none of its few retries is used up. `is_ours`: the gateway itself could not begin, which another
    processor would not change.
    """

    reason: str
    retry_after_seconds: float | None = None
    is_ours: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """It may have happened: the processor is asked before anything is sent again (P2).

    `reference` is its own name for the transaction, where it has told one, as for a payment that it
    holds for review. `answered`: the processor itself said so; else it could not be reached, or did
    not answer, and a circuit breaker counts it. `retry_after_seconds`: it was not even asked, since
    nobody asks it now; the question is to come again then, and none of the few is used up.
    """

    reason: str
    reference: str | None = None
    retry_after_seconds: float | None = None
    answered: bool = field(default=True, compare=False)


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
class Credential:
    """One thing that a merchant enters to use a processor under an account of its own.

    `is_secret`: it is shown masked and never given out again.
    """

    name: str
    label: str
    is_secret: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessorTraits:
    """What a processor says of itself.

    `timeout_seconds` is the longest a call takes, answer or not. `single_step`: it can authorize
    and capture in one call. `stores_instruments`: it can keep a card and charge it again.
    `accepts_nonces`: it can charge a nonce in place of a card. `methods` and `currencies` are what
    it takes; None: all. `shared_account`: the gateway's settings name an account that every
    merchant may use; without it only merchants with `credentials` of their own can.
    """

    name: str
    timeout_seconds: float
    single_step: bool = True
    partial_capture: bool = True
    multiple_captures: bool = True
    idempotent_by_reference: bool = False
    stores_instruments: bool = False
    accepts_nonces: bool = False
    methods: frozenset[str] | None = None
    currencies: frozenset[str] | None = None
    shared_account: bool = True
    credentials: tuple[Credential, ...] = ()
    modes: frozenset[str] = frozenset({"test", "live"})


@directly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """One call to a processor. `reference` is the attempt's id; `amount` in minor units.

    `original` is the processor's reference of the charge or authorization, for what follows it.
    `known_as` is its reference of this very attempt, where it has told one; `sent_at` is when the
    attempt was begun, by the clock that tests move. `last_four` are the card's last digits.
    `correlation_id` names the merchant's request, `account` the merchant's own account.
    `store_for` is the customer for whom the card is to be kept if the payment is approved, also
    when it is only asked what became of it. `stored` is what to charge instead of a card: what
    `Approved.stored` said; `nonce` is a one-time name for a card, likewise.
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
    nonce: Nonce | None = field(default=None, repr=False)
    last_four: str | None = None
    email: str | None = field(default=None, repr=False)
    original: str | None = None
    known_as: str | None = None
    sent_at: datetime | None = None
    store_for: str | None = None
    stored: str | None = field(default=None, repr=False)
    account: Account | None = field(default=None, repr=False)
    correlation_id: str | None = None
