"""The dashboard's sessions in Redis: kept, listed, ended, and never brought back by accident."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from gateway.queue.client import Keys, is_redis_unavailable, open_redis
from gateway.queue.sessions import SessionStore, StoredSession, session_id_of
from tests.queue.conftest import RedisServer

USER = "7f6f1d5e-5c5c-4bb9-9a53-0d1b1c9c8f1e"


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = open_redis(redis_url, timeout_seconds=2, connections_max=2)
    yield client
    await client.aclose()


@pytest.fixture
def sessions(redis: Redis, redis_prefix: str) -> SessionStore:
    return store(redis, redis_prefix)


def store(redis: Redis, prefix: str) -> SessionStore:
    return SessionStore(
        redis,
        Keys(prefix),
        timeout_seconds=2,
        per_user_max=3,
        idle_seconds=100,
        lifetime_seconds=1000,
    )


async def test_what_was_stored_is_found(sessions: SessionStore) -> None:
    """Field by field; changes touch the fields they name."""
    await sessions.add("a", USER, {"mode": "test", "seen": "1"}, opened=1)
    await sessions.change("a", {"seen": "2"})

    assert {"mode": "test", "seen": "2"} == await sessions.load("a")
    assert {} == await sessions.load("b")


async def test_a_user_has_a_few(sessions: SessionStore) -> None:
    """The youngest first; one too many ends the oldest; others' are left alone."""
    await sessions.add("other", "somebody else", {"mode": "live"}, opened=0)
    for number in range(4):
        await sessions.add(f"s{number}", USER, {"n": str(number)}, opened=number)

    assert [StoredSession(f"s{number}", {"n": str(number)}) for number in (3, 2, 1)] == list(
        await sessions.of_user(USER)
    )
    assert {} == await sessions.load("s0")
    assert {"mode": "live"} == await sessions.load("other")


async def test_what_was_ended_is_no_session(sessions: SessionStore) -> None:
    """A request that was under way writes its fields, and they alone are no session."""
    await sessions.add("a", USER, {"mode": "test", "seen": "1"}, opened=1)
    await sessions.delete(USER, ["a"])
    await sessions.change("a", {"seen": "2"})

    assert {"seen": "2"} == await sessions.load("a")
    assert [] == list(await sessions.of_user(USER))


async def test_everything_is_forgotten_in_time(
    sessions: SessionStore, redis: Redis, redis_prefix: str
) -> None:
    """Sessions after the idle time from the last use, the list of them after a lifetime."""
    await sessions.add("a", USER, {"seen": "1"}, opened=1)
    await redis.expire(f"{redis_prefix}:session:a", 10)
    await sessions.change("a", {"seen": "2"})

    assert 90 < await redis.ttl(f"{redis_prefix}:session:a") <= 100
    assert 900 < await redis.ttl(f"{redis_prefix}:sessions:{USER}") <= 1000

    await redis.delete(f"{redis_prefix}:session:a")

    assert [] == list(await sessions.of_user(USER))
    assert 0 == await redis.exists(f"{redis_prefix}:sessions:{USER}")


def test_ids_tell_no_tokens() -> None:
    """A session's id is a digest of its token, always the same one."""
    assert session_id_of("token") == session_id_of("token")
    assert "token" not in session_id_of("token")
    assert 64 == len(session_id_of("token"))


async def test_a_redis_that_is_away_is_told(server: RedisServer) -> None:
    """Whoever asks learns that nobody knows."""
    client = open_redis(server.url, timeout_seconds=1, connections_max=1)
    server.stop()
    with pytest.raises(Exception, match=r".*") as caught:
        await store(client, "t").load("a")
    await client.aclose()

    assert is_redis_unavailable(caught.value)
