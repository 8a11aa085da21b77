"""The recorder of webhook attempts: what has gathered goes to Postgres in one transaction.

While Postgres is away the results wait, as many as deliveries may be under way, and are written
when it is back. Only then is the deliverer told, and the job acknowledged.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

import asyncpg
import structlog

from gateway.actors.batching import Batcher
from gateway.actors.errors import ActorError
from gateway.actors.turn import log_crash
from gateway.domain.clock import Clock
from gateway.domain.delivery import disabling_reason
from gateway.storage.deliveries import (
    Attempt,
    clear_failing,
    disable_endpoint,
    mark_failing,
    record_attempts,
)
from gateway.storage.pool import DATABASE_ERRORS, is_connection_lost, is_transient, is_unavailable

__all__ = ["AttemptRecorder", "RecorderContext"]

logger = structlog.get_logger(__name__)

_BACKOFF_FIRST_SECONDS = 0.05
_BACKOFF_MAX_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RecorderContext:
    """`finished(delivery_id, stale)` frees the delivery's place.

    It is stale when the row was changed meanwhile: what stands there now decides. `retry` is told
    when deliveries are due again; `observe(outcome, seconds)` of each attempt.
    """

    pool: asyncpg.Pool
    clock: Clock
    finished: Callable[[str, bool], None]
    retry: Callable[[dict[str, datetime]], None]
    observe: Callable[[str, float], None]
    disable_after_seconds: float


class AttemptRecorder:
    """Takes attempts that were made, and has them written in batches."""

    def __init__(self, context: RecorderContext, *, batch_max: int, pending_max: int) -> None:
        self._context = context
        self._batcher: Batcher[Attempt, None] = Batcher(
            self._flush, name="webhook-attempts", size_max=batch_max, pending_max=pending_max
        )
        self.degraded = False

    def record(self, attempt: Attempt) -> None:
        """Have the attempt written soon; a lost one is made again, as at-least-once allows."""
        try:
            answer = self._batcher.submit(attempt)
        except ActorError as error:
            logger.warning("delivery_not_recorded", error=type(error).__name__)
            self._context.finished(attempt.delivery.id, True)
            return
        answer.add_done_callback(partial(self._answered, attempt.delivery.id))

    def _answered(self, delivery_id: str, answer: asyncio.Future[None]) -> None:
        """What was cut off by a stop is due again; after anything else Recovery looks at it."""
        error = None if answer.cancelled() else answer.exception()
        if error is not None:
            log_crash("delivery_not_recorded", "webhook-attempts", error)
            self._context.finished(delivery_id, isinstance(error, ActorError))

    async def close(self, within_seconds: float) -> None:
        """Write what waits, if Postgres takes it in time."""
        await self._batcher.close(within_seconds)

    async def _flush(self, attempts: Sequence[Attempt]) -> Sequence[None]:
        """Write, however long Postgres is away: nobody else knows what these requests brought."""
        backoff = _BACKOFF_FIRST_SECONDS
        while True:
            try:
                recorded = await self._write(attempts)
            except DATABASE_ERRORS as error:
                if not _may_pass(error):
                    await self._separate(attempts, error)
                    break
                self._degrade(error, len(attempts))
            else:
                self.degraded = False
                self._done(attempts, recorded)
                break
            await asyncio.sleep(backoff)
            backoff = min(backoff * 2, _BACKOFF_MAX_SECONDS)
        return [None] * len(attempts)

    async def _write(self, attempts: Sequence[Attempt]) -> set[str]:
        cleared, marked, disabled = self._endpoint_changes(attempts)
        async with self._context.pool.acquire() as connection:
            if not (cleared or marked or disabled):
                # One statement is a transaction of its own.
                return await record_attempts(connection, attempts)
            async with connection.transaction():
                recorded = await record_attempts(connection, attempts)
                if cleared:
                    await clear_failing(connection, list(cleared))
                if marked:
                    await mark_failing(connection, marked)
                for attempt, reason in disabled.values():
                    await self._disable(connection, attempt, reason)
                return recorded

    def _endpoint_changes(
        self, attempts: Sequence[Attempt]
    ) -> tuple[set[str], dict[str, datetime], dict[str, tuple[Attempt, str]]]:
        """Endpoints that work again, that begin to fail, and that are to be switched off."""
        took = {each.delivery.endpoint.id for each in attempts if each.outcome.succeeded}
        cleared: set[str] = set()
        marked: dict[str, datetime] = {}
        disabled: dict[str, tuple[Attempt, str]] = {}
        for attempt in attempts:
            endpoint, outcome = attempt.delivery.endpoint, attempt.outcome
            period = self._context.disable_after_seconds
            reason = disabling_reason(outcome, endpoint.failing_since, period)
            if reason is not None:
                disabled.setdefault(endpoint.id, (attempt, reason))
            elif endpoint.id in took:
                if endpoint.failing_since is not None:
                    cleared.add(endpoint.id)
            elif endpoint.failing_since is None:
                first = marked.setdefault(endpoint.id, outcome.requested_at)
                marked[endpoint.id] = min(first, outcome.requested_at)
        return cleared, marked, dict(sorted(disabled.items()))

    async def _disable(
        self, connection: asyncpg.pool.PoolConnectionProxy, attempt: Attempt, reason: str
    ) -> None:
        now, endpoint = self._context.clock.now(), attempt.delivery.endpoint
        gone = attempt.outcome.status == 410
        period = timedelta(seconds=self._context.disable_after_seconds)
        before = None if gone else attempt.outcome.requested_at - period
        if await disable_endpoint(connection, endpoint.id, reason, now, failing_before=before):
            logger.warning("endpoint_disabled", endpoint_id=endpoint.id, reason=reason)

    async def _separate(self, attempts: Sequence[Attempt], error: Exception) -> None:
        """One of them cannot be written: alone it hurts only itself, and loses the answer's text.

        What even then cannot be written stays as it was, and is tried again by Recovery.
        """
        if len(attempts) > 1:
            for attempt in attempts:
                await self._flush([attempt])
            return
        [attempt] = attempts
        if attempt.response_body is not None:
            await self._flush([replace(attempt, response_body=None)])
            return
        name = type(error).__name__
        logger.error("delivery_not_recorded", delivery_id=attempt.delivery.id, error=name)
        self._context.finished(attempt.delivery.id, False)

    def _done(self, attempts: Sequence[Attempt], recorded: set[str]) -> None:
        retries: dict[str, datetime] = {}
        for attempt in attempts:
            delivery, verdict = attempt.delivery, attempt.verdict
            stale = delivery.id not in recorded
            if verdict.next_retry_at is not None and not stale:
                retries[delivery.id] = verdict.next_retry_at
            self._context.finished(delivery.id, stale)
        if retries:
            self._context.retry(retries)
        for attempt in attempts:
            self._tell(attempt, stale=attempt.delivery.id not in recorded)

    def _tell(self, attempt: Attempt, *, stale: bool) -> None:
        """The canonical line of an attempt: no body, no secret, no address."""
        delivery, outcome, verdict = attempt.delivery, attempt.outcome, attempt.verdict
        seconds = attempt.duration_milliseconds / 1_000
        word = "success" if outcome.succeeded else "refused" if outcome.status else "unreachable"
        self._context.observe(word, seconds)
        retry_at = verdict.next_retry_at
        logger.info(
            "delivery",
            outcome=word,
            delivery_id=delivery.id,
            event_id=delivery.event_id,
            event_type=delivery.event,
            endpoint_id=delivery.endpoint.id,
            attempt=attempt.number,
            status=verdict.status.value,
            response_code=outcome.status,
            error=outcome.error,
            seconds=seconds,
            next_retry_at=None if retry_at is None else retry_at.isoformat(),
            stale=stale,
        )

    def _degrade(self, error: Exception, waiting: int) -> None:
        if not self.degraded:
            logger.warning("recorder_degraded", error=type(error).__name__, waiting=waiting)
        self.degraded = True


def _may_pass(error: Exception) -> bool:
    return is_transient(error) or is_unavailable(error) or is_connection_lost(error)
