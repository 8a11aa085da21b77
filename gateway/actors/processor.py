"""Processor actors: call the payment processor, and tell the order what it said.

They write no rows. The order's actor says what is to be done, makes the attempt durable before the
call, and the outcome after it; only then is the job acknowledged.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any, Protocol
from uuid import UUID

import structlog

from gateway.actors.breakers import BreakerKey, Breakers, CircuitOpen, WatchedCall
from gateway.actors.errors import ActorError
from gateway.actors.journal import FaultPoint, no_fault
from gateway.actors.messages import BeginOperation, RecordOutcome
from gateway.actors.processor_accounts import AccountUnreadable
from gateway.actors.region import Region
from gateway.actors.runtime import Actor, handles
from gateway.domain.decisions import Acknowledge, Instruction, LookUp, Proceed
from gateway.domain.entities import Attempt, Operation, Payment
from gateway.domain.errors import Unavailable
from gateway.domain.evolution import directly_made
from gateway.domain.instruments import CardData, Nonce, card_from_bytes
from gateway.domain.jobs import Job
from gateway.domain.outcomes import (
    CIRCUIT_OPEN,
    Account,
    AttemptNotFound,
    CardDataLost,
    FailedSurely,
    Outcome,
    Transaction,
    Unknown,
)
from gateway.processors.protocol import Processor, call, look_up, resume
from gateway.queue.client import is_redis_unavailable
from gateway.queue.jobs import ClaimedJob

__all__ = ["AccountSource", "CardSource", "ProcessorActor", "ProcessorContext", "RunJob"]

logger = structlog.get_logger(__name__)

_CARD_KINDS = ("charge", "authorize")
_LOOKUP, _RESUME = "lookup", "resume"
_BACKOFF_FIRST_SECONDS = 0.1
_BACKOFF_MAX_SECONDS = 2.0
# Another process may still hold the ciphertext of a payment that came while Redis was away.
_CARD_GRACE_SECONDS = 3.0


class AccountSource(Protocol):
    """Where merchants' own credentials are read from."""

    async def credentials(self, account_id: UUID) -> Account:
        """Those of the account. Raises AccountUnreadable, and Unavailable for now."""


class CardSource(Protocol):
    """Where sealed card data is read from."""

    async def get(self, payment_id: str) -> bytes | None:
        """The card data in the clear, None when it is gone."""


@directly_made
@dataclass(frozen=True, slots=True)
class RunJob:
    """A claimed job to be carried out. No reply; `finished` of the context is told.

    `begun` says what the order's actor has begun already, and when it was asked to.
    """

    claimed: ClaimedJob
    begun: tuple[Proceed, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessorContext:
    """What all processor actors share.

    `finished(job, done, error)` frees the job's place; it is acknowledged when done. A call begins
    within `lease_margin_seconds` of its lease, so that it ends within the lease.
    """

    orders: Region
    processors: Mapping[str, Processor]
    cards: CardSource
    accounts: AccountSource
    breakers: Breakers
    finished: Callable[[ClaimedJob, bool, str | None], None]
    observe: Callable[[str, str, str, float], None]
    observe_job: Callable[[str, str, float], None]
    ask_seconds: float
    patience_seconds: float
    lease_margin_seconds: float
    fault: FaultPoint = no_fault


class ProcessorActor(Actor):
    """Carries out jobs, many at a time: a bank that takes its second holds nobody up."""

    def __init__(self, context: ProcessorContext, *, calls_max: int) -> None:
        # A job that is done counts until the loop's next turn, and its successor does not wait.
        super().__init__(tasks_max=calls_max * 2)
        self._context = context

    @handles(RunJob)
    async def run(self, message: RunJob) -> None:
        """Start on a job."""
        self.spawn(self._run(message.claimed, message.begun), "processor-job")

    async def _run(self, claimed: ClaimedJob, begun: tuple[Instruction, float] | None) -> None:
        error: str | None = None
        request_id: str | None = None
        done = False
        started = monotonic()
        try:
            outcome, request_id = await self._carry_out(claimed.job, begun)
            done = True
        except Exception as failure:  # noqa: BLE001 - one bad job must not end the others' calls
            error = type(failure).__name__
            outcome = "error"
        finally:
            self._context.finished(claimed, done, error)
        seconds = monotonic() - started
        self._context.observe_job(claimed.job.kind, outcome, seconds)
        logger.info(
            "job",
            kind=claimed.job.kind,
            order_id=claimed.job.identity,
            operation_id=claimed.job.subject,
            request_id=request_id,
            outcome=outcome,
            error=error,
            seconds=round(seconds, 6),
        )

    async def _carry_out(
        self, job: Job, begun: tuple[Instruction, float] | None
    ) -> tuple[str, str | None]:
        """What the processor said last, and the id of the request that the operation began with."""
        if begun is None:
            begun = await self._ask(job.identity, BeginOperation(operation_id=job.subject))
        instruction, asked_at = begun
        last, request_id = "acknowledged", None
        while not isinstance(instruction, Acknowledge):
            outcome = await self._perform(instruction, asked_at)
            last, request_id = type(outcome).__name__, instruction.operation.request_id
            await self._context.fault("processor.after_call")
            message = RecordOutcome(attempt_id=instruction.attempt.id, outcome=outcome)
            instruction, asked_at = await self._ask(job.identity, message)
            if instruction is None:
                break
        return last, request_id

    async def _ask(self, order_id: str, message: object) -> tuple[Any, float]:
        """Ask the order's actor; while stores are away, again and again, for a limited time.

        The answer, and when it was asked for: no lease that it grants began before that.
        """
        deadline = monotonic() + self._patience_seconds(message)
        backoff = _BACKOFF_FIRST_SECONDS
        while True:
            asked_at = monotonic()
            try:
                answer = await self._context.orders.ask(
                    order_id, message, deadline_seconds=self._context.ask_seconds
                )
            except (Unavailable, ActorError):
                if monotonic() + backoff > deadline:
                    raise
            else:
                return answer, asked_at
            await asyncio.sleep(backoff)
            backoff = min(backoff * 2, _BACKOFF_MAX_SECONDS)

    def _patience_seconds(self, message: object) -> float:
        # "Not found" is soon outdated: somebody else may look, and send, before it is told.
        outdated = isinstance(message, RecordOutcome) and isinstance(
            message.outcome, AttemptNotFound
        )
        return self._context.lease_margin_seconds if outdated else self._context.patience_seconds

    async def _perform(self, instruction: Proceed | LookUp, asked_at: float) -> Outcome:
        """Call the processor, unless its circuit breaker is open."""
        verb = _verb(instruction)
        if verb == _RESUME:
            # Nothing else goes on with a challenge that the shopper has passed.
            return await self._try(instruction, verb, asked_at, WatchedCall())
        try:
            with self._context.breakers.call(_breaker_key(instruction.attempt, verb)) as watched:
                return await self._try(instruction, verb, asked_at, watched)
        except CircuitOpen as refusal:
            return _refused(instruction, refusal.wait_seconds)

    async def _try(
        self, instruction: Proceed | LookUp, verb: str, asked_at: float, watched: WatchedCall
    ) -> Outcome:
        prepared = await self._prepare(instruction, asked_at)
        if not isinstance(prepared, Transaction):
            return prepared
        name = instruction.attempt.processor
        way = {_LOOKUP: look_up, _RESUME: resume}.get(verb, call)
        started = monotonic()
        outcome = watched.outcome = await way(self._context.processors[name], prepared)
        self._context.observe(name, verb, type(outcome).__name__, monotonic() - started)
        return outcome

    async def _prepare(
        self, instruction: Proceed | LookUp, asked_at: float
    ) -> Transaction | Outcome:
        """What the processor is to be called with, or why it is not called."""
        send_before = asked_at + self._context.lease_margin_seconds
        operation, payment = instruction.operation, instruction.payment
        attempt = instruction.attempt
        card: CardData | Nonce | None = None
        sends = isinstance(instruction, Proceed) and not instruction.resume
        try:
            account = await self._account(attempt, send_before)
        except (AccountUnreadable, Unavailable) as error:
            # Never by another account, not the gateway's own either.
            reason = type(error).__name__
            is_ours = isinstance(error, Unavailable)
            failed = FailedSurely(reason=reason, is_ours=is_ours)
            return failed if sends else Unknown(reason=reason)
        if sends and payment.instrument.is_card_data and operation.kind in _CARD_KINDS:
            found = await self._card(payment, send_before)
            if not isinstance(found, CardData | Nonce):
                return found
            card = found
        if sends and monotonic() > send_before:
            # The call could outlast the lease, and another process take the attempt in hand.
            return FailedSurely(reason="lease_too_short", is_ours=True)
        return _transaction(attempt, operation, payment, card, account)

    async def _account(self, attempt: Attempt, send_before: float) -> Account | None:
        if attempt.processor_account_id is None:
            return None
        while True:
            try:
                return await self._context.accounts.credentials(attempt.processor_account_id)
            except Unavailable:
                if monotonic() > send_before:
                    raise
            await asyncio.sleep(_BACKOFF_FIRST_SECONDS)

    async def _card(self, payment: Payment, send_before: float) -> CardData | Nonce | Outcome:
        lost_after = min(monotonic() + _CARD_GRACE_SECONDS, send_before)
        while True:
            try:
                data = await self._context.cards.get(payment.id)
            except (Unavailable, OSError) as error:
                if not isinstance(error, Unavailable) and not is_redis_unavailable(error):
                    raise
                if monotonic() > send_before:
                    return FailedSurely(reason="card_data_unreachable", is_ours=True)
                await asyncio.sleep(_BACKOFF_FIRST_SECONDS)
                continue
            if data is not None:
                return card_from_bytes(data)
            if monotonic() > lost_after:
                return CardDataLost()
            await asyncio.sleep(_BACKOFF_FIRST_SECONDS)


def _verb(instruction: Proceed | LookUp) -> str:
    if isinstance(instruction, LookUp):
        return _LOOKUP
    return _RESUME if instruction.resume else str(instruction.operation.kind)


def _breaker_key(attempt: Attempt, verb: str) -> BreakerKey:
    account_id = attempt.processor_account_id
    return BreakerKey(attempt.processor, verb, None if account_id is None else str(account_id))


def _refused(instruction: Proceed | LookUp, wait_seconds: float) -> Outcome:
    if isinstance(instruction, LookUp):
        return Unknown(reason=CIRCUIT_OPEN, retry_after_seconds=wait_seconds, answered=False)
    return FailedSurely(reason=CIRCUIT_OPEN, retry_after_seconds=wait_seconds)


def _transaction(
    attempt: Attempt,
    operation: Operation,
    payment: Payment,
    card: CardData | Nonce | None,
    account: Account | None,
) -> Transaction:
    return Transaction(
        reference=attempt.id,
        kind=str(operation.kind),
        payment_id=payment.id,
        order_id=payment.order_id,
        refund_id=operation.refund_id,
        amount=operation.amount,
        currency=payment.currency,
        method=payment.instrument.method,
        vpa=payment.instrument.vpa,
        bank=payment.instrument.bank,
        wallet=payment.instrument.wallet,
        card=card if isinstance(card, CardData) else None,
        nonce=card if isinstance(card, Nonce) else None,
        last_four=payment.instrument.card_last4,
        email=payment.payer.email,
        original=payment.processor_reference,
        known_as=attempt.processor_reference,
        sent_at=attempt.sent_at,
        store_for=payment.customer_id if payment.save else None,
        stored=payment.instrument.stored,
        account=account,
        correlation_id=operation.request_id,
    )
