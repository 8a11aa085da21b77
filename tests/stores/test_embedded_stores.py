"""The life of the embedded stores: first start, restart, adoption, crashes, stop."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest
from redis.asyncio import Redis

from gateway.embedded import (
    DataDirectory,
    DataDirectoryInUse,
    EmbeddedPostgres,
    EmbeddedRedis,
    EmbeddedStoreError,
    EmbeddedStores,
)
from gateway.embedded.accounts import postgres_account
from gateway.embedded.processes import command_line
from tests.stores.kept import postgres_at, recall, remember
from tests.support import eventually

OpenStores = Callable[..., EmbeddedStores]


async def test_start_on_nothing(open_stores: OpenStores) -> None:
    """The first start makes a Postgres 18 with a UTF-8 database `gateway`, and a Redis 6.2."""
    addresses = await open_stores().start()

    async with postgres_at(addresses.database_url) as connection:
        assert "gateway" == await connection.fetchval("SELECT current_database()")
        assert "UTF8" == await connection.fetchval("SHOW server_encoding")
        assert connection.get_server_version().major == 18
    async with Redis.from_url(addresses.redis_url) as client:
        assert (await client.info("server"))["redis_version"].startswith("6.2.")


async def test_settings_that_keep_money(open_stores: OpenStores) -> None:
    """Commits are flushed, nothing is evicted, and neither store listens on TCP."""
    addresses = await open_stores(settings={}).start()

    async with postgres_at(addresses.database_url) as connection:
        for name in ("fsync", "synchronous_commit", "full_page_writes", "data_checksums"):
            assert "on" == await connection.fetchval(f"SHOW {name}")
        assert "" == await connection.fetchval("SHOW listen_addresses")
    expected = {
        "appendonly": "yes",
        "appendfsync": "everysec",
        "maxmemory-policy": "noeviction",
        "save": "",
        "port": "0",
    }
    async with Redis.from_url(addresses.redis_url, decode_responses=True) as client:
        for name, value in expected.items():
            assert {name: value} == await client.config_get(name)


async def test_restart_keeps_data(open_stores: OpenStores) -> None:
    """What was stored before an orderly stop is there after the next start, which is quick."""
    first = open_stores()
    await remember(first)
    await first.stop()

    second = open_stores()
    started = time.monotonic()
    await second.start()

    assert time.monotonic() - started < 2
    assert ("a row", "a value") == await recall(second)


async def is_gone(stores: EmbeddedStores) -> bool:
    return stores.postgres.pid is None and stores.redis.pid is None


async def test_start_and_stop_may_be_repeated(open_stores: OpenStores) -> None:
    """Stop before start, two starts and two stops: each does what is left to do."""
    stores = open_stores()
    await stores.stop()
    first = await stores.start()
    pids = stores.postgres.pid, stores.redis.pid

    assert first == await stores.start()
    assert pids == (stores.postgres.pid, stores.redis.pid)

    await stores.stop()
    await stores.stop()
    assert (None, None) == (stores.postgres.pid, stores.redis.pid)
    assert not stores.directory.is_held
    await stores.start()
    assert pids != (stores.postgres.pid, stores.redis.pid)


async def test_adopts_what_a_killed_gateway_left(
    open_stores: OpenStores, start_holder: Callable[..., object]
) -> None:
    """After kill -9 of the gateway its stores serve on; the next gateway takes them over."""
    holder = start_holder()
    stores = open_stores()
    with pytest.raises(DataDirectoryInUse, match=f"process {holder.pid}"):
        await stores.start()
    holder.kill()

    addresses = await stores.start()

    assert holder.report == {
        "database_url": addresses.database_url,
        "redis_url": addresses.redis_url,
        "postgres_pid": stores.postgres.pid,
        "redis_pid": stores.redis.pid,
    }
    assert stores.postgres.was_adopted
    assert stores.redis.was_adopted
    await stores.stop()
    for pid in (holder.report["postgres_pid"], holder.report["redis_pid"]):
        assert [] == command_line(pid)


async def test_finds_the_stores_of_a_running_gateway(
    tmp_path: Path, start_holder: Callable[..., object]
) -> None:
    """A command beside the gateway learns where its stores are, and starts none."""
    data = DataDirectory(tmp_path / "data")
    postgres, redis = EmbeddedPostgres(data), EmbeddedRedis(data)
    assert (None, None) == (postgres.find(), redis.find())

    holder = start_holder()

    assert holder.report["database_url"] == postgres.find()
    assert holder.report["redis_url"] == redis.find()
    holder.finish()
    assert (None, None) == (postgres.find(), redis.find())


async def test_a_gateway_that_is_interrupted_stops_its_stores(
    start_holder: Callable[..., object],
) -> None:
    """Ctrl-C reaches the gateway alone, which then ends its stores in good order."""
    holder = start_holder()
    servers = (holder.report["postgres_pid"], holder.report["redis_pid"])
    assert os.getsid(holder.pid) not in {os.getsid(pid) for pid in servers}

    holder.finish()

    assert 0 == holder.process.returncode
    assert [[], []] == [command_line(pid) for pid in servers]


async def test_comes_back_after_both_were_killed(open_stores: OpenStores) -> None:
    """After kill -9 of both servers the same object starts them again, with their data."""
    stores = open_stores()
    await remember(stores)
    async with Redis.from_url((await stores.start()).redis_url) as client:
        await client.execute_command("CONFIG", "SET", "appendfsync", "always")
        await client.set("kept", "a value")
    async with postgres_at(stores.postgres.find()):  # a session that outlives its postmaster
        for pid in (stores.postgres.pid, stores.redis.pid):
            os.kill(pid, signal.SIGKILL)

        assert ("a row", "a value") == await recall(stores)


async def test_keeps_stores_running(open_stores: OpenStores) -> None:
    """A store that dies beneath a running gateway is started again, as often as is sensible."""
    stores = open_stores()
    await remember(stores)
    restarted: list[str] = []
    watch = asyncio.create_task(
        stores.keep_running(check_seconds=0.01, restarts_max=2, on_restart=restarted.append)
    )
    for server in (stores.redis, stores.postgres):
        os.kill(server.pid, signal.SIGKILL)
        await eventually(lambda name=server.name: name in restarted, within_seconds=20)

    assert "a row" == (await recall(stores))[0]
    os.kill(stores.postgres.pid, signal.SIGKILL)
    with pytest.raises(EmbeddedStoreError, match="postgres dies again and again"):
        await watch
    assert ["redis", "postgres"] == restarted


async def test_a_log_that_has_grown_is_set_aside(open_stores: OpenStores, tmp_path: Path) -> None:
    """The log of former runs is kept once, so that logs do not fill the disk."""
    stores = open_stores()
    await stores.start()
    await stores.stop()
    log = tmp_path / "data" / "postgres.log"
    log.write_text("x" * 5_000_000)

    await stores.start()

    assert log.stat().st_size < 5_000_000
    assert 5_000_000 == log.with_suffix(".log.old").stat().st_size


async def test_stale_pid_files_of_a_crashed_machine(
    open_stores: OpenStores, tmp_path: Path
) -> None:
    """Pid files that now name some other process of the same user do not keep the stores down."""
    stores = open_stores()
    await remember(stores)
    await stores.redis.stop()
    os.kill(stores.postgres.pid, signal.SIGKILL)
    await eventually(lambda: is_gone(stores))
    with bystander_beside(tmp_path / "data" / "postgres") as pid:
        for name in ("postgres/postmaster.pid", "redis/redis.pid"):
            name_in_pid_file(tmp_path / "data" / name, pid)

        assert ("a row", "a value") == await recall(stores)
        assert pid not in (stores.postgres.pid, stores.redis.pid)


@contextmanager
def bystander_beside(data: Path) -> Iterator[int]:
    """A process of the user who runs Postgres on `data`, that has nothing to do with it."""
    account = postgres_account(data)
    command = ["sleep", "60"]
    process = subprocess.Popen(account.command(command) if account is not None else command)
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()


def name_in_pid_file(path: Path, pid: int) -> None:
    """Replace the first line of the file, which need not be there."""
    lines = path.read_text().splitlines()[1:] if path.exists() else []
    path.write_text("\n".join([str(pid), *lines]) + "\n")


async def test_adopted_stores_out_of_reach_are_replaced(
    open_stores: OpenStores, start_holder: Callable[..., object], tmp_path: Path
) -> None:
    """Servers whose sockets somebody has deleted are stopped and started anew."""
    holder = start_holder()
    holder.kill()
    for name in ("postgres/.s.PGSQL.5432", "redis/redis.sock"):
        (tmp_path / "data" / "run" / name).unlink()

    stores = open_stores()
    addresses = await stores.start()

    assert holder.report["postgres_pid"] != stores.postgres.pid
    assert holder.report["redis_pid"] != stores.redis.pid
    async with postgres_at(addresses.database_url) as connection:
        assert 1 == await connection.fetchval("SELECT 1")


async def test_half_a_first_start_is_begun_again(open_stores: OpenStores, tmp_path: Path) -> None:
    """What a first start that was killed has left half made is thrown away."""
    half = tmp_path / "data" / "postgres.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")

    await open_stores().start()

    assert not half.exists()


async def test_another_version_is_refused(open_stores: OpenStores, tmp_path: Path) -> None:
    """Data of another major version is left alone, with a word on how to move it."""
    stores = open_stores()
    await stores.start()
    await stores.stop()
    (tmp_path / "data" / "postgres" / "PG_VERSION").write_text("17\n")

    with pytest.raises(EmbeddedStoreError, match=r"Postgres 17.*pg_dump"):
        await stores.start()
    assert not stores.directory.is_held
    assert await is_gone(stores)


async def test_a_server_that_cannot_start_says_why(open_stores: OpenStores, tmp_path: Path) -> None:
    """A damaged file ends the start at once, with the server's own words."""
    stores = open_stores()
    await stores.start()
    await stores.stop()
    (tmp_path / "data" / "postgres" / "postgresql.conf").write_text("no setting at all\n")

    with pytest.raises(EmbeddedStoreError, match="syntax error"):
        await stores.start()
    assert await is_gone(stores)


async def test_a_start_that_takes_too_long_is_given_up(
    open_stores: OpenStores, start_holder: Callable[..., object]
) -> None:
    """A server that hangs is an error after the time limit, and it is ended."""
    holder = start_holder()
    holder.kill()
    os.kill(holder.report["redis_pid"], signal.SIGSTOP)
    stores = open_stores(start_seconds_max=0.3, stop_seconds_max=1)

    with pytest.raises(EmbeddedStoreError, match=r"redis does not answer within 0\.3 s"):
        await stores.start()
    assert await is_gone(stores)
    assert not stores.directory.is_held


async def test_logs_hold_nothing_of_statements(open_stores: OpenStores, tmp_path: Path) -> None:
    """Neither a failing statement nor a crashing session puts a value into the log."""
    stores = open_stores()
    url = (await stores.start()).database_url
    secret = "4242424242424242"
    async with postgres_at(url) as connection:
        await connection.execute("CREATE TABLE numbers (number text UNIQUE)")
        await connection.execute("INSERT INTO numbers VALUES ($1)", secret)
        for statement, argument in (
            ("INSERT INTO numbers VALUES ($1)", secret),
            ("SELECT '4242424242424242' FROM nowhere WHERE $1 = ''", secret),
            ("SELECT $1::text::boolean", secret),
        ):
            with pytest.raises(asyncpg.PostgresError):
                await connection.execute(statement, argument)
    async with postgres_at(url) as victim, postgres_at(url) as observer:
        await victim.execute(f"SELECT '{secret}'")
        os.kill(victim.get_server_pid(), signal.SIGKILL)
        await eventually(observer.is_closed)
    log = tmp_path / "data" / "postgres.log"

    assert "was terminated by signal 9" in await eventually(
        lambda: text if "signal 9" in (text := log.read_text()) else ""
    )
    assert url == (await stores.start()).database_url
    assert secret not in log.read_text()
