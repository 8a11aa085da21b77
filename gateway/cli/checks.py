"""Whether the stores are such that a gateway can be started on them. Nothing is changed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import asyncpg
from redis.exceptions import RedisError

from gateway.cli.execution import connect, explain, revealed, vault_of
from gateway.cli.findings import Finding
from gateway.embedded import DataDirectory, EmbeddedStoreError
from gateway.queue.client import eviction_policy, open_redis
from gateway.settings import Settings
from gateway.storage.migrations import DatabaseTooNew, pending
from gateway.storage.state import known_check_value

__all__ = ["check_stores"]

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

_REDIS_OLDEST = (6, 2)
# With one of them off, what was answered may be gone after a crash (P1).
_DURABILITY = ("fsync", "synchronous_commit", "full_page_writes")


async def check_stores(settings: Settings) -> list[Finding]:
    """What there is to say about Postgres, the key, Redis and the data directory."""
    findings: list[Finding] = []
    database_url, redis_url = revealed(settings.database_url), revealed(settings.redis_url)
    if database_url is None or redis_url is None:
        findings += _check_directory(settings.data_dir)
    if database_url is not None:
        findings += _check_key_is_there(settings)
        findings += await _check_postgres(database_url, settings)
    if redis_url is not None:
        findings += await _check_redis(redis_url, settings)
    return findings


async def _check_postgres(url: str, settings: Settings) -> list[Finding]:
    try:
        connection = await connect(url, settings)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
        return [Finding("problem", explain(error) or _unexpected("Postgres", error))]
    try:
        return [
            Finding("ok", "Postgres answers"),
            *await _check_schema(connection, settings),
            *await _check_durability(connection),
        ]
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
        return [Finding("problem", explain(error) or _unexpected("Postgres", error))]
    finally:
        await connection.close()


async def _check_schema(connection: Connection, settings: Settings) -> list[Finding]:
    try:
        missing = await pending(connection)
    except DatabaseTooNew as error:
        return [Finding("problem", str(error))]
    if missing:
        names = ", ".join(f"{each.version:04}" for each in missing)
        text = f"The database lacks migrations ({names}): run `gateway migrate`"
        return [Finding("problem", text)]
    up_to_date = Finding("ok", "The database is up to date")
    if settings.encryption_key is None:
        return [up_to_date]
    return [up_to_date, await _check_key(connection, settings)]


def _check_key_is_there(settings: Settings) -> list[Finding]:
    if settings.encryption_key is not None:
        return []
    text = "GATEWAY_ENCRYPTION_KEY is required together with DATABASE_URL"
    return [Finding("problem", text)]


async def _check_key(connection: Connection, settings: Settings) -> Finding:
    stored = await known_check_value(connection)
    if stored is None:
        return Finding("ok", "The database was not sealed with any key yet")
    if vault_of(settings, None).accepts(stored):
        return Finding("ok", "GATEWAY_ENCRYPTION_KEY is the key of this database")
    text = "GATEWAY_ENCRYPTION_KEY is not the key this database was sealed with"
    return Finding("problem", text)


async def _check_durability(connection: Connection) -> list[Finding]:
    rows = await connection.fetch(
        "SELECT name FROM pg_settings WHERE name = ANY($1::text[]) AND setting = 'off'", _DURABILITY
    )
    return [
        Finding("warning", f"Postgres runs with {row['name']} off: a crash may lose payments")
        for row in rows
    ]


async def _check_redis(url: str, settings: Settings) -> list[Finding]:
    redis = open_redis(url, timeout_seconds=settings.redis_timeout_seconds, connections_max=1)
    try:
        server = await redis.info("server")
        policy = await eviction_policy(redis)
    except (RedisError, OSError, TimeoutError) as error:
        text = f"Redis cannot be reached ({type(error).__name__}): look at REDIS_URL"
        return [Finding("problem", text)]
    finally:
        await redis.aclose()
    return [
        Finding("ok", "Redis answers"),
        _about_version(str(server["redis_version"])),
        _about_policy(policy),
    ]


def _about_version(version: str) -> Finding:
    major, minor = (int(part) for part in version.split(".")[:2])
    if (major, minor) < _REDIS_OLDEST:
        return Finding("problem", f"Redis is version {version}, the gateway needs 6.2 or newer")
    return Finding("ok", f"Redis is version {version}")


def _about_policy(policy: str) -> Finding:
    if policy != "noeviction":
        return Finding(
            "problem",
            f"Redis' maxmemory-policy is {policy}: it would throw jobs away when memory is full. "
            "Set it to noeviction",
        )
    return Finding("ok", "Redis' maxmemory-policy is noeviction")


def _check_directory(path: Path) -> Iterator[Finding]:
    """Found without making anything; a gateway that runs there is fine."""
    directory = DataDirectory(path)
    if not directory.path.exists():
        parent = next(each for each in directory.path.parents if each.exists())
        if os.access(parent, os.W_OK | os.X_OK):
            yield Finding("ok", f"The data directory {directory.path} will be made at the start")
        else:
            yield Finding("problem", f"The data directory {directory.path} cannot be made")
        return
    if not os.access(directory.path, os.W_OK | os.X_OK):
        yield Finding("problem", f"The data directory {directory.path} cannot be written")
        return
    yield Finding("ok", f"The data directory {directory.path} can be used")
    if (directory.path / "encryption.key").exists():
        try:
            directory.encryption_key()
        except EmbeddedStoreError as error:
            yield Finding("problem", str(error))


def _unexpected(store: str, error: Exception) -> str:
    return f"{store} cannot be used ({type(error).__name__})"
