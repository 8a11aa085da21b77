"""The connection: one deadline over everything, refusals in their place, nothing left behind."""

from __future__ import annotations

import asyncio
import time

import pytest
from redis.exceptions import ResponseError

from gateway.domain.jobs import JobKind
from gateway.queue.client import (
    Keys,
    chunked,
    eviction_policy,
    exchange,
    is_redis_unavailable,
    open_redis,
    ping,
    raise_first_error,
)


async def test_replies_come_in_order_with_refusals_in_their_place(redis, keys):
    """A command that Redis refuses does not hide the replies after it."""
    commands = [("SET", keys.due, b"text"), ("ZADD", keys.due, 1, "a"), ("GET", keys.due)]

    stored, refused, value = await exchange(redis, commands, timeout_seconds=5)

    assert b"OK" == stored
    assert isinstance(refused, ResponseError)
    assert b"text" == value
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        raise_first_error([stored, refused, value])


async def test_a_hanging_server_costs_the_timeout_and_no_more(server, opened):
    """Connecting, writing and reading together have one deadline."""
    redis = opened(server.url, timeout_seconds=5)
    server.freeze()
    start = time.monotonic()

    with pytest.raises(TimeoutError) as raised:
        await exchange(redis, [("PING",)] * 10, timeout_seconds=0.1)

    assert time.monotonic() - start < 1
    assert is_redis_unavailable(raised.value)


async def test_replies_nobody_waited_for_meet_nobody_else(server, opened, keys):
    """After a timeout the same client gets its own replies, not those of the command before."""
    redis = opened(server.url, connections_max=1)
    await exchange(redis, [("SET", keys.due, b"mine")], timeout_seconds=5)
    server.freeze()
    with pytest.raises(TimeoutError):
        await exchange(redis, [("ECHO", b"not mine")], timeout_seconds=0.1)
    server.thaw()

    assert [b"mine"] == await exchange(redis, [("GET", keys.due)], timeout_seconds=5)


async def test_a_cancelled_call_gives_its_connection_back(redis, keys):
    """Many cancelled blocking reads leave as many connections as there were."""
    for _ in range(20):
        command = ("BLPOP", keys.due, 5)
        task = asyncio.create_task(exchange(redis, [command], timeout_seconds=10))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    assert [b"PONG"] == await exchange(redis, [("PING",)], timeout_seconds=5)


async def test_who_finds_all_connections_taken_waits_for_one(server, opened):
    """More callers than connections all get their replies."""
    redis = opened(server.url, connections_max=2)
    calls = [exchange(redis, [("ECHO", str(n))], timeout_seconds=5) for n in range(50)]

    assert [[str(n).encode()] for n in range(50)] == await asyncio.gather(*calls)


async def test_a_connection_closed_while_idle_is_replaced(server, opened):
    """A restarted server costs the next caller nothing but the connecting."""
    redis = opened(server.url)
    assert await ping(redis, timeout_seconds=5)
    server.stop()
    assert not await ping(redis, timeout_seconds=5)
    server.start()

    assert await ping(redis, timeout_seconds=5)


async def test_a_server_that_is_gone_counts_as_unavailable(server, opened):
    """Whoever calls can tell an outage from a mistake."""
    redis = opened(server.url)
    server.stop()

    with pytest.raises(Exception) as raised:  # noqa: PT011 - the classifier is the test
        await exchange(redis, [("PING",)], timeout_seconds=5)

    assert is_redis_unavailable(raised.value)


async def test_a_full_server_counts_as_unavailable_and_a_mistake_does_not(own_redis, keys):
    """OOM passes by itself, a wrong type does not."""
    await own_redis.config_set("maxmemory", "1")
    full, *_ = await exchange(own_redis, [("SET", keys.due, b"x")], timeout_seconds=5)
    await own_redis.config_set("maxmemory", "0")
    commands = [("SET", keys.due, b"x"), ("ZCARD", keys.due)]
    _, mistake = await exchange(own_redis, commands, timeout_seconds=5)

    assert is_redis_unavailable(full)
    assert not is_redis_unavailable(mistake)
    assert not is_redis_unavailable(ValueError("another"))


async def test_the_policy_that_throws_keys_away_is_told(own_redis):
    """What `gateway check` asks for."""
    assert "noeviction" == await eviction_policy(own_redis)

    await own_redis.config_set("maxmemory-policy", "allkeys-lru")

    assert "allkeys-lru" == await eviction_policy(own_redis)


def test_every_url_scheme_opens_and_others_are_refused():
    """unix, redis and rediss; nothing is connected by opening."""
    for url in ("unix:///nowhere.sock", "redis://u:p@localhost/1", "rediss://localhost:6380"):
        assert open_redis(url, timeout_seconds=1, connections_max=1) is not None
    with pytest.raises(ValueError, match="scheme"):
        open_redis("http://localhost", timeout_seconds=1, connections_max=1)


def test_all_keys_begin_with_the_prefix_and_differ():
    """Two gateways share a server when their prefixes differ."""
    keys = Keys("shop")
    names = [keys.jobs(kind) for kind in JobKind]
    names += [keys.due, keys.marker, keys.changes, keys.revocations, keys.sealed("pay_1")]

    assert all(name.startswith("shop:") for name in names)
    assert len(names) == len(set(names))
    assert "shop:jobs:payments" == keys.jobs(JobKind.PAYMENTS)
    assert "shop:sealed:pay_1" == keys.sealed("pay_1")


def test_pieces_are_in_order_and_none_is_lost():
    """Commands with thousands of arguments go out in pieces."""
    assert [[1, 2], [3, 4], [5]] == chunked([1, 2, 3, 4, 5], 2)
    assert [] == chunked([], 2)
