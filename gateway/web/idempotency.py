"""Same key, same answer (P6): the key of a request, and what was answered under it before.

The row of the key decides, which is committed together with the first effect. In one process,
requests with the same key run one after the other, so that the row is there for the second one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import web

from gateway.actors.messages import ClaimRequest
from gateway.domain.errors import IdempotencyInProgress, IdempotencyMismatch, InvalidRequest
from gateway.domain.work import StoredAnswer
from gateway.security.records import answer_record
from gateway.storage.reads_idempotency import KeptAnswer
from gateway.web.bodies import Body
from gateway.web.services import Services

__all__ = ["Key", "KeyGate", "find_kept", "kept_answer", "key_of", "make_key"]

_CHARACTERS_MAX = 255
_HEADER = "Idempotency-Key"
_PURPOSE = "idempotency fingerprint"
# CVVs are never kept, not even hashed with a key: PCI DSS 3.3.1. And the key is no part of what is
# asked: it may come in the header the first time and in the body the next.
_LEFT_OUT = ("cvv", "card_cvv", "idempotency_key")


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """An idempotency key in its scope, with the fingerprint of the request it came with.

    `older_fingerprints` are those of the keys that were active before a rotation.
    """

    scope: str
    key: str
    fingerprint: bytes
    older_fingerprints: tuple[bytes, ...] = ()

    def claim(self, surface: str) -> ClaimRequest:
        """What the order actor is to claim together with its first effect."""
        return ClaimRequest(
            scope=self.scope, key=self.key, fingerprint=self.fingerprint, surface=surface
        )


class KeyGate:
    """Lets requests of this process with the same key pass one at a time.

    Who waits longer than `wait_seconds`, or finds `waiting_max` others waiting, is refused with
    IdempotencyInProgress.
    """

    def __init__(self, *, wait_seconds: float = 10.0, waiting_max: int = 1_000) -> None:
        self._wait_seconds = wait_seconds
        self._waiting_max = waiting_max
        self._locks: dict[tuple[str, str], tuple[asyncio.Lock, list[int]]] = {}
        self._waiting = 0

    @asynccontextmanager
    async def passing(self, key: Key) -> AsyncIterator[None]:
        """Hold the key; others with the same one wait until the block is left."""
        place = (key.scope, key.key)
        lock, users = self._locks.setdefault(place, (asyncio.Lock(), [0]))
        users[0] += 1
        try:
            if users[0] == 1:
                await lock.acquire()  # nobody to wait for, so no time to limit
            else:
                await self._acquire(lock)
            try:
                yield
            finally:
                lock.release()
        finally:
            users[0] -= 1
            if users[0] == 0:
                del self._locks[place]

    async def _acquire(self, lock: asyncio.Lock) -> None:
        if lock.locked() and self._waiting >= self._waiting_max:
            raise _in_progress()
        self._waiting += 1
        try:
            async with asyncio.timeout(self._wait_seconds):
                await lock.acquire()
        except TimeoutError:
            raise _in_progress() from None
        finally:
            self._waiting -= 1


def key_of(
    request: web.Request, services: Services, scope: str, body: Body, own: str | None = None
) -> Key | None:
    """The request's key; None when it has none. `own` is one that its body names.

    Raises InvalidRequest for one that cannot be, and where header and body name two.
    """
    values = request.headers.getall(_HEADER, ())
    if len(values) > 1:
        raise InvalidRequest("Idempotency-Key is given more than once", field=_HEADER)
    text = _unquoted(values[0].strip()) if values else ""
    if own is not None and text not in ("", own):
        raise InvalidRequest(
            "idempotency_key is another one than Idempotency-Key", field="idempotency_key"
        )
    text = text or own or ""
    return make_key(request, services, scope, text, body) if text else None


def make_key(request: web.Request, services: Services, scope: str, text: str, body: Body) -> Key:
    """The key `text` for this request. Raises InvalidRequest for one that cannot be."""
    if len(text) > _CHARACTERS_MAX or not (text.isascii() and text.isprintable()):
        raise InvalidRequest(
            f"Idempotency-Key must have at most {_CHARACTERS_MAX} printable characters",
            field=_HEADER,
        )
    fingerprint, *older = services.vault.keyed_hashes(_PURPOSE, _canonical(request, body.members))
    return Key(scope=scope, key=text, fingerprint=fingerprint, older_fingerprints=tuple(older))


async def find_kept(services: Services, key: Key) -> KeptAnswer | None:
    """What the key stands for. Raises IdempotencyMismatch when it was used for something else."""
    kept = await services.kept_answers.find(key.scope, key.key)
    if kept is not None and kept.fingerprint not in (key.fingerprint, *key.older_fingerprints):
        raise IdempotencyMismatch("The Idempotency-Key was used for another request", field=_HEADER)
    return kept


def kept_answer(services: Services, key: Key, kept: KeptAnswer) -> StoredAnswer | None:
    """The answer to give again, byte for byte; None while the operation is under way."""
    if kept.status is None or kept.body is None:
        return None
    body = kept.body
    if kept.sealed:
        body = services.vault.open(body, record=answer_record(key.scope, key.key))
    return StoredAnswer(status=kept.status, body=body)


def _in_progress() -> IdempotencyInProgress:
    return IdempotencyInProgress("A request with this Idempotency-Key is in progress")


def _unquoted(text: str) -> str:
    """The draft standard's quoted string, or the bare text that most clients send."""
    if len(text) >= 2 and text[0] == text[-1] == '"':
        return text[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    return text


def _canonical(request: web.Request, members: dict[str, Any]) -> bytes:
    shown = {name: item for name, item in members.items() if name not in _LEFT_OUT}
    card = shown.get("card")
    if isinstance(card, dict):
        shown["card"] = {name: item for name, item in card.items() if name not in _LEFT_OUT}
    content = orjson.dumps(shown, option=orjson.OPT_SORT_KEYS)
    return b"\n".join((request.method.encode(), request.path.encode(), content))
