"""The journal: the only writer of the money tables. Commits what has gathered in one transaction.

It is a unit and has no mailbox: what would stand there gathers in the batch.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

import asyncpg
import structlog

from gateway.actors.batching import Batcher
from gateway.actors.errors import BatcherFull, DeadlineExceeded
from gateway.actors.supervisor import TreeNode
from gateway.domain.errors import Unavailable
from gateway.domain.work import UnitOfWork
from gateway.storage.journal import (
    BEGIN,
    Committed,
    Connection,
    NewDelivery,
    find_committed,
    write_units,
)
from gateway.storage.pool import (
    DATABASE_ERRORS,
    is_connection_lost,
    is_refusal,
    is_transient,
    is_unavailable,
)

__all__ = ["CommitUnknown", "FaultPoint", "Journal", "Sent", "no_fault"]

logger = structlog.get_logger(__name__)

FaultPoint = Callable[[str], Awaitable[None]]
"""Tests of a running process arm points of it; nothing happens otherwise."""

Sent = Callable[[Sequence[UnitOfWork], Sequence[NewDelivery]], None]
"""Told of what was committed: the units, and the deliveries that came of them."""

_TRIES_MAX = 5
_TRY_AGAIN_SECONDS = 0.05


async def no_fault(_point: str) -> None:
    """The fault point of everybody but tests."""


class CommitUnknown(Exception):
    """The connection was lost during COMMIT, and what became of it could not be read."""


class Journal:
    """Group commit to Postgres. A lost connection is no failure: it says 503 and tries anew."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        sent: Sent,
        *,
        batch_max: int,
        pending_max: int,
        acquire_seconds: float,
        observe: Callable[[int, float], None] | None = None,
        fault: FaultPoint = no_fault,
    ) -> None:
        self._pool = pool
        self._sent = sent
        self._batch_max = batch_max
        self._pending_max = pending_max
        self._acquire_seconds = acquire_seconds
        self._observe = observe
        self._fault = fault
        self._batcher: Batcher[UnitOfWork, None] | None = None
        self.degraded = False

    @property
    def failed(self) -> asyncio.Future[Exception] | None:
        """A journal never gives up."""
        return None

    async def start(self) -> None:
        """Take units from now on."""
        self._batcher = Batcher(
            self._flush,
            name="journal",
            size_max=self._batch_max,
            pending_max=self._pending_max,
            observe=self._observe,
        )

    async def stop(self) -> None:
        """Commit what waits, and take no more."""
        if self._batcher is not None:
            await self._batcher.close(within_seconds=self._acquire_seconds)
            self._batcher = None

    def tree(self) -> TreeNode:
        """What the dashboard shows."""
        waiting = self._batcher.pending if self._batcher else 0
        return TreeNode(
            name="journal", kind="journal", alive=self._batcher is not None, mailbox_length=waiting
        )

    async def commit(self, unit: UnitOfWork, deadline_seconds: float | None = None) -> None:
        """Return when the unit is durable.

        Raises StaleVersion, KeyTaken (nothing was written), Unavailable (nothing was written), and
        CommitUnknown, after which the order has to be read anew. DeadlineExceeded after
        `deadline_seconds`: the unit may become durable all the same.
        """
        if self._batcher is None:
            raise Unavailable("The gateway is starting or stopping")
        try:
            answer = self._batcher.submit(unit)
        except BatcherFull:
            raise Unavailable("Too many requests wait to be written") from None
        if deadline_seconds is None:
            return await answer
        # asyncio.timeout takes five times as long as a timer.
        timer = answer.get_loop().call_later(deadline_seconds, _expire, answer)
        try:
            return await answer
        finally:
            timer.cancel()

    async def _flush(self, units: Sequence[UnitOfWork]) -> Sequence[Exception | None]:
        results: dict[object, Exception | None] = {}
        left = list(units)
        for _ in range(_TRIES_MAX):
            left = await self._try(left, results)
            if not left:
                break
            await asyncio.sleep(_TRY_AGAIN_SECONDS)
        for unit in left:
            results[unit.id] = Unavailable("The database is busy")
        return [results[unit.id] for unit in units]

    async def _try(
        self, units: list[UnitOfWork], results: dict[object, Exception | None]
    ) -> list[UnitOfWork]:
        """Commit these; what is to be tried again comes back, all else is in `results`."""
        try:
            reasons, committed = await self._transaction(units)
        except _CommitLost:
            return await self._read_back(units, results)
        except DATABASE_ERRORS as error:
            return await self._mend(units, error, results)
        self._done(units, reasons, committed, results)
        return []

    async def _transaction(
        self, units: Sequence[UnitOfWork]
    ) -> tuple[list[Exception | None], Committed]:
        connection = await self._pool.acquire(timeout=self._acquire_seconds)
        try:
            await connection.execute(BEGIN)
            try:
                reasons, committed = await write_units(connection, units)
                await self._fault("journal.before_commit")
            except BaseException:
                with suppress(*DATABASE_ERRORS):
                    await connection.execute("ROLLBACK")
                raise
            await self._commit(connection)
        finally:
            # Whatever becomes of the connection now, the transaction is decided.
            with suppress(*DATABASE_ERRORS):
                await self._pool.release(connection)
        await self._fault("journal.after_commit")
        return reasons, committed

    async def _commit(self, connection: Connection) -> None:
        """Only a refusal by Postgres says that nothing was committed; all else leaves it open."""
        commit = asyncio.ensure_future(_commit(connection))
        try:
            if self._fault is not no_fault:
                # The statement is on its way as soon as the loop has turned once.
                await asyncio.sleep(0)
                await self._fault("journal.during_commit")
            await commit
        except Exception as error:
            commit.cancel()
            await asyncio.gather(commit, return_exceptions=True)
            if is_refusal(error):
                raise
            raise _CommitLost from error

    async def _mend(
        self,
        units: list[UnitOfWork],
        error: Exception,
        results: dict[object, Exception | None],
    ) -> list[UnitOfWork]:
        if is_transient(error):
            return units
        if is_unavailable(error) or is_connection_lost(error):
            self.degraded = True
            logger.warning("journal_unavailable", error=type(error).__name__, units=len(units))
            unavailable = Unavailable("The database is not available")
            results.update((unit.id, unavailable) for unit in units)
            return []
        if len(units) == 1:
            logger.error("journal_refused", error=type(error).__name__, order=units[0].order.id)
            results[units[0].id] = error
            return []
        # One of them cannot be written: alone it hurts only itself.
        for unit in units:
            if await self._try([unit], results):
                results[unit.id] = Unavailable("The database is busy")
        return []

    async def _read_back(
        self, units: list[UnitOfWork], results: dict[object, Exception | None]
    ) -> list[UnitOfWork]:
        """The answer to COMMIT was lost: what stands in the database decides."""
        try:
            async with self._pool.acquire(timeout=self._acquire_seconds) as connection:
                found = await find_committed(connection, units)
        except DATABASE_ERRORS as error:
            logger.error(  # noqa: TRY400 - no traceback, it may quote values
                "journal_commit_unknown", error=type(error).__name__, units=len(units)
            )
            results.update((unit.id, CommitUnknown()) for unit in units)
            return []
        logger.warning("journal_commit_read_back", units=len(units), found=len(found.units))
        self._done(found.units, [None] * len(found.units), found.committed, results)
        results.update((unit.id, CommitUnknown()) for unit in found.unclear)
        return [unit for unit in units if unit.id not in results]

    def _done(
        self,
        units: Sequence[UnitOfWork],
        reasons: Sequence[Exception | None],
        committed: Committed,
        results: dict[object, Exception | None],
    ) -> None:
        self.degraded = False
        for unit, reason in zip(units, reasons, strict=True):
            results[unit.id] = reason
        kept = [unit for unit in units if results[unit.id] is None]
        if kept:
            self._sent(kept, committed.deliveries)


async def _commit(connection: Connection) -> None:
    if await connection.execute("COMMIT") != "COMMIT":
        # Postgres answers ROLLBACK when a statement before it had failed.
        raise AssertionError("a transaction that had failed was to be committed")


def _expire(answer: asyncio.Future[None]) -> None:
    if not answer.done():
        answer.set_exception(DeadlineExceeded("the order was not written in time"))


class _CommitLost(Exception):
    """The connection was lost while COMMIT was under way."""
