"""Counters in Redis for limits: one round trip for all requests that come together.

The library `limits` needs two round trips for each limit: about five times the cost of this for a
single request, and more for many (docs/architecture.md).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import structlog
from redis.asyncio import Redis

from gateway.queue.client import Command, Keys, exchange, is_redis_unavailable, raise_first_error

__all__ = ["Counter", "Counters"]

logger = structlog.get_logger(__name__)

Counter = tuple[str, int]
"""The name of a counter, and the seconds after which it is forgotten."""


class _Batch:
    __slots__ = ("counted", "done", "expiries")

    def __init__(self, done: asyncio.Future[dict[str, int] | None]) -> None:
        self.done = done
        self.counted: dict[str, int] = {}
        self.expiries: dict[str, int] = {}


class Counters:
    """Counts, or says that it cannot: after a failure it does not try for `pause_seconds`.

    Whoever asks waits `timeout_seconds` at most for an exchange, and for the one before it.
    """

    def __init__(
        self, redis: Redis, keys: Keys, *, timeout_seconds: float, pause_seconds: float
    ) -> None:
        self._redis = redis
        self._keys = keys
        self._timeout_seconds = timeout_seconds
        self._pause_seconds = pause_seconds
        self._paused_until = 0.0
        self._next: _Batch | None = None
        self._sender: asyncio.Task[None] | None = None

    async def count(self, counters: Sequence[Counter]) -> list[int] | None:
        """How often each was counted by now, this time included; None while Redis is away."""
        if self._is_paused():
            return None
        batch = self._batch()
        mine = []
        for name, expire_seconds in counters:
            number = batch.counted.get(name, 0) + 1
            batch.counted[name] = number
            batch.expiries[name] = expire_seconds
            mine.append((name, number))
        totals = await asyncio.shield(batch.done)
        if totals is None:
            return None
        # Of those that were counted together each gets a number of its own.
        return [totals[name] - batch.counted[name] + number for name, number in mine]

    async def exchange(self, commands: Sequence[Command]) -> list[object] | None:
        """The replies to other commands, under the same rules; None while Redis is away."""
        if self._is_paused():
            return None
        try:
            replies = await exchange(self._redis, commands, timeout_seconds=self._timeout_seconds)
            raise_first_error(replies)
        except Exception as error:
            if not is_redis_unavailable(error):
                raise
            self._pause(error)
            return None
        return replies

    def key(self, name: str) -> str:
        """What a counter is called in Redis."""
        return self._keys.throttle(name)

    async def close(self) -> None:
        """Let the exchange that is under way end; it has a time limit."""
        if self._sender is not None:
            await asyncio.wait([self._sender])

    def _is_paused(self) -> bool:
        return time.monotonic() < self._paused_until

    def _pause(self, error: Exception) -> None:
        self._paused_until = time.monotonic() + self._pause_seconds
        logger.warning("limits_not_counted", error=type(error).__name__)

    def _batch(self) -> _Batch:
        batch = self._next
        if batch is None:
            batch = self._next = _Batch(asyncio.get_running_loop().create_future())
            if self._sender is None or self._sender.done():
                self._sender = asyncio.create_task(self._send_all(), name="rate counters")
        return batch

    async def _send_all(self) -> None:
        """What comes while an exchange is under way goes with the next one."""
        while self._next is not None:
            batch, self._next = self._next, None
            try:
                batch.done.set_result(await self._sent(batch))
            except Exception as error:  # noqa: BLE001 - raised again where it is waited for
                batch.done.set_exception(error)

    async def _sent(self, batch: _Batch) -> dict[str, int] | None:
        commands: list[Command] = []
        for name, number in batch.counted.items():
            key = self.key(name)
            commands.append(("INCRBY", key, number))
            commands.append(("EXPIRE", key, batch.expiries[name]))
        replies = await self.exchange(commands)
        if replies is None:
            return None
        totals = [reply for reply in replies[::2] if isinstance(reply, int)]
        return dict(zip(batch.counted, totals, strict=True))
