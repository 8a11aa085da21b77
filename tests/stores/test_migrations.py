"""Migrations: in order, once, by one process, and never by old code on a new database."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from gateway import resources
from gateway.domain.clock import Clock
from gateway.embedded.binaries import postgres_binaries
from gateway.storage.migrations import DatabaseTooNew, Migration, load, migrate, pending

FIRST = Migration(version=1, name="first", sql="CREATE TABLE one (id int); CREATE TABLE two ();")
SECOND = Migration(version=2, name="second", sql="INSERT INTO one VALUES (1)")
BROKEN = Migration(version=2, name="broken", sql="INSERT INTO one VALUES (2); SELECT 1 / 0")


@pytest.fixture
async def connection(empty_database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(empty_database_url)
    yield connection
    await connection.close()


async def test_applies_what_is_pending(connection: asyncpg.Connection) -> None:
    """Each file is applied once, and recorded with its name and the clock's time."""
    clock = Clock()
    clock.advance(1000)
    before = clock.now()

    assert (FIRST,) == await migrate(connection, clock, [FIRST])
    assert (SECOND,) == await pending(connection, [FIRST, SECOND])
    assert (SECOND,) == await migrate(connection, clock, [FIRST, SECOND])
    assert () == await migrate(connection, clock, [FIRST, SECOND])
    assert () == await pending(connection, [FIRST, SECOND])

    rows = await connection.fetch("SELECT * FROM schema_migrations ORDER BY version")
    assert [(1, "first"), (2, "second")] == [(row["version"], row["name"]) for row in rows]
    assert all(before <= row["applied_at"] <= clock.now() for row in rows)
    assert 1 == await connection.fetchval("SELECT count(*) FROM one")


async def test_pending_changes_nothing(connection: asyncpg.Connection) -> None:
    """Asking an empty database creates no table."""
    assert (FIRST, SECOND) == await pending(connection, [FIRST, SECOND])
    assert await connection.fetchval("SELECT to_regclass('schema_migrations')") is None


async def test_a_failing_file_changes_nothing(connection: asyncpg.Connection) -> None:
    """A file that fails is undone as a whole; the ones before it stay, and it can be mended."""
    with pytest.raises(asyncpg.DivisionByZeroError):
        await migrate(connection, Clock(), [FIRST, BROKEN])

    assert (BROKEN,) == await pending(connection, [FIRST, BROKEN])
    assert 0 == await connection.fetchval("SELECT count(*) FROM one")
    assert (SECOND,) == await migrate(connection, Clock(), [FIRST, SECOND])


async def test_processes_wait_for_each_other(empty_database_url: str) -> None:
    """Of many that start at once each file is applied by exactly one, and all find it done."""

    async def start() -> tuple[Migration, ...]:
        connection = await asyncpg.connect(empty_database_url)
        try:
            return await migrate(connection, Clock(), [FIRST, SECOND])
        finally:
            await connection.close()

    applied = await asyncio.gather(*(start() for _ in range(8)))

    assert [FIRST, SECOND] == sorted(sum(applied, ()), key=lambda each: each.version)


async def test_old_code_refuses_a_new_database(connection: asyncpg.Connection) -> None:
    """A database that a newer gateway has migrated is refused, and left as it is."""
    await migrate(connection, Clock(), [FIRST, SECOND])

    for refused in (migrate(connection, Clock(), [FIRST]), pending(connection, [FIRST])):
        with pytest.raises(DatabaseTooNew, match=r"schema version 2.*up to 1"):
            await refused


async def test_a_number_left_out(connection: asyncpg.Connection) -> None:
    """A file whose number was left out is applied when it comes, also after later ones."""
    third = Migration(version=3, name="third", sql="ALTER TABLE one ADD three int")
    assert (FIRST, third) == await migrate(connection, Clock(), [FIRST, third])
    with pytest.raises(DatabaseTooNew, match=r"schema version 3.*up to 2"):
        await pending(connection, [FIRST, SECOND])

    assert (SECOND,) == await migrate(connection, Clock(), [FIRST, SECOND, third])
    assert () == await pending(connection, [FIRST, SECOND, third])


async def test_the_gateways_own(connection: asyncpg.Connection) -> None:
    """All migrations of this gateway apply to an empty database; the first is the initial one."""
    known = load()

    assert known == await migrate(connection, Clock())
    assert (1, "initial") == (known[0].version, known[0].name)
    assert 0 == await connection.fetchval("SELECT count(*) FROM payments")


@pytest.mark.parametrize(
    ("names", "complaint"),
    [
        (["0001_one.sql", "0003_three.sql", "0003_tres.sql"], "migration 0003 is there twice"),
        (["0001_one.sql", "notes.txt"], "notes.txt is not named NNNN_name.sql"),
    ],
)
def test_names_of_files(tmp_path: Path, names: list[str], complaint: str) -> None:
    """A number given twice or a stray file is an error before anything is applied."""
    for name in names:
        (tmp_path / name).write_text("SELECT 1")

    with pytest.raises(ValueError, match=complaint):
        load(tmp_path)


async def test_schema_is_all_migrations_applied(database_url: str, empty_database_url: str) -> None:
    """schema.sql and the migrations make the same database, down to every constraint."""
    connection = await asyncpg.connect(empty_database_url)
    await connection.execute(resources.path("schema.sql").read_text())
    await connection.close()

    by_schema, by_migrations = dump(empty_database_url), dump(database_url)

    assert by_schema == by_migrations
    assert any("CREATE TABLE public.payments" in line for line in by_schema)


def dump(url: str) -> list[str]:
    """The definitions in a database, without the table that only migrations make."""
    result = subprocess.run(
        [
            str(postgres_binaries() / "pg_dump"),
            "--schema-only",
            "--no-owner",
            "--exclude-table=schema_migrations",
            url,
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    lines = result.stdout.splitlines()
    return [line for line in lines if line and not line.startswith(("--", "\\"))]
