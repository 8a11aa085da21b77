"""The unit of work: what a decision wants written, as data. The journal commits it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from gateway.domain.books import LedgerTransaction
from gateway.domain.customers import Token
from gateway.domain.disputes import Dispute
from gateway.domain.entities import Attempt, Operation, Order, Payment, Refund
from gateway.domain.evolution import directly_made
from gateway.domain.jobs import Job

__all__ = ["Audit", "Claim", "Entity", "Event", "StoredAnswer", "UnitOfWork"]

Entity = Payment | Refund | Operation | Attempt


@directly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened, with the body that every webhook about it carries, made once."""

    id: str
    merchant_id: UUID
    mode: str
    type: str
    order_id: str | None = None
    payment_id: str | None = None
    refund_id: str | None = None
    body: bytes
    request_id: str | None = None
    created_at: datetime


@directly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAnswer:
    """The final answer to a request: what a repeat with the same key gets, byte for byte."""

    status: int
    body: bytes


@directly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """An idempotency key to be claimed together with the first effect of its request.

    `surface` names the wire format that renders the answer; `operation_id` is set when the answer
    has to wait for an operation, `answer` when it stands at once.
    """

    scope: str
    key: str
    fingerprint: bytes
    surface: str
    operation_id: str | None = None
    answer: StoredAnswer | None = None
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """Something a person or the gateway itself did that somebody will ask about.

    `address` is where the request came from, of people who use the dashboard.
    """

    id: UUID
    merchant_id: UUID | None
    mode: str | None
    actor: str
    action: str
    subject_id: str | None
    details: str = "{}"
    request_id: str | None = None
    address: str | None = None
    created_at: datetime


@directly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class UnitOfWork:
    """Rows and events of one order that become true together, or not at all.

    `order.version` is `expected_version` + 1; an expected version of 0 inserts the order.
    `answers` finishes the idempotency rows that wait for these operations. `tokens` are new ones;
    of these payments `nameless` takes away who paid. `disputes` are new or have changed.
    """

    id: str
    order: Order
    expected_version: int
    inserts: tuple[Entity, ...] = ()
    updates: tuple[Entity, ...] = ()
    events: tuple[Event, ...] = ()
    ledger: tuple[LedgerTransaction, ...] = ()
    jobs: tuple[Job, ...] = ()
    claim: Claim | None = None
    answers: tuple[tuple[str, StoredAnswer], ...] = ()
    audits: tuple[Audit, ...] = ()
    sealed_deletions: tuple[str, ...] = ()
    tokens: tuple[Token, ...] = ()
    nameless: tuple[str, ...] = ()
    disputes: tuple[Dispute, ...] = ()
