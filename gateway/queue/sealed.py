"""Sealed card data: in Redis for a quarter of an hour at most, in memory while Redis is away.

Only ciphertext is kept anywhere. The payment's id is the associated data, so a ciphertext that is
moved to another payment does not open.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from gateway.domain.errors import Unavailable
from gateway.queue.client import (
    Command,
    Keys,
    chunked,
    exchange,
    is_redis_unavailable,
    ping,
    raise_first_error,
)
from gateway.queue.sealed_memory import SealedMemory
from gateway.security.vault import SealBroken

__all__ = [
    "SealedCards",
    "SealedStoreAway",
    "SealedStoreFull",
    "Sealer",
    "delete_commands",
]

_IDS_PER_COMMAND = 500
_log = structlog.get_logger(__name__)


class SealedStoreFull(Unavailable):
    """Redis is away and memory holds as much as it may. `refused` are the payments left out."""

    def __init__(self, refused: tuple[str, ...]) -> None:
        super().__init__("Card data cannot be kept at the moment")
        self.refused = refused


class SealedStoreAway(Unavailable):
    """Redis is away, so whether the card data exists cannot be said. It is not lost by that."""

    def __init__(self) -> None:
        super().__init__("Card data cannot be read at the moment")


class Sealer(Protocol):
    """What is needed of the vault."""

    def seal(self, plaintext: bytes, *, record: str) -> bytes:
        """Encrypt, bound to `record`."""
        ...

    def open(self, sealed: bytes, *, record: str) -> bytes:
        """Decrypt what was sealed for `record`, or raise SealBroken."""
        ...


def delete_commands(keys: Keys, payment_ids: Sequence[str]) -> list[Command]:
    """The commands that delete the sealed card data of the payments."""
    return [
        ("DEL", *[keys.sealed(payment_id) for payment_id in part])
        for part in chunked(payment_ids, _IDS_PER_COMMAND)
    ]


class SealedCards:
    """Keeps sealed card data by payment.

    The first call that finds Redis away waits `timeout_seconds` for it. From then on nobody waits:
    what is put goes to memory, until a probe in the background finds that Redis is back and has
    written all of it.
    """

    def __init__(
        self,
        redis: Redis,
        keys: Keys,
        vault: Sealer,
        *,
        expire_seconds: int = 900,
        timeout_seconds: float = 0.25,
        probe_seconds: float = 1.0,
        entries_max: int = 10_000,
        data_bytes_max: int = 4096,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._redis = redis
        self._keys = keys
        self._vault = vault
        self._expire_seconds = expire_seconds
        self._timeout_seconds = timeout_seconds
        self._probe_seconds = probe_seconds
        self._data_bytes_max = data_bytes_max
        self._memory = SealedMemory(
            entries_max=entries_max, expire_seconds=expire_seconds, monotonic=monotonic
        )
        # Payments whose ciphertext may be in Redis and is to go. What finds no room here expires.
        self._deletions = SealedMemory(
            entries_max=entries_max, expire_seconds=expire_seconds, monotonic=monotonic
        )
        self._probe: asyncio.Task[None] | None = None
        self.up = asyncio.Event()
        self.up.set()

    @property
    def waiting(self) -> int:
        """How many ciphertexts wait in memory for Redis."""
        return len(self._memory)

    async def put(self, payment_id: str, data: bytes) -> None:
        """Seal and keep the card data of one payment. Raises as `put_many`."""
        await self.put_many({payment_id: data})

    async def put_many(self, cards: Mapping[str, bytes]) -> None:
        """Seal and keep card data, by payment.

        Raises ValueError for data that is too long, before anything is kept, and SealedStoreFull
        with the payments that found no room; the others are kept.
        """
        if any(len(data) > self._data_bytes_max for data in cards.values()):
            raise ValueError("card data is too long")
        sealed = {id_: self._vault.seal(data, record=id_) for id_, data in cards.items()}
        for payment_id in sealed:
            self._deletions.remove(payment_id)
        commands: list[Command] = [
            ("SET", self._keys.sealed(id_), data, "EX", self._expire_seconds)
            for id_, data in sealed.items()
        ]
        if await self._try(commands) is not None:
            for payment_id in sealed:
                self._memory.remove(payment_id)
            return
        refused = tuple(id_ for id_, data in sealed.items() if not self._memory.put(id_, data))
        if refused:
            raise SealedStoreFull(refused)

    async def get(self, payment_id: str) -> bytes | None:
        """The card data of one payment; None when there is none, or none that opens.

        Raises SealedStoreAway when that cannot be said.
        """
        return (await self.get_many([payment_id])).get(payment_id)

    async def get_many(self, payment_ids: Iterable[str]) -> dict[str, bytes]:
        """The card data of those payments that have any. Raises SealedStoreAway."""
        found: dict[str, bytes] = {}
        elsewhere: list[str] = []
        for payment_id in payment_ids:
            waiting = self._memory.get(payment_id)
            if waiting is not None:
                found[payment_id] = waiting.sealed
            elif self._deletions.get(payment_id) is None:
                elsewhere.append(payment_id)
        found |= await self._read(elsewhere)
        opened = {id_: self._open(id_, sealed) for id_, sealed in found.items()}
        return {id_: data for id_, data in opened.items() if data is not None}

    async def delete_many(self, payment_ids: Iterable[str]) -> None:
        """Delete the card data of the payments: at once, or when Redis is back."""
        ids = list(payment_ids)
        self.forget(ids)
        if await self._try(delete_commands(self._keys, ids)) is None:
            for payment_id in ids:
                self._deletions.put(payment_id, b"")

    def forget(self, payment_ids: Iterable[str]) -> None:
        """Delete from memory only: for those that `JobQueue.send` deletes from Redis."""
        for payment_id in payment_ids:
            self._memory.remove(payment_id)

    async def flush_memory(self) -> bool:
        """Write what waits in memory, make up for deletions. False when Redis is still away."""
        try:
            while self._deletions or self._memory:
                await self._flush_deletions()
                await self._flush_part()
        except Exception as error:
            if is_redis_unavailable(error):
                return False
            raise
        return True

    async def aclose(self) -> None:
        """Stop probing. What waits in memory is lost with the process."""
        if self._probe is not None:
            self._probe.cancel()
            await asyncio.gather(self._probe, return_exceptions=True)
            self._probe = None

    async def _read(self, payment_ids: Sequence[str]) -> dict[str, bytes]:
        parts = chunked(payment_ids, _IDS_PER_COMMAND)
        replies = await self._try(
            [("MGET", *[self._keys.sealed(id_) for id_ in part]) for part in parts]
        )
        if replies is None:
            raise SealedStoreAway
        values = [value for reply in replies for value in reply]
        return {id_: value for id_, value in zip(payment_ids, values, strict=True) if value}

    def _open(self, payment_id: str, sealed: bytes) -> bytes | None:
        try:
            return self._vault.open(sealed, record=payment_id)
        except SealBroken:
            # Somebody has changed it. For its payment it is as good as lost.
            _log.error("sealed_card_does_not_open", payment_id=payment_id)
            return None

    async def _try(self, commands: list[Command]) -> list[Any] | None:
        """The replies, or None when Redis is away."""
        if not commands:
            return []
        if not self.up.is_set():
            return None
        try:
            return await self._exchange(commands)
        except Exception as error:
            if not is_redis_unavailable(error):
                raise
            self._went_away(error)
            return None

    async def _exchange(self, commands: list[Command]) -> list[Any]:
        replies = await exchange(self._redis, commands, timeout_seconds=self._timeout_seconds)
        raise_first_error(replies)
        return replies

    def _went_away(self, error: Exception) -> None:
        if self.up.is_set():
            self.up.clear()
            _log.warning("sealed_cards_wait_in_memory", error=type(error).__name__)
            self._probe = asyncio.create_task(self._wait_for_redis(), name="sealed cards probe")

    async def _wait_for_redis(self) -> None:
        # Short at first: it may have been our own loop that was slow.
        probe_seconds = self._probe_seconds / 16
        while not self.up.is_set():
            await asyncio.sleep(probe_seconds)
            probe_seconds = min(probe_seconds * 2, self._probe_seconds)
            self._memory.expire()
            self._deletions.expire()
            if await self._is_back():
                self.up.set()
        _log.info("sealed_cards_in_redis_again")

    async def _is_back(self) -> bool:
        try:
            answers = await ping(self._redis, timeout_seconds=self._timeout_seconds)
            return answers and await self.flush_memory()
        except RedisError as error:
            # Redis refuses what it should not. Probing goes on, or nothing would ever be written.
            _log.error("sealed_cards_refused", error=type(error).__name__)
            return False

    async def _flush_deletions(self) -> None:
        ids = list(self._deletions.first(_IDS_PER_COMMAND))
        if not ids:
            return
        await self._exchange(delete_commands(self._keys, ids))
        for payment_id in ids:
            self._deletions.remove(payment_id)

    async def _flush_part(self) -> None:
        entries = self._memory.first(_IDS_PER_COMMAND)
        if not entries:
            return
        left = self._memory.milliseconds_left
        await self._exchange(
            [("SET", self._keys.sealed(id_), e.sealed, "PX", left(e)) for id_, e in entries.items()]
        )
        for payment_id, entry in entries.items():
            now = self._memory.get(payment_id)
            if now is entry:
                self._memory.remove(payment_id)
            elif now is None:
                # Deleted while it was being written: whichever came first in Redis, it goes.
                self._deletions.put(payment_id, b"")
