"""What tests share: waiting for conditions, databases of their own, keys of their own."""

from __future__ import annotations

import asyncio
import inspect
import secrets
import subprocess
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, Literal, TypeVar

import asyncpg
import redis

from gateway.domain.clock import Clock
from gateway.embedded import DataDirectory, EmbeddedPostgres, EmbeddedRedis, EmbeddedStores
from gateway.security.passwords import PasswordHasher
from gateway.security.vault import Vault, new_key
from gateway.seeding import seed_test_merchant
from gateway.storage import migrations

Value = TypeVar("Value")
# What a new database begins with: nothing; the schema; the schema and the test merchant.
Template = Literal["template0", "migrated", "seeded"]

# Nobody's money: what a crash of the machine would lose here may be lost.
FAST_POSTGRES = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
FAST_REDIS = {"appendonly": "no"}


async def eventually(
    condition: Callable[[], Awaitable[Value] | Value], within_seconds: float = 20.0
) -> Value:
    """The condition's first true value; fails with its last one when there is none in time."""
    deadline = time.monotonic() + within_seconds
    while True:
        outcome = condition()
        value = await outcome if inspect.isawaitable(outcome) else outcome
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within_seconds:g} s; last value: {value!r}")
        await asyncio.sleep(0.01)


class LoopThread:
    """An event loop beside the tests' own, for fixtures that outlive one test."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="test-stores")
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, Value]) -> Value:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class StoresForTests:
    """One Postgres and one Redis for all tests, and a fresh database or key prefix for each.

    Seeded databases are sealed with `encryption_key`.
    """

    def __init__(self, directory: Path) -> None:
        self.encryption_key = new_key()
        data = DataDirectory(directory)
        self._stores = EmbeddedStores(
            data,
            postgres=EmbeddedPostgres(data, settings=FAST_POSTGRES),
            redis=EmbeddedRedis(data, settings=FAST_REDIS),
        )
        self._thread = LoopThread()
        self._templates: set[str] = set()
        try:
            addresses = self._thread.run(self._stores.start())
            assert addresses.database_url is not None
            assert addresses.redis_url is not None
            self.admin_url = addresses.database_url
            self.redis_url = addresses.redis_url
            self._guard = end_with_us(self._stores)
            self._admin = self._thread.run(asyncpg.connect(self.admin_url))
        except BaseException:
            self._thread.close()
            raise

    def database(self, name: str) -> str:
        """The URL of the database `name` on the server."""
        return self.admin_url.replace("@/gateway?", f"@/{name}?")

    def create_database(self, template: Template = "migrated") -> str:
        """The name of a new database: empty, with the current schema, or with the merchant too."""
        if template != "template0":
            self._ensure(template)
        name = f"test_{secrets.token_hex(6)}"
        self._execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        return name

    def drop_database(self, name: str) -> None:
        self._execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def delete_keys(self, prefix: str) -> None:
        """Everything in Redis that begins with `prefix`."""
        with redis.Redis.from_url(self.redis_url) as client:
            for key in client.scan_iter(match=f"{prefix}*", count=1000):
                client.delete(key)

    def close(self) -> None:
        self._thread.run(self._admin.close())
        self._thread.run(self._stores.stop())
        self._thread.close()
        self._guard.kill()
        self._guard.communicate()

    def _ensure(self, template: Template) -> None:
        if template in self._templates:
            return
        self._execute(f"CREATE DATABASE {template} TEMPLATE template0")
        self._thread.run(migrate_database(self.database(template)))
        if template == "seeded":
            self._thread.run(seed_database(self.database(template), self.encryption_key))
        self._templates.add(template)

    def _execute(self, statement: str) -> None:
        self._thread.run(self._admin.execute(statement))


def end_with_us(stores: EmbeddedStores) -> subprocess.Popen[bytes]:
    """A process that ends the servers when the tests are killed, which closes its input."""
    pids = [str(server.pid) for server in (stores.postgres, stores.redis)]
    return subprocess.Popen(
        ["sh", "-c", 'read -r never; kill -KILL "$@"', "sh", *pids],
        stdin=subprocess.PIPE,
        start_new_session=True,
    )


async def seed_database(dsn: str, encryption_key: str) -> None:
    """Make the test merchant as the first start of a gateway does: one hash for all tests."""
    connection = await asyncpg.connect(dsn)
    passwords = PasswordHasher()
    try:
        await seed_test_merchant(connection, Vault([encryption_key]), passwords, Clock())
    finally:
        passwords.close()
        await connection.close()


async def migrate_database(dsn: str) -> None:
    """Apply all migrations to the database at `dsn`."""
    connection = await asyncpg.connect(dsn)
    try:
        await migrations.migrate(connection, Clock())
    finally:
        await connection.close()
