"""Gathers what a decision changes, then makes the unit of work of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar
from uuid import UUID, uuid4

from gateway.domain import canonical_json
from gateway.domain.books import Entries, LedgerTransaction, TransactionKind
from gateway.domain.customers import Token
from gateway.domain.disputes import Dispute, dispute_object
from gateway.domain.entities import (
    NOBODY,
    Attempt,
    Operation,
    OperationKind,
    Order,
    OrderState,
    Payment,
    Purpose,
    Refund,
)
from gateway.domain.evolution import directly_made, evolve
from gateway.domain.fees import FREE, FeePlan
from gateway.domain.ids import new_id, new_unit_id
from gateway.domain.jobs import Job, operation_job
from gateway.domain.money import NO_AMOUNT_LIMITS, AmountLimits
from gateway.domain.outcomes import ProcessorTraits
from gateway.domain.representation import (
    order_object,
    payment_object,
    refund_object,
    token_object,
)
from gateway.domain.work import Audit, Entity, Event, UnitOfWork

__all__ = ["Decision", "Moment", "Policy", "Transition"]

Result = TypeVar("Result")


@directly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When and for which request something is decided; `real_now` is the machine's time.

    `surface` names the wire format of a request that waits for the outcome under a key.
    """

    now: datetime
    real_now: datetime
    request_id: str | None = None
    surface: str | None = None


def _free(_merchant_id: UUID, _currency: str) -> FeePlan:
    return FREE


def _shared(_merchant_id: UUID, _mode: str, _processor: str) -> UUID | None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The limits and periods that decisions go by; each of them a setting."""

    processors: Mapping[str, ProcessorTraits]
    # What a merchant pays for payments in a currency.
    fee_plan: Callable[[UUID, str], FeePlan] = _free
    # The merchant's own account at a processor, in a mode; None: the gateway's own.
    account: Callable[[UUID, str, str], UUID | None] = _shared
    lease_margin_seconds: float = 5.0
    recovery_seconds: float = 30.0
    capture_window_seconds: float = 7 * 86_400
    dispute_seconds: float = 7 * 86_400
    action_seconds: float = 900.0
    amount_limits: AmountLimits = NO_AMOUNT_LIMITS
    payments_per_order_max: int = 50
    refunds_per_payment_max: int = 200
    # An expired authorization that the processor would not void is tried again after a day.
    expiry_retry_seconds: float = 86_400.0
    expiry_voids_max: int = 7
    # Nothing happened for sure, so it is sent again: after 1, 2 and 4 seconds, or a little less.
    sure_failure_delays_seconds: tuple[float, ...] = (1, 2, 4)
    jitter_percent: int = 25
    # How long it is sent again to a processor that takes nothing: a shopper waits, a refund can.
    payment_patience_seconds: float = 120.0
    follow_up_patience_seconds: float = 86_400.0
    # An unknown outcome is asked for again after these waits, then it waits for an operator.
    lookup_delays_seconds: tuple[float, ...] = (10, 60, 300, 3600, *(5 * (86_400,)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision(Generic[Result]):
    """The state afterwards, the unit of work that makes it true (None: nothing to write)."""

    state: OrderState
    work: UnitOfWork | None
    result: Result


class Transition:
    """One decision in the making: starts from a state, gathers changes, ends in a `Decision`."""

    def __init__(self, state: OrderState, moment: Moment) -> None:
        self.moment = moment
        self.now = moment.now
        self.order = state.order
        self.payments = dict(state.payments)
        self.operations = dict(state.operations)
        self.attempts = dict(state.attempts)
        self.replaced = dict(state.replaced)
        self.refunds = dict(state.refunds)
        self.disputes = dict(state.disputes)
        self._inserts: dict[str, Entity] = {}
        self._updates: dict[str, Entity] = {}
        self._events: list[tuple[str, str | None, str | None, Dispute | None]] = []
        self._disputes: dict[str, Dispute] = {}
        self._ledger: list[LedgerTransaction] = []
        self._jobs: list[Job] = []
        self._audits: list[Audit] = []
        self._sealed_deletions: list[str] = []
        self._tokens: dict[str, Token] = {}
        self._nameless: list[str] = []

    def add_payment(self, payment: Payment) -> None:
        """A new row."""
        self.payments[payment.id] = payment
        self._inserts[payment.id] = payment

    def change_payment(self, payment: Payment, **changes: Any) -> Payment:
        """The payment with these fields changed, to be written."""
        changed = evolve(payment, updated_at=self.now, **changes)
        self.payments[payment.id] = changed
        self._record(changed)
        return changed

    def add_token(self, token: Token) -> None:
        """A new row."""
        self._tokens[token.payment_id] = token

    def forget_payer(self, payment: Payment) -> None:
        """The payment stays; who paid is taken away."""
        self.payments[payment.id] = evolve(payment, payer=NOBODY)
        self._nameless.append(payment.id)

    def add_refund(self, refund: Refund) -> None:
        """A new row."""
        self.refunds[refund.id] = refund
        self._inserts[refund.id] = refund

    def change_refund(self, refund: Refund, **changes: Any) -> Refund:
        """The refund with these fields changed, to be written."""
        changed = evolve(refund, updated_at=self.now, **changes)
        self.refunds[refund.id] = changed
        self._record(changed)
        return changed

    def add_operation(
        self,
        payment: Payment,
        kind: OperationKind,
        purpose: Purpose,
        amount: int,
        *,
        recovery_seconds: float,
        refund_id: str | None = None,
        reverses: str | None = None,
        surface: str | None = None,
    ) -> Operation:
        """A new operation and the job that carries it out.

        If nobody has begun it when `recovery_seconds` have passed, its job is taken for lost.
        """
        operation = Operation(
            id=new_id("op"),
            payment_id=payment.id,
            order_id=payment.order_id,
            refund_id=refund_id,
            reverses=reverses,
            kind=kind,
            purpose=purpose,
            amount=amount,
            due_at=self.now + timedelta(seconds=recovery_seconds),
            surface=surface,
            request_id=self.moment.request_id,
            created_at=self.now,
            updated_at=self.now,
        )
        self.operations[operation.id] = operation
        self._inserts[operation.id] = operation
        self.enqueue(operation)
        return operation

    def change_operation(self, operation: Operation, **changes: Any) -> Operation:
        """The operation with these fields changed, to be written."""
        changed = evolve(operation, updated_at=self.now, **changes)
        self.operations[operation.id] = changed
        self._record(changed)
        return changed

    def add_attempt(self, attempt: Attempt) -> None:
        """A new row, and from now on the last attempt of its operation."""
        former = self.attempts.get(attempt.operation_id)
        if former is not None:
            self.replaced[former.id] = former
        self.attempts[attempt.operation_id] = attempt
        self._inserts[attempt.id] = attempt

    def change_attempt(self, attempt: Attempt, **changes: Any) -> Attempt:
        """The attempt with these fields changed, to be written if it differs."""
        changed = evolve(attempt, **changes)
        if changed == attempt:
            return attempt
        if attempt.id in self.replaced:
            self.replaced[attempt.id] = changed
        else:
            self.attempts[attempt.operation_id] = changed
        self._record(changed)
        return changed

    def change_order(self, **changes: Any) -> Order:
        """The order with these fields changed; it is written with every unit of work."""
        self.order = evolve(self.order, **changes)
        return self.order

    def put_dispute(self, dispute: Dispute) -> None:
        """A row that is new or has changed."""
        self.disputes[dispute.id] = dispute
        self._disputes[dispute.id] = dispute

    def change_dispute(self, dispute: Dispute, **changes: Any) -> Dispute:
        """The dispute with these fields changed, to be written."""
        changed = evolve(dispute, updated_at=self.now, **changes)
        self.put_dispute(changed)
        return changed

    def emit(
        self,
        event: str,
        payment: Payment | None = None,
        refund: Refund | None = None,
        dispute: Dispute | None = None,
    ) -> None:
        """Tell merchants; the body shows the rows as they are when the decision is complete."""
        self._events.append(
            (
                event,
                None if payment is None else payment.id,
                None if refund is None else refund.id,
                dispute,
            )
        )

    def book(
        self, kind: TransactionKind, source_id: str, payment: Payment, entries: Entries
    ) -> None:
        """Money has moved: write it to the books. Raises ValueError unless it adds up to zero."""
        if sum(entries):
            raise ValueError("entries that do not add up to zero")
        self._ledger.append(
            LedgerTransaction(
                kind,
                source_id,
                payment.merchant_id,
                payment.mode,
                payment.currency,
                payment.order_id,
                payment.id,
                self.now,
                entries,
            )
        )

    def enqueue(self, operation: Operation) -> None:
        """Have the operation worked on as soon as this is committed."""
        self._jobs.append(operation_job(operation.kind, operation.order_id, operation.id))

    def audit(self, action: str, subject_id: str, details: bytes) -> None:
        """Leave a line for whoever asks later."""
        self._audits.append(
            Audit(
                id=uuid4(),
                merchant_id=self.order.merchant_id,
                mode=self.order.mode,
                actor="gateway",
                action=action,
                subject_id=subject_id,
                details=details.decode(),
                request_id=self.moment.request_id,
                created_at=self.now,
            )
        )

    def forget_card(self, payment: Payment) -> None:
        """The sealed card data is not needed any more."""
        if payment.instrument.is_card_data:
            self._sealed_deletions.append(payment.id)

    def complete(self, result: Result) -> Decision[Result]:
        """The decision: state, unit of work and what to answer."""
        unit_id = new_unit_id()
        expected_version = self.order.version
        self.order = evolve(
            self.order,
            version=expected_version + 1,
            last_unit_id=unit_id,
            updated_at=self.now,
        )
        work = UnitOfWork(
            id=unit_id,
            order=self.order,
            expected_version=expected_version,
            inserts=tuple(self._inserts.values()),
            updates=tuple(self._updates.values()),
            events=self._render_events(self.order.merchant_id, self.order.mode),
            ledger=tuple(self._ledger),
            jobs=tuple(self._jobs),
            audits=tuple(self._audits),
            sealed_deletions=tuple(self._sealed_deletions),
            tokens=tuple(self._tokens.values()),
            nameless=tuple(self._nameless),
            disputes=tuple(self._disputes.values()),
        )
        return Decision(state=self._state(), work=work, result=result)

    def unchanged(self, result: Result) -> Decision[Result]:
        """The decision to write nothing."""
        return Decision(state=self._state(), work=None, result=result)

    def _state(self) -> OrderState:
        return OrderState(
            order=self.order,
            payments=self.payments,
            operations=self.operations,
            attempts=self.attempts,
            replaced=self.replaced,
            refunds=self.refunds,
            disputes=self.disputes,
        )

    def _record(self, entity: Entity) -> None:
        if entity.id in self._inserts:
            self._inserts[entity.id] = entity
        else:
            self._updates[entity.id] = entity

    def _render_events(self, merchant_id: UUID, mode: str) -> tuple[Event, ...]:
        shown: dict[str, bytes] = {}
        return tuple(
            Event(
                id=new_id("evt"),
                merchant_id=merchant_id,
                mode=mode,
                type=event,
                order_id=self.order.id,
                payment_id=payment_id,
                refund_id=refund_id,
                body=self._event_body(event, payment_id, refund_id, dispute, shown),
                request_id=self.moment.request_id,
                created_at=self.now,
            )
            for event, payment_id, refund_id, dispute in self._events
        )

    def _event_body(
        self,
        event: str,
        payment_id: str | None,
        refund_id: str | None,
        dispute: Dispute | None,
        shown: dict[str, bytes],
    ) -> bytes:
        """`shown` keeps what was rendered: events of one decision are mostly of one payment."""
        parts: list[tuple[bytes, str, Callable[[], dict[str, Any]]]] = []
        if dispute is not None:
            parts.append((b"dispute", dispute.id, lambda: dispute_object(dispute)))
        if refund_id is not None:
            refund = self.refunds[refund_id]
            parts.append((b"refund", refund_id, lambda: refund_object(refund)))
        if payment_id is not None:
            payment = self.payments[payment_id]
            parts.append((b"payment", payment_id, lambda: payment_object(payment)))
        if event.startswith("order."):
            parts.append((b"order", self.order.id, lambda: order_object(self.order)))
        if event.startswith("token."):
            token = self._tokens[payment_id or ""]
            parts.append((b"token", token.id, lambda: token_object(token)))
        for _, identity, show in parts:
            if identity not in shown:
                shown[identity] = canonical_json.dumps(show())
        data = b",".join(b'"%b":%b' % (name, shown[identity]) for name, identity, _ in parts)
        timestamp = int(self.now.timestamp())
        return b'{"event":"%b","timestamp":%d,"data":{%b}}' % (event.encode(), timestamp, data)
