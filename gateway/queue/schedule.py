"""The index of deliveries by the time they are due. The schedule itself is in Postgres."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from redis.asyncio import Redis

from gateway.queue.client import Command, Keys, chunked, exchange, raise_first_error

__all__ = ["DueIndex", "due_commands"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_IDS_PER_COMMAND = 500

# The due ones have the lowest scores, so they are the first ranks.
_POP_DUE = """
local ids = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[2])
if #ids > 0 then redis.call('ZREMRANGEBYRANK', KEYS[1], 0, #ids - 1) end
return ids
"""


def _milliseconds_up(moment: datetime) -> int:
    # Up, and `now` down: nothing is popped before it is due.
    return -((_EPOCH - moment) // _MILLISECOND)


def _milliseconds_down(moment: datetime) -> int:
    return (moment - _EPOCH) // _MILLISECOND


def due_commands(keys: Keys, due: Mapping[str, datetime]) -> list[Command]:
    """The commands that put the deliveries into the index, or move them."""
    commands: list[Command] = []
    for part in chunked(list(due.items()), _IDS_PER_COMMAND):
        pairs = [value for id_, moment in part for value in (_milliseconds_up(moment), id_)]
        commands.append(("ZADD", keys.due, *pairs))
    return commands


class DueIndex:
    """Which deliveries are due, by the clock that tests can move, to the millisecond.

    All calls raise what `is_redis_unavailable` knows. What is popped by a process that dies, or
    lost with Redis, is found again in Postgres by Recovery.
    """

    def __init__(self, redis: Redis, keys: Keys, *, timeout_seconds: float = 2.0) -> None:
        self._redis = redis
        self._keys = keys
        self._timeout_seconds = timeout_seconds

    async def put(self, due: Mapping[str, datetime]) -> None:
        """Put the deliveries into the index; one that is there already moves to its new time."""
        await self._exchange(due_commands(self._keys, due))

    async def pop_due(self, now: datetime, count: int) -> list[str]:
        """Take out up to `count` deliveries that are due, longest due first.

        Any process may ask; each id goes to one of them.
        """
        command = ("EVAL", _POP_DUE, 1, self._keys.due, _milliseconds_down(now), count)
        [ids] = await self._exchange([command])
        return [id_.decode() for id_ in ids]

    async def earliest(self) -> datetime | None:
        """When the next delivery is due; None when there is none."""
        [first] = await self._exchange([("ZRANGE", self._keys.due, 0, 0, "WITHSCORES")])
        return _EPOCH + int(first[1]) * _MILLISECOND if first else None

    async def remove(self, ids: Iterable[str]) -> None:
        """Take the deliveries out of the index."""
        parts = chunked(list(ids), _IDS_PER_COMMAND)
        await self._exchange([("ZREM", self._keys.due, *part) for part in parts])

    async def _exchange(self, commands: list[Command]) -> list[list[bytes]]:
        if not commands:
            return []
        replies = await exchange(self._redis, commands, timeout_seconds=self._timeout_seconds)
        raise_first_error(replies)
        return replies
