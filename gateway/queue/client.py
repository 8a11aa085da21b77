"""The connection to Redis (6.2 or newer), and the names of all keys.

`exchange` is how this package talks to Redis: many commands, one write, one deadline over
everything. redis-py's own pipeline sets a timer for each reply and packs commands in Python: 13 µs
of our processor per command, here 4.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from hiredis import pack_command
from redis.asyncio import BlockingConnectionPool, Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import OutOfMemoryError, ReadOnlyError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from gateway.domain.jobs import JobKind

__all__ = [
    "Command",
    "Keys",
    "chunked",
    "eviction_policy",
    "exchange",
    "is_redis_unavailable",
    "open_redis",
    "ping",
    "raise_first_error",
]

Command = tuple[bytes | str | int, ...]
_Item = TypeVar("_Item")

# Refusals that pass without anybody mending our side: no disk, no master, a script that runs, a
# group that went with the data (it is created anew with the next call).
_PASSING_REFUSALS = (
    "MISCONF",
    "MASTERDOWN",
    "NOREPLICAS",
    "CLUSTERDOWN",
    "TRYAGAIN",
    "BUSY ",
    "NOGROUP",
)


@dataclass(frozen=True, slots=True)
class Keys:
    """Every key and channel the gateway uses, all beginning with `prefix`."""

    prefix: str

    def jobs(self, kind: JobKind) -> str:
        """The stream of one kind of job."""
        return f"{self.prefix}:jobs:{kind}"

    def sealed(self, payment_id: str) -> str:
        """The sealed card data of one payment."""
        return f"{self.prefix}:sealed:{payment_id}"

    def session(self, session_id: str) -> str:
        """One session of the dashboard."""
        return f"{self.prefix}:session:{session_id}"

    def sessions_of(self, user_id: str) -> str:
        """The sorted set of a user's sessions by when they were opened."""
        return f"{self.prefix}:sessions:{user_id}"

    def throttle(self, counter: str) -> str:
        """A counter of attempts."""
        return f"{self.prefix}:throttle:{counter}"

    @property
    def due(self) -> str:
        """The sorted set of deliveries by the time they are due."""
        return f"{self.prefix}:due"

    @property
    def marker(self) -> str:
        """Present for as long as nobody has emptied Redis."""
        return f"{self.prefix}:marker"

    @property
    def changes(self) -> str:
        """The channel that carries the ids of what was changed."""
        return f"{self.prefix}:changes"

    @property
    def revocations(self) -> str:
        """The channel that carries the ids of revoked keys."""
        return f"{self.prefix}:revocations"


def open_redis(
    url: str,
    *,
    timeout_seconds: float,
    connections_max: int,
    health_check_seconds: float = 30.0,
) -> Redis:
    """A client for a `unix://`, `redis://` or `rediss://` URL; connects when first used.

    Nothing is repeated behind the caller's back, so nothing takes longer than its timeout. Whoever
    finds all connections taken waits for one, at most `timeout_seconds`. A connection that was idle
    for `health_check_seconds` is tried with a PING first. Raises ValueError for another URL.
    """
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=connections_max,
        timeout=timeout_seconds,
        socket_timeout=timeout_seconds,
        socket_connect_timeout=timeout_seconds,
        health_check_interval=health_check_seconds,
        decode_responses=False,
        protocol=2,
        driver_info=None,  # CLIENT SETINFO is an error before 7.2
    )
    return Redis.from_pool(pool)


async def exchange(
    redis: Redis, commands: Sequence[Command], *, timeout_seconds: float
) -> list[Any]:
    """Send the commands in one write and return their raw replies in order.

    A refusal by Redis stands in its place as a ResponseError. Raises TimeoutError when not all
    replies are there in time, and what `is_redis_unavailable` knows when the connection is lost:
    then any part of the commands may have been carried out.
    """
    # Its stub knows tuples of one only.
    packed = b"".join([pack_command(command) for command in commands])  # type: ignore[arg-type]
    pool = redis.connection_pool
    async with asyncio.timeout(timeout_seconds):
        connection = await pool.get_connection()  # type: ignore[no-untyped-call] # not annotated
        replies: list[Any] = []
        try:
            await connection.send_packed_command(packed)
            for _ in commands:
                try:
                    # inf: the deadline above is the only one.
                    replies.append(await connection.read_response(timeout=math.inf))
                except ResponseError as error:
                    replies.append(error)
        finally:
            if len(replies) < len(commands):
                # Replies nobody reads must not meet the next user of the connection.
                await connection.disconnect(nowait=True)
            await pool.release(connection)
    return replies


def raise_first_error(replies: Sequence[Any]) -> None:
    """Raise the first refusal among the replies of `exchange`, if there is one."""
    for reply in replies:
        if isinstance(reply, ResponseError):
            raise reply


def is_redis_unavailable(error: BaseException) -> bool:
    """Whether the error says that Redis is away, slow, full or starting: try again later.

    A wrong password counts too; that the settings are wrong is found at the start.
    """
    if isinstance(error, ResponseError):
        return isinstance(error, OutOfMemoryError | ReadOnlyError) or str(error).startswith(
            _PASSING_REFUSALS
        )
    return isinstance(error, RedisConnectionError | RedisTimeoutError | OSError)


async def ping(redis: Redis, *, timeout_seconds: float) -> bool:
    """Whether Redis answers in time."""
    try:
        replies = await exchange(redis, [("PING",)], timeout_seconds=timeout_seconds)
    except Exception as error:
        if is_redis_unavailable(error):
            return False
        raise
    return replies == [b"PONG"]


async def eviction_policy(redis: Redis) -> str:
    """Redis' `maxmemory-policy`. Anything but `noeviction` throws jobs away when memory is full."""
    memory: dict[str, Any] = await redis.info("memory")
    return str(memory["maxmemory_policy"])


def chunked(items: Sequence[_Item], size: int) -> list[Sequence[_Item]]:
    """The items in order, in pieces of at most `size`."""
    return [items[start : start + size] for start in range(0, len(items), size)]
