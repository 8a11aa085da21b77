"""News between processes: what was changed, which keys were revoked.

News may be lost while Redis is away. Who waits for a change also looks into Postgres now and then;
who keeps revocations in memory forgets them all at every gap (`on_gap`).
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import Any, Self
from uuid import UUID

import structlog
from redis.asyncio import Redis
from redis.asyncio.client import PubSub

from gateway.domain.errors import Unavailable
from gateway.queue.client import (
    Command,
    Keys,
    chunked,
    exchange,
    is_redis_unavailable,
    raise_first_error,
)

__all__ = [
    "ChangeHub",
    "Changes",
    "Subscription",
    "TooManySubscriptions",
    "change_commands",
    "merchant_changes",
]

_IDS_PER_MESSAGE = 1000
_log = structlog.get_logger(__name__)


def merchant_changes(merchant_id: UUID) -> str:
    """What to subscribe to for changes of anything that is this merchant's, in both modes."""
    return f"merchant:{merchant_id}"


class TooManySubscriptions(Unavailable):
    """As many as may wait for changes are waiting."""


def change_commands(keys: Keys, sender: str, ids: Sequence[str]) -> list[Command]:
    """The commands that tell all processes, this one included, that these were changed."""
    return _messages(keys.changes, sender, ids)


def _messages(channel: str, sender: str, ids: Sequence[str]) -> list[Command]:
    return [
        ("PUBLISH", channel, " ".join([sender, *part])) for part in chunked(ids, _IDS_PER_MESSAGE)
    ]


class Changes:
    """Tells other processes. `sender` is the name of this one, without spaces.

    Calls raise what `is_redis_unavailable` knows.
    """

    def __init__(
        self, redis: Redis, keys: Keys, sender: str, *, timeout_seconds: float = 2.0
    ) -> None:
        self._redis = redis
        self._keys = keys
        self._sender = sender
        self._timeout_seconds = timeout_seconds

    async def publish(self, ids: Iterable[str]) -> None:
        """Tell that these were changed, in as few messages as they fit into."""
        await self._send(_messages(self._keys.changes, self._sender, list(ids)))

    async def revoke(self, key_ids: Iterable[str]) -> None:
        """Tell that these keys no longer hold."""
        await self._send(_messages(self._keys.revocations, self._sender, list(key_ids)))

    async def _send(self, commands: list[Command]) -> None:
        if commands:
            raise_first_error(
                await exchange(self._redis, commands, timeout_seconds=self._timeout_seconds)
            )


class Subscription:
    """Waits for changes of some ids, from `with` on: `with hub.subscribe(id) as changes`."""

    __slots__ = ("_event", "_hub", "_ids")

    def __init__(self, hub: ChangeHub, ids: tuple[str, ...]) -> None:
        self._hub = hub
        self._ids = ids
        self._event = asyncio.Event()

    def __enter__(self) -> Self:
        self._hub._add(self, self._ids)  # noqa: SLF001 - the hub's other half
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._hub._remove(self, self._ids)  # noqa: SLF001 - the hub's other half

    def wake(self) -> None:
        """Let the one who waits, or waits next, go on."""
        self._event.set()

    async def wait(self, timeout_seconds: float) -> bool:
        """Whether something was changed since the last call, or is within `timeout_seconds`.

        A change may have been told before, and others may never be told: look what is stored.
        """
        if self._hub.closed:
            return False
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._event.wait()
        except TimeoutError:
            return False
        self._event.clear()
        return not self._hub.closed


class _Standing:
    """Somebody who always wants to know."""

    __slots__ = ("wake",)

    def __init__(self, wake: Callable[[], None]) -> None:
        self.wake = wake


class ChangeHub:
    """Wakes those in this process who wait for a change, whichever process made it.

    With `own_name` (the sender's name of this process), messages of this process are passed over:
    then whoever commits a change calls `notify` too, which is quicker than the way through Redis.
    """

    def __init__(
        self,
        keys: Keys,
        *,
        own_name: str = "",
        subscriptions_max: int = 10_000,
        idle_seconds: float = 5.0,
        backoff_seconds: float = 0.1,
        backoff_seconds_max: float = 5.0,
    ) -> None:
        self._keys = keys
        self._own_name = own_name.encode()
        self._subscriptions_max = subscriptions_max
        self._idle_seconds = idle_seconds
        self._backoff_seconds = backoff_seconds
        self._backoff_seconds_max = backoff_seconds_max
        self._waiting: dict[str, set[Subscription | _Standing]] = {}
        self._subscriptions = 0
        self._on_revocation: list[Callable[[tuple[str, ...]], None]] = []
        self._on_gap: list[Callable[[], None]] = []
        self.connected = asyncio.Event()
        self.closed = False

    def subscribe(self, *ids: str) -> Subscription:
        """A context manager that waits for changes of these. Entering raises TooManySubscriptions
        when as many as may wait are waiting.
        """
        return Subscription(self, ids)

    def notify(self, ids: Iterable[str]) -> None:
        """Wake those in this process who wait for a change of these."""
        for id_ in ids:
            for subscription in self._waiting.get(id_, ()):
                subscription.wake()

    def on_revocation(self, callback: Callable[[tuple[str, ...]], None]) -> None:
        """Call `callback` with the ids of keys that were revoked, by this process or another."""
        self._on_revocation.append(callback)

    def on_change(self, id_: str, callback: Callable[[], None]) -> None:
        """Call `callback` whenever this was changed, by this process or another; until the end."""
        self._waiting.setdefault(id_, set()).add(_Standing(callback))

    def on_gap(self, callback: Callable[[], None]) -> None:
        """Call `callback` whenever revocations may have been missed."""
        self._on_gap.append(callback)

    def close(self) -> None:
        """Let everybody who waits go on, and nobody wait any more: the process is stopping."""
        self.closed = True
        for subscriptions in self._waiting.values():
            for subscription in subscriptions:
                subscription.wake()

    @property
    def subscriptions(self) -> int:
        """How many are waiting."""
        return self._subscriptions

    async def run(self, redis: Redis) -> None:
        """Listen until cancelled, and connect again for as long as Redis is away."""
        backoff_seconds = self._backoff_seconds
        while True:
            try:
                await self._listen(redis)
            except Exception as error:
                if not is_redis_unavailable(error):
                    raise
                _log.warning("news_lost", error=type(error).__name__)
            if self.connected.is_set():
                self.connected.clear()
                backoff_seconds = self._backoff_seconds
                self._tell_gap()
            # Not all processes at the same moment.
            await asyncio.sleep(backoff_seconds * random.uniform(0.5, 1))  # noqa: S311 - no secret
            backoff_seconds = min(backoff_seconds * 2, self._backoff_seconds_max)

    async def _listen(self, redis: Redis) -> None:
        async with redis.pubsub(ignore_subscribe_messages=True) as listener:
            await listener.subscribe(self._keys.changes, self._keys.revocations)
            # The answer to a PING comes after those to SUBSCRIBE.
            await self._probe(listener)
            self.connected.set()
            self._tell_gap()
            while True:
                message = await listener.get_message(timeout=self._idle_seconds)
                if message is None:
                    await self._probe(listener)
                else:
                    self._receive(message)

    async def _probe(self, listener: PubSub) -> None:
        """Return when Redis has answered a PING. A connection may be dead and not say so."""
        async with asyncio.timeout(self._idle_seconds):
            await listener.ping()
            while True:
                message = await listener.get_message(timeout=self._idle_seconds)
                if message is None:
                    continue
                if message["type"] == "pong":
                    return
                self._receive(message)

    def _receive(self, message: dict[str, Any]) -> None:
        if message["type"] != "message":
            return
        sender, *ids = message["data"].split(b" ")
        changed = tuple(id_.decode() for id_ in ids)
        if message["channel"] == self._keys.revocations.encode():
            for callback in self._on_revocation:
                callback(changed)
        elif sender != self._own_name or not sender:
            self.notify(changed)

    def _tell_gap(self) -> None:
        for callback in self._on_gap:
            callback()

    def _add(self, subscription: Subscription, ids: tuple[str, ...]) -> None:
        if self._subscriptions >= self._subscriptions_max:
            raise TooManySubscriptions("Too many requests are waiting for a change")
        self._subscriptions += 1
        for id_ in ids:
            self._waiting.setdefault(id_, set()).add(subscription)

    def _remove(self, subscription: Subscription, ids: tuple[str, ...]) -> None:
        self._subscriptions -= 1
        for id_ in ids:
            waiting = self._waiting[id_]
            waiting.discard(subscription)
            if not waiting:
                del self._waiting[id_]
