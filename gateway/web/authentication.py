"""Who asks: an API key and its secret, from two headers or from HTTP Basic.

Whatever is wrong, the answer is the same. Rows of keys are kept in memory for a moment, and
forgotten at once when a key is revoked.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from secrets import token_bytes
from uuid import UUID

import structlog
from multidict import CIMultiDictProxy

from gateway.domain.clock import Clock
from gateway.security.credentials import mode_of_key, secret_matches, secret_proof
from gateway.security.vault import Vault
from gateway.storage.reads_accounts import KeyRecord
from gateway.web.calls import Caller
from gateway.web.errors import NotAuthenticated, NotPermitted

__all__ = ["Authenticator", "KeyCache", "require_permission"]

logger = structlog.get_logger(__name__)

_KEY_CHARACTERS_MAX = 64
_SECRET_CHARACTERS_MAX = 256
_USE_NOTED_EVERY = timedelta(minutes=1)
_PROOF_KEY_BYTES = 32

LoadKey = Callable[[str], Awaitable[KeyRecord | None]]
NoteUse = Callable[[str, datetime], Awaitable[None]]


@dataclass(slots=True)
class _Kept:
    record: KeyRecord | None
    until: float
    proof: bytes | None = field(default=None, repr=False)


class KeyCache:
    """Rows of keys, and that there is no such key, for `seconds` each.

    At most `entries_max` of either kind: whoever tries many keys drives out no good one. Requests
    that miss the same key at the same time share one query.
    """

    def __init__(self, load: LoadKey, *, seconds: float = 2.0, entries_max: int = 10_000) -> None:
        self._load = load
        self._seconds = seconds
        self._entries_max = entries_max
        self._known: dict[str, _Kept] = {}
        self._unknown: dict[str, _Kept] = {}
        self._loading: dict[str, asyncio.Future[KeyRecord | None]] = {}

    def proven(self, key_id: str, proof: bytes) -> KeyRecord | None:
        """The key's row if it is known, and known to go with this proof; None says nothing."""
        kept = self._known.get(key_id)
        if kept is None or kept.proof is None or kept.until <= time.monotonic():
            return None
        return kept.record if hmac.compare_digest(kept.proof, proof) else None

    def prove(self, record: KeyRecord, proof: bytes) -> None:
        """The secret that this is the proof of is the key's, for as long as its row is kept."""
        kept = self._known.get(record.id)
        if kept is not None and kept.record is record:
            kept.proof = proof

    async def get(self, key_id: str) -> KeyRecord | None:
        """The key's row; raises what the query raises."""
        kept = self._known.get(key_id) or self._unknown.get(key_id)
        if kept is not None and kept.until > time.monotonic():
            return kept.record
        loading = self._loading.get(key_id)
        if loading is None:
            loading = asyncio.ensure_future(self._fetch(key_id))
            self._loading[key_id] = loading
            loading.add_done_callback(lambda done: self._loaded(key_id, done))
        # A caller who leaves does not cancel the query of the others.
        return await asyncio.shield(loading)

    def forget(self, key_ids: Iterable[str]) -> None:
        """Read these anew."""
        for key_id in key_ids:
            self._known.pop(key_id, None)
            self._unknown.pop(key_id, None)
            # A query under way may have read the row as it was.
            self._loading.pop(key_id, None)

    def forget_all(self) -> None:
        """Read every key anew: news may have been missed."""
        self._known.clear()
        self._unknown.clear()
        self._loading.clear()

    def keys_of(self, merchant_id: UUID) -> list[str]:
        """The kept keys of a merchant."""
        return [
            key_id
            for key_id, kept in self._known.items()
            if kept.record is not None and kept.record.merchant_id == merchant_id
        ]

    async def _fetch(self, key_id: str) -> KeyRecord | None:
        return await self._load(key_id)

    def _loaded(self, key_id: str, loading: asyncio.Future[KeyRecord | None]) -> None:
        if self._loading.get(key_id) is not loading:
            if not loading.cancelled():
                loading.exception()
            return
        del self._loading[key_id]
        if loading.cancelled() or loading.exception() is not None:
            return
        record = loading.result()
        place = self._unknown if record is None else self._known
        until = time.monotonic() + self._seconds
        (self._known if record is None else self._unknown).pop(key_id, None)
        place.pop(key_id, None)
        while len(place) >= self._entries_max:
            del place[next(iter(place))]
        place[key_id] = _Kept(record, until)


class Authenticator:
    """Finds out whose request it is."""

    def __init__(
        self,
        keys: KeyCache,
        vault: Vault,
        clock: Clock,
        note_use: NoteUse,
        *,
        notes_pending_max: int = 100,
    ) -> None:
        self._keys = keys
        self._vault = vault
        self._clock = clock
        self._note_use = note_use
        self._notes_pending_max = notes_pending_max
        self._notes: set[asyncio.Task[None]] = set()
        self._noted: dict[str, datetime] = {}
        self._proof_key = token_bytes(_PROOF_KEY_BYTES)

    async def authenticate(self, headers: CIMultiDictProxy[str]) -> Caller:
        """The caller. Raises NotAuthenticated, and what reading the key raises."""
        credentials = _credentials(headers)
        if credentials is None:
            raise NotAuthenticated
        key_id, secret = credentials
        proof = secret_proof(secret, self._proof_key)
        record = self._keys.proven(key_id, proof)
        if record is None:
            record = await self._keys.get(key_id) if mode_of_key(key_id) else None
            matches = secret_matches(self._vault, secret, record.secret_hash if record else None)
            if record is None or not matches:
                raise NotAuthenticated
            self._keys.prove(record, proof)
        now = self._clock.now()
        if record.expires_at is not None and record.expires_at <= now:
            raise NotAuthenticated
        self._note(record, now)
        return Caller(record)

    async def close(self) -> None:
        """Let the notes of uses that are under way end."""
        if self._notes:
            await asyncio.wait(self._notes, timeout=1)

    def _note(self, record: KeyRecord, now: datetime) -> None:
        """At most once a minute and off the request's path."""
        last = self._noted.get(record.id) or record.last_used_at
        if last is not None and now - last < _USE_NOTED_EVERY:
            return
        if len(self._notes) >= self._notes_pending_max:
            return
        if len(self._noted) >= 10 * self._notes_pending_max:
            self._noted.clear()
        self._noted[record.id] = now
        task = asyncio.create_task(self._write_note(record.id, now), name="note key use")
        self._notes.add(task)
        task.add_done_callback(self._notes.discard)

    async def _write_note(self, key_id: str, now: datetime) -> None:
        try:
            await self._note_use(key_id, now)
        except Exception as error:  # noqa: BLE001 - nobody waits for it, and the next one tries again
            logger.warning("key_use_not_noted", key=key_id, error=type(error).__name__)


def require_permission(caller: Caller, permission: str) -> None:
    """Raise NotPermitted unless the key's role allows it."""
    key = caller.key
    if key.role == "full":
        return
    if key.role == "read_only" and permission.endswith(":read"):
        return
    if key.role == "restricted" and permission in key.permissions:
        return
    raise NotPermitted


def _credentials(headers: CIMultiDictProxy[str]) -> tuple[str, str] | None:
    """Key and secret; None where they are missing, doubled or cannot be."""
    key_ids = headers.getall("X-Api-Key", ())
    secrets = headers.getall("X-Api-Secret", ())
    if not key_ids and not secrets:
        return _basic(headers.getall("Authorization", ()))
    if len(key_ids) != 1 or len(secrets) != 1:
        return None
    return _bounded(key_ids[0], secrets[0])


def _basic(values: tuple[str, ...] | list[str]) -> tuple[str, str] | None:
    if len(values) != 1:
        return None
    scheme, _, encoded = values[0].partition(" ")
    if scheme.lower() != "basic" or len(encoded) > 2 * _SECRET_CHARACTERS_MAX:
        return None
    try:
        key_id, colon, secret = (
            base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
        )
    except (binascii.Error, ValueError):
        return None
    return _bounded(key_id, secret) if colon else None


def _bounded(key_id: str, secret: str) -> tuple[str, str] | None:
    fits = 0 < len(key_id) <= _KEY_CHARACTERS_MAX and 0 < len(secret) <= _SECRET_CHARACTERS_MAX
    return (key_id, secret) if fits and key_id.isascii() and key_id.isprintable() else None
