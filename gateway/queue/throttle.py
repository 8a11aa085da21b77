"""How often something was tried: counters in Redis, one for each subject and window of time.

They keep guessing slow and no more: while Redis is away everything is let through, with a line in
the log.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

import structlog
from redis.asyncio import Redis

from gateway.queue.client import Command, Keys, exchange, is_redis_unavailable, raise_first_error

__all__ = ["Limit", "Throttle"]

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """At most `attempts_max` within `window_seconds`, counted for each subject of this name."""

    name: str
    subject: str
    attempts_max: int
    window_seconds: int


class Throttle:
    """Counts attempts. Subjects are stored as hashes: they may be addresses of people."""

    def __init__(self, redis: Redis, keys: Keys, *, timeout_seconds: float) -> None:
        self._redis = redis
        self._keys = keys
        self._timeout_seconds = timeout_seconds

    async def charge(self, limits: list[Limit], now: datetime) -> int:
        """Count one attempt for each; the seconds to wait when one of them was reached, else 0."""
        commands: list[Command] = []
        for limit in limits:
            key = self._key(limit, now)
            commands += [("INCR", key), ("EXPIRE", key, limit.window_seconds)]
        counts = (await self._exchange(commands))[::2]
        waits = [
            limit.window_seconds - int(now.timestamp()) % limit.window_seconds
            for limit, count in zip(limits, counts, strict=False)
            if count > limit.attempts_max
        ]
        return max(waits, default=0)

    async def give_back(self, limits: list[Limit], now: datetime) -> None:
        """The attempt was a good one: do not count it."""
        await self._exchange([("DECR", self._key(limit, now)) for limit in limits])

    async def clear(self, limit: Limit, now: datetime) -> None:
        """Forget all attempts of this subject."""
        await self._exchange([("DEL", self._key(limit, now))])

    def _key(self, limit: Limit, now: datetime) -> str:
        window = int(now.timestamp()) // limit.window_seconds
        subject = hashlib.sha256(limit.subject.encode("utf-8", "surrogatepass")).hexdigest()
        return self._keys.throttle(f"{limit.name}:{subject}:{window}")

    async def _exchange(self, commands: list[Command]) -> list[int]:
        """The counts; none when Redis is away."""
        try:
            replies = await exchange(self._redis, commands, timeout_seconds=self._timeout_seconds)
            raise_first_error(replies)
        except Exception as error:
            if not is_redis_unavailable(error):
                raise
            logger.warning("attempts_not_counted", error=type(error).__name__)
            return []
        return replies
