"""What processors send by themselves: believed when signed, kept, then clarified.

A notification proves nothing but that there is news. What it is about is asked of the processor,
and what the processor says is told to the order's actor, as the answer to a call of ours would be.
Postgres alone says what is to be handled: everything may be done twice, and by several processes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import asyncpg
import structlog

from gateway.actors.enqueuer import Enqueuer
from gateway.actors.errors import ActorError
from gateway.actors.journal import FaultPoint, no_fault
from gateway.actors.messages import RecordOutcome
from gateway.actors.periodic import Periodic
from gateway.actors.processor_accounts import ProcessorAccounts
from gateway.actors.region import Region
from gateway.domain.clock import Clock
from gateway.domain.errors import Rejected
from gateway.domain.inbound import NotificationState
from gateway.domain.jobs import Job
from gateway.domain.outcomes import Account, Approved, Declined, Outcome
from gateway.processors.protocol import Finding, Notification, Processor, clarify
from gateway.storage import inbound as storage
from gateway.storage.inbound import DueNotification, Handled, Subject, Waiting
from gateway.storage.journal import Connection

__all__ = ["InboundContext", "NotificationHandler"]

logger = structlog.get_logger(__name__)

# How long after each try it is tried again; the last one holds for all that follow.
_WAITS_SECONDS = (60, 300, 3600, 21_600, 86_400)
_ROUNDS_MAX = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundContext:
    """What the handlers of all processors share.

    `calls_max` processors' calls are under way at once, and as many rows are taken; after
    `tries_max` tries a notification becomes a dead letter. `observe(processor, state)`.
    """

    pool: asyncpg.Pool
    orders: Region
    enqueuer: Enqueuer
    accounts: ProcessorAccounts
    clock: Clock
    interval_seconds: float
    calls_max: int
    tries_max: int
    ask_seconds: float
    observe: Callable[[str, str], None]
    fault: FaultPoint = no_fault


class NotificationHandler(Periodic):
    """Handles what one processor sends; one that does not answer holds up no other."""

    def __init__(self, processor: Processor, context: InboundContext) -> None:
        name = processor.traits.name
        super().__init__(
            name, self._handle_due, interval_seconds=context.interval_seconds, clock=context.clock
        )
        self._processor = processor
        self._processor_name = name
        self._context = context
        self._waiting = Waiting(due_at=None, received_at=None, count=0)

    @property
    def waiting(self) -> int:
        """How many were not handled when it looked last."""
        return self._waiting.count

    @property
    def oldest_seconds(self) -> float:
        """How long the oldest of these has waited by now; 0 when there is none."""
        received_at = self._waiting.received_at
        if received_at is None:
            return 0.0
        return (self._context.clock.now() - received_at).total_seconds()

    async def _handle_due(self) -> float | None:
        context = self._context
        for _ in range(_ROUNDS_MAX):
            wanted = await self._look_at_waiting()
            async with context.pool.acquire() as connection:
                due = await storage.take_due_notifications(
                    connection,
                    self._processor_name,
                    context.clock.now(),
                    _WAITS_SECONDS,
                    context.calls_max,
                )
            if not due:
                return wanted
            await self._handle(due)
        return None

    async def _look_at_waiting(self) -> float | None:
        """Seconds until the next one is due; None when none is."""
        async with self._context.pool.acquire() as connection:
            self._waiting = await storage.waiting_notifications(connection, self._processor_name)
        due_at = self._waiting.due_at
        return None if due_at is None else (due_at - self._context.clock.now()).total_seconds()

    async def _handle(self, due: Sequence[DueNotification]) -> None:
        fault = self._context.fault
        await fault("inbound.before_asking")
        answers = await asyncio.gather(*map(self._clarified, due))
        await fault("inbound.before_telling")
        async with self._context.pool.acquire() as connection:
            subjects = [
                await _subject(connection, *each) for each in zip(due, answers, strict=True)
            ]
        handled = await asyncio.gather(*map(self._told, due, answers, subjects))
        await fault("inbound.before_record")
        await self._record(due, handled)

    async def _clarified(self, notification: DueNotification) -> Finding | Handled:
        """What the processor says, or what becomes of the notification when it says nothing."""
        if notification.reference is None:
            return Handled(state=NotificationState.IGNORED, reason="about_no_transaction")
        if notification.tries > self._context.tries_max:
            return Handled(state=NotificationState.FAILED, reason="tried_too_often")
        told = Notification(
            id=notification.notification_id,
            kind=notification.kind,
            reference=notification.reference,
        )
        try:
            finding = await clarify(self._processor, told, await self._credentials(notification))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is asked again
            return self._unclear(notification, type(error).__name__)
        if finding is None:
            return Handled(state=NotificationState.IGNORED, reason="transaction_not_found")
        return finding

    async def _credentials(self, notification: DueNotification) -> Account | None:
        if notification.account_id is None:
            return None
        return await self._context.accounts.credentials(notification.account_id)

    async def _told(
        self, notification: DueNotification, answer: Finding | Handled, subject: Subject | None
    ) -> Handled:
        """Tell the order's actor what is final: anything else may be older than what it knows."""
        if isinstance(answer, Handled):
            return answer
        if subject is None:
            return Handled(state=NotificationState.IGNORED, reason="transaction_is_not_ours")
        done = Handled(
            state=NotificationState.DONE,
            payment_id=subject.payment_id,
            attempt_id=subject.attempt_id,
        )
        if subject.attempt_id is None:
            return done
        not_told = _why_not_told(answer.outcome, subject)
        if not_told is not None:
            return replace(done, reason=not_told)
        message = RecordOutcome(attempt_id=subject.attempt_id, outcome=answer.outcome)
        try:
            await self._context.orders.ask(
                subject.order_id, message, deadline_seconds=self._context.ask_seconds
            )
        except (Rejected, ActorError) as error:
            return self._unclear(notification, type(error).__name__)
        return done

    def _unclear(self, notification: DueNotification, reason: str) -> Handled:
        """It is tried again, unless that was the last try."""
        last = notification.tries >= self._context.tries_max
        state = NotificationState.FAILED if last else NotificationState.PENDING
        return Handled(state=state, reason=reason)

    async def _record(self, due: Sequence[DueNotification], handled: Sequence[Handled]) -> None:
        now = self._context.clock.now()
        jobs: list[Job] = []
        async with self._context.pool.acquire() as connection, connection.transaction():
            for notification, result in zip(due, handled, strict=True):
                await storage.record_handled(connection, notification, result, now)
                if result.payment_id is not None:
                    # What shares its name with another transaction is seen by asking only.
                    jobs += await storage.unknown_operations(connection, result.payment_id)
        self._context.enqueuer.put(jobs)
        for notification, result in zip(due, handled, strict=True):
            self._tell(notification, result)

    def _tell(self, notification: DueNotification, result: Handled) -> None:
        self._context.observe(self._processor_name, str(result.state))
        logger.info(
            "notification",
            processor=self._processor_name,
            notification_id=str(notification.id),
            kind=notification.kind,
            state=str(result.state),
            reason=result.reason,
            payment_id=result.payment_id,
            tries=notification.tries,
        )


async def _subject(
    connection: Connection, notification: DueNotification, answer: Finding | Handled
) -> Subject | None:
    """What the processor's answer is about; None where it is nothing of ours."""
    if isinstance(answer, Handled):
        return None
    if answer.attempt is not None:
        found = await storage.find_by_attempt(connection, notification, answer.attempt)
        if found is not None:
            return found
    return await storage.find_by_reference(connection, notification, answer.reference)


def _why_not_told(outcome: Outcome, subject: Subject) -> str | None:
    if not isinstance(outcome, Approved | Declined):
        return "not_final"
    if subject.saves_card and isinstance(outcome, Approved):
        # The card is kept by whoever gets the answer or asks: told now, it never would be.
        return "card_to_be_kept"
    return None
