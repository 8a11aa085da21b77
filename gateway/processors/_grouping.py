from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class TooBusy(Exception):
    """As many items wait as may wait; this one was not taken."""


class Grouping(Generic[Item, Result]):
    """Writes together what comes together: what gathers during one flush goes into the next.

    `flush` answers one result per item, in order. What it raises, or an exception in a result's
    place, is raised to whoever submitted.
    """

    def __init__(
        self,
        flush: Callable[[Sequence[Item]], Awaitable[Sequence[Result | Exception]]],
        *,
        name: str,
        size_max: int,
        pending_max: int,
        seconds_max: float,
    ) -> None:
        self._flush = flush
        self._name = name
        self._size_max = size_max
        self._pending_max = pending_max
        self._seconds_max = seconds_max
        self._pending: list[tuple[Item, asyncio.Future[Result]]] = []
        self._task: asyncio.Task[None] | None = None

    async def submit(self, item: Item) -> Result:
        """The item's result. Raises TooBusy at once when `pending_max` items wait."""
        if len(self._pending) >= self._pending_max:
            raise TooBusy(f"{self._name}: {self._pending_max} items wait")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        self._pending.append((item, future))
        if self._task is None:
            # Its own context: a group belongs to no single request.
            self._task = loop.create_task(self._run(), name=self._name, context=Context())
        return await future

    async def close(self) -> None:
        """Finish what waits; `seconds_max` bounds each flush."""
        if self._task is not None:
            await self._task

    async def _run(self) -> None:
        try:
            while self._pending:
                group, self._pending = (
                    self._pending[: self._size_max],
                    self._pending[self._size_max :],
                )
                # Whoever has gone before their group began wants nothing any more.
                await self._write([entry for entry in group if not entry[1].done()])
        finally:
            self._task = None

    async def _write(self, group: list[tuple[Item, asyncio.Future[Result]]]) -> None:
        try:
            async with asyncio.timeout(self._seconds_max):
                results = await self._flush([item for item, _ in group])
        except Exception as error:  # noqa: BLE001 - it belongs to those who submitted
            results = [error] * len(group)
        for (_, future), result in zip(group, results, strict=True):
            if future.done():
                continue
            if isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)
