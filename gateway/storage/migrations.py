"""Numbered SQL files, applied in order, each in one transaction, by one process at a time."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TypeAlias

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from gateway import resources
from gateway.domain.clock import Clock

__all__ = ["DatabaseTooNew", "Migration", "load", "migrate", "pending"]

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]"

_FILE_NAME = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")
_LOCK = 0x6761_7465_7761_79  # "gateway": of no meaning but to be nobody else's
_TABLE = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    version integer PRIMARY KEY,
    name text NOT NULL,
    applied_at timestamptz NOT NULL
)
"""


class DatabaseTooNew(Exception):
    """The database was migrated by a newer gateway: old code would misread or damage it."""

    def __init__(self, found: int, known: int) -> None:
        super().__init__(
            f"The database has schema version {found}, this gateway knows versions up to {known}: "
            "run the newer gateway."
        )
        self.found = found
        self.known = known


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One file: `0002_add_subscriptions.sql` has version 2 and the name add_subscriptions."""

    version: int
    name: str
    sql: str = field(repr=False)


def load(directory: Path | None = None) -> tuple[Migration, ...]:
    """The migrations of this gateway, or of `directory`, in order.

    A number may be left out: what is developed side by side has numbers that were reserved for it.
    Raises ValueError for a file that is not named NNNN_name.sql and for a number that is there
    twice.
    """
    files = sorted((directory or resources.path("migrations")).iterdir())
    migrations = tuple(_read(file) for file in files)
    for former, migration in pairwise(migrations):
        if migration.version == former.version:
            raise ValueError(f"migration {migration.version:04} is there twice")
    return migrations


async def pending(
    connection: Connection, migrations: Sequence[Migration] | None = None
) -> tuple[Migration, ...]:
    """The migrations that the database has not had, in order; nothing is changed.

    Raises DatabaseTooNew.
    """
    known = load() if migrations is None else migrations
    if await connection.fetchval("SELECT to_regclass('schema_migrations')") is None:
        return tuple(known)
    return await _missing(connection, known)


async def migrate(
    connection: Connection, clock: Clock, migrations: Sequence[Migration] | None = None
) -> tuple[Migration, ...]:
    """Apply what is pending; what was applied by this call.

    Processes that start together wait for each other. Use a connection without a command timeout:
    a migration takes as long as it takes. A file that fails leaves the ones before it applied.
    Raises DatabaseTooNew before anything is changed.
    """
    known = load() if migrations is None else migrations
    applied: list[Migration] = []
    while (migration := await _apply_next(connection, clock, known)) is not None:
        applied.append(migration)
    return tuple(applied)


async def _apply_next(
    connection: Connection, clock: Clock, known: Sequence[Migration]
) -> Migration | None:
    """The lock ends with the transaction, so it also works behind a connection pooler."""
    async with connection.transaction():
        await connection.execute(f"SELECT pg_advisory_xact_lock({_LOCK})")
        await connection.execute(_TABLE)
        missing = await _missing(connection, known)
        if not missing:
            return None
        migration = missing[0]
        await connection.execute(migration.sql)
        await connection.execute(
            "INSERT INTO schema_migrations (version, name, applied_at) VALUES ($1, $2, $3)",
            migration.version,
            migration.name,
            clock.now(),
        )
        return migration


async def _missing(connection: Connection, known: Sequence[Migration]) -> tuple[Migration, ...]:
    rows = await connection.fetch("SELECT version FROM schema_migrations")
    applied = {row["version"] for row in rows}
    newest, newest_known = max(applied, default=0), max((each.version for each in known), default=0)
    if newest > newest_known:
        raise DatabaseTooNew(newest, newest_known)
    return tuple(migration for migration in known if migration.version not in applied)


def _read(file: Path) -> Migration:
    match = _FILE_NAME.fullmatch(file.name)
    if match is None:
        raise ValueError(f"{file} is not named NNNN_name.sql")
    return Migration(version=int(match[1]), name=match[2], sql=file.read_text(encoding="utf-8"))
