"""Looks through the books: do they add up, and do they say what payments and refunds say?

The whole of it is read, in slices, at a pace that leaves most of a Postgres core to payments.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import timedelta

import asyncpg
import structlog

from gateway.domain.clock import Clock
from gateway.storage import books
from gateway.storage.journal import Connection

__all__ = ["Bookkeeper", "BooksReport", "look_through"]

logger = structlog.get_logger(__name__)

Acquire = Callable[[], AbstractAsyncContextManager[Connection]]
Check = Callable[[Connection, str, int, int], Awaitable[books.Slice]]

_TEXTS_MAX = 100
_SLICES_MAX = 100_000_000
# For each second of looking so many are waited.
_REST = 4.0


@dataclass(slots=True, kw_only=True)
class BooksReport:
    """What was looked at, and what is wrong; `texts` are the first hundred differences.

    `sums` are the accounts' by mode and currency: the trial balance.
    """

    payments: int = 0
    settlements: int = 0
    transactions: int = 0
    differences: int = 0
    texts: list[str] = field(default_factory=list)
    sums: Mapping[tuple[str, str], Counter[str]] = field(
        default_factory=lambda: defaultdict(Counter)
    )

    def note(self, differences: int, texts: Sequence[str]) -> None:
        """Add what a slice has shown."""
        self.differences += differences
        self.texts += texts[: _TEXTS_MAX - len(self.texts)]


async def look_through(acquire: Acquire, *, slice_max: int, rest: float = 0.0) -> BooksReport:
    """All payments, settlements and transactions; raises what asyncpg raises.

    `rest`: how many times as long as a slice took is waited after it.
    """
    report = BooksReport()
    report.payments = await _look_at(books.check_payments, acquire, report, slice_max, rest)
    report.settlements = await _look_at(books.check_settlements, acquire, report, slice_max, rest)
    await _look_at_transactions(acquire, report, slice_max, rest)
    return report


async def _look_at(
    check: Check, acquire: Acquire, report: BooksReport, slice_max: int, rest: float
) -> int:
    """How many there were."""
    after, count = "", 0
    for _ in range(_SLICES_MAX):
        begun = time.monotonic()
        async with acquire() as connection:
            found = await check(connection, after, slice_max, _TEXTS_MAX)
        count += found.count
        report.note(found.differences, found.texts)
        if found.last is None:
            break
        after = found.last
        await asyncio.sleep(rest * (time.monotonic() - begun))
    return count


async def _look_at_transactions(
    acquire: Acquire, report: BooksReport, slice_max: int, rest: float
) -> None:
    after = books.BEGINNING
    for _ in range(_SLICES_MAX):
        begun = time.monotonic()
        async with acquire() as connection:
            found = await books.check_transactions(connection, after, slice_max, _TEXTS_MAX)
        report.transactions += found.count
        report.note(found.differences, found.texts)
        for place, sums in found.sums.items():
            report.sums[place].update(sums)
        if found.last is None:
            return
        after = found.last
        await asyncio.sleep(rest * (time.monotonic() - begun))


class Bookkeeper:
    """The scheduled check: one process does it, once in each interval of the movable clock."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        clock: Clock,
        *,
        interval_seconds: float,
        slice_max: int,
        observe: Callable[[int, float], None],
    ) -> None:
        """`observe(differences, ended_at)` is told of each check; `ended_at` in unix seconds."""
        self._pool = pool
        self._clock = clock
        self._interval = timedelta(seconds=interval_seconds)
        self._slice_max = slice_max
        self._observe = observe

    async def look(self) -> None:
        """Look through the books if it is time."""
        now = self._clock.now()
        async with self._pool.acquire() as connection:
            if not await books.begin_check(connection, now, now - self._interval):
                return
        report = await look_through(self._pool.acquire, slice_max=self._slice_max, rest=_REST)
        found = books.LastCheck(
            ended_at=self._clock.now(),
            transactions=report.transactions,
            differences=report.differences,
            texts=report.texts,
        )
        async with self._pool.acquire() as connection:
            await books.end_check(connection, found)
        self._observe(found.differences, found.ended_at.timestamp())
        log = logger.error if found.differences else logger.info
        log(
            "books_checked",
            transactions=found.transactions,
            differences=found.differences,
            first=found.texts[:1],
        )
