"""The pool: limits, settings of its connections, and what errors mean."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import asyncpg
import pytest

from gateway.embedded import DataDirectory, EmbeddedPostgres
from gateway.storage.pool import (
    Pool,
    is_connection_lost,
    is_transient,
    is_unavailable,
    open_pool,
)
from tests.support import FAST_POSTGRES


@pytest.fixture
async def small_pool(database_url: str) -> AsyncIterator[Pool]:
    """One connection, and little patience."""
    pool = await open_pool(
        database_url,
        size_min=1,
        size_max=1,
        command_timeout_seconds=0.2,
        acquire_timeout_seconds=0.2,
        application_name="small",
    )
    yield pool
    pool.terminate()


async def error_of(function: Callable[..., Awaitable[object]], *arguments: object) -> Exception:
    """What the call raises, now or when it is awaited."""
    try:
        value = await function(*arguments)
    except Exception as error:  # noqa: BLE001 - whatever it is, the test looks at it
        return error
    raise AssertionError(f"no error, but {value!r}")


async def test_settings_of_connections(small_pool: Pool) -> None:
    """Connections are in UTC and tell the server whose they are."""
    assert "UTC" == await small_pool.fetchval("SHOW timezone")
    assert "small" == await small_pool.fetchval("SHOW application_name")
    assert 1 == small_pool.get_max_size()


async def test_acquire_waits_a_limited_time(small_pool: Pool) -> None:
    """With all connections taken, `acquire` and `fetchval` give up instead of waiting for ever."""
    async with small_pool.acquire():
        for error in (
            await error_of(small_pool.fetchval, "SELECT 1"),
            await error_of(small_pool.acquire),
        ):
            assert isinstance(error, TimeoutError)
            assert is_unavailable(error)
            assert not is_connection_lost(error)
    assert 1 == await small_pool.fetchval("SELECT 1")


async def test_statements_take_a_limited_time(small_pool: Pool) -> None:
    """A statement past its time is cancelled; the pool goes on."""
    error = await error_of(small_pool.fetchval, "SELECT pg_sleep(60)")

    assert isinstance(error, TimeoutError)
    assert is_unavailable(error)
    assert 1 == await small_pool.fetchval("SELECT 1")


async def test_a_session_that_was_ended(small_pool: Pool, pool: Pool) -> None:
    """A connection that the server has ended is lost, at once and at the next use."""
    async with small_pool.acquire() as connection:
        await pool.execute("SELECT pg_terminate_backend($1)", connection.get_server_pid())
        errors = [await error_of(connection.fetchval, "SELECT 1") for _ in range(2)]

    assert [] == [e for e in errors if not (is_connection_lost(e) and is_unavailable(e))]
    assert not any(is_transient(error) for error in errors)
    assert 1 == await small_pool.fetchval("SELECT 1")


async def test_a_deadlock_is_transient(pool: Pool) -> None:
    """One of two transactions that wait for each other may simply be tried again."""
    await pool.execute("CREATE TABLE locked (id int); INSERT INTO locked VALUES (1), (2)")
    both_hold_one = asyncio.Barrier(2)

    async def lock(first: int, second: int) -> None:
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute("SET LOCAL deadlock_timeout = '10ms'")
            await connection.execute("SELECT FROM locked WHERE id = $1 FOR UPDATE", first)
            await both_hold_one.wait()
            await connection.execute("SELECT FROM locked WHERE id = $1 FOR UPDATE", second)

    outcomes = await asyncio.gather(lock(1, 2), lock(2, 1), return_exceptions=True)
    (error,) = [outcome for outcome in outcomes if outcome is not None]

    assert is_transient(error)
    assert not is_unavailable(error)


async def test_a_serialization_failure_is_transient(pool: Pool) -> None:
    """A snapshot that has become stale may simply be tried again."""
    await pool.execute("CREATE TABLE counted (n int); INSERT INTO counted VALUES (0)")
    async with pool.acquire() as connection:
        transaction = connection.transaction(isolation="serializable")
        await transaction.start()
        await connection.fetchval("SELECT n FROM counted")
        await pool.execute("UPDATE counted SET n = n + 1")
        error = await error_of(connection.execute, "UPDATE counted SET n = n + 1")
        await transaction.rollback()

    assert is_transient(error)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT 1 / 0",
        "SELECT nothing",
        "SELECT $1::int",
        "CREATE TABLE one (n int CHECK (n > 0)); INSERT INTO one VALUES (0)",
    ],
)
async def test_faults_of_the_statement(pool: Pool, statement: str) -> None:
    """What would fail again is none of the three."""
    error = await error_of(pool.execute, statement)

    assert isinstance(error, asyncpg.PostgresError | asyncpg.InterfaceError)
    assert not is_connection_lost(error)
    assert not is_transient(error)
    assert not is_unavailable(error)


async def test_a_read_only_server_is_unavailable(pool: Pool) -> None:
    """A primary that has become a replica answers, but cannot serve."""
    async with pool.acquire() as connection:
        await connection.execute("SET default_transaction_read_only = on")
        error = await error_of(connection.execute, "CREATE TABLE one ()")

    assert is_unavailable(error)


async def test_a_closed_pool_is_unavailable(database_url: str) -> None:
    """Who asks while the gateway is ending gets no other answer than while Postgres is away."""
    pool = await open_pool(database_url, size_min=1)
    await pool.close()

    assert is_unavailable(await error_of(pool.fetchval, "SELECT 1"))


async def test_a_full_server_is_unavailable(small_server: EmbeddedPostgres) -> None:
    """No connection left is a reason to try later."""
    url = await small_server.start()
    pool = await open_pool(url, size_min=1, size_max=20)
    async with AsyncExitStack() as taken:
        error = None
        while error is None and pool.get_size() < 20:
            try:
                await taken.enter_async_context(pool.acquire())
            except asyncpg.TooManyConnectionsError as refused:
                error = refused
    await pool.close()

    assert is_unavailable(error)


async def test_a_server_that_goes_away_and_comes_back(small_server: EmbeddedPostgres) -> None:
    """Every error of the time without a server says so, and the pool works again after it."""
    url = await small_server.start()
    pool = await open_pool(url, size_min=1, size_max=2)
    async with pool.acquire() as connection:
        os.kill(small_server.pid, signal.SIGKILL)
        during = await error_of(connection.fetchval, "SELECT pg_sleep(60)")
    away = await error_of(pool.fetchval, "SELECT 1")

    assert is_connection_lost(during)
    assert is_unavailable(during)
    assert is_unavailable(away)
    assert is_unavailable(await error_of(open_pool, url))
    await small_server.start()
    assert 1 == await pool.fetchval("SELECT 1")
    await pool.close()


@pytest.fixture
async def small_server(tmp_path: Path) -> AsyncIterator[EmbeddedPostgres]:
    """A server for eight connections that the test may kill."""
    settings = FAST_POSTGRES | {"max_connections": "8"}
    with DataDirectory(tmp_path / "data") as data:
        server = EmbeddedPostgres(data, settings=settings)
        yield server
        await server.stop()
