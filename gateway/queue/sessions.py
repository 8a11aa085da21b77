"""The dashboard's sessions in Redis: each under a hash of its token, and which are whose.

Nothing is lost for good when Redis is emptied: people sign in again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from redis.asyncio import Redis

from gateway.queue.client import Command, Keys, exchange, raise_first_error

__all__ = ["SessionStore", "StoredSession", "session_id_of"]

Fields = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class StoredSession:
    """One session's id, which is no secret, and what was stored for it."""

    id: str
    fields: Fields = field(repr=False)


def session_id_of(token: str) -> str:
    """The id under which a token's session is kept; the token cannot be found out from it."""
    return hashlib.sha256(token.encode()).hexdigest()


class SessionStore:
    """Sessions by id and by user. Each call raises what `is_redis_unavailable` knows.

    A user has at most `per_user_max` sessions: a further one ends the oldest. One that is not
    written to for `idle_seconds` is forgotten, and none lives longer than `lifetime_seconds`.
    """

    def __init__(
        self,
        redis: Redis,
        keys: Keys,
        *,
        timeout_seconds: float,
        per_user_max: int,
        idle_seconds: int,
        lifetime_seconds: int,
    ) -> None:
        self._redis = redis
        self._keys = keys
        self._timeout_seconds = timeout_seconds
        self._per_user_max = per_user_max
        self._idle_seconds = idle_seconds
        self._lifetime_seconds = lifetime_seconds

    async def load(self, session_id: str) -> Fields:
        """What is stored; nothing when there is no such session any more."""
        [found] = await self._exchange([("HGETALL", self._keys.session(session_id))])
        return _fields(found)

    async def add(self, session_id: str, user_id: str, fields: Fields, *, opened: int) -> None:
        """Keep a new session; `opened` orders the user's sessions."""
        theirs = self._keys.sessions_of(user_id)
        *_, too_many = await self._exchange(
            [
                *self._writes(session_id, fields),
                ("ZADD", theirs, opened, session_id),
                ("EXPIRE", theirs, self._lifetime_seconds),
                ("ZRANGE", theirs, 0, -self._per_user_max - 1),
            ]
        )
        if too_many:
            await self.delete(user_id, [name.decode() for name in too_many])

    async def change(self, session_id: str, fields: Fields) -> None:
        """Write these fields and no others, and count the idle time from now.

        What was ended in the meantime does not come back: these fields alone are no session.
        """
        await self._exchange(self._writes(session_id, fields))

    async def delete(self, user_id: str, session_ids: Sequence[str]) -> None:
        """End these sessions of the user."""
        if session_ids:
            names = [self._keys.session(each) for each in session_ids]
            theirs = self._keys.sessions_of(user_id)
            await self._exchange([("DEL", *names), ("ZREM", theirs, *session_ids)])

    async def of_user(self, user_id: str) -> Sequence[StoredSession]:
        """The user's sessions, the youngest first; those that have expired are forgotten."""
        theirs = self._keys.sessions_of(user_id)
        [found] = await self._exchange([("ZREVRANGE", theirs, 0, -1)])
        ids = [name.decode() for name in found]
        replies = await self._exchange([("HGETALL", self._keys.session(each)) for each in ids])
        sessions = [
            StoredSession(each, _fields(reply)) for each, reply in zip(ids, replies, strict=True)
        ]
        gone = [session.id for session in sessions if not session.fields]
        await self.delete(user_id, gone)
        return [session for session in sessions if session.fields]

    def _writes(self, session_id: str, fields: Fields) -> list[Command]:
        key = self._keys.session(session_id)
        pairs = [part for pair in fields.items() for part in pair]
        return [("HSET", key, *pairs), ("EXPIRE", key, self._idle_seconds)]

    async def _exchange(self, commands: Sequence[Command]) -> list[Any]:
        if not commands:
            return []
        replies = await exchange(self._redis, commands, timeout_seconds=self._timeout_seconds)
        raise_first_error(replies)
        return replies


def _fields(reply: Sequence[bytes]) -> Fields:
    texts = [part.decode() for part in reply]
    return dict(zip(texts[::2], texts[1::2], strict=True))
