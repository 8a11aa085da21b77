"""What commands share: problems are told in a sentence, and stores are opened and closed."""

from __future__ import annotations

import asyncio
import errno
import sys
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import asyncpg
import click
import structlog
from pydantic import SecretStr

from gateway.app import WrongKey
from gateway.embedded import (
    DataDirectory,
    DataDirectoryInUse,
    EmbeddedPostgres,
    EmbeddedRedis,
    EmbeddedStoreError,
    EmbeddedStores,
)
from gateway.logs import configure_logging
from gateway.processors.registry import BrokenProcessor
from gateway.queue.client import is_redis_unavailable
from gateway.security.vault import SealBroken, Vault
from gateway.settings import InvalidSettings, Settings
from gateway.storage.migrations import DatabaseTooNew, pending
from gateway.storage.pool import is_unavailable
from gateway.storage.state import remember_check_value

__all__ = [
    "Opened",
    "connect",
    "explain",
    "open_stores",
    "reporting",
    "revealed",
    "run_async",
    "vault_of",
]

Result = TypeVar("Result")

_MEANT_TO_BE_READ = (
    InvalidSettings,
    EmbeddedStoreError,
    WrongKey,
    BrokenProcessor,
    DatabaseTooNew,
    SealBroken,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The stores of a gateway, running or not, and the vault that opens what they hold."""

    connection: asyncpg.Connection[asyncpg.Record]
    redis_url: str | None = field(repr=False)
    vault: Vault


@contextmanager
def reporting() -> Iterator[None]:
    """Turn what can go wrong into a sentence and a non-zero status; no value is ever shown."""
    configure_logging(level="warning", format_=None, stream=sys.stderr, cache_loggers=False)
    try:
        yield
    except click.ClickException:
        raise
    except Exception as error:  # noqa: BLE001 - its text may quote a secret
        text = explain(error)
        if text is None:
            structlog.get_logger().error("command_failed", exc_info=error)
            text = f"This should not have happened: {type(error).__name__}"
        raise click.ClickException(text) from None


def explain(error: BaseException) -> str | None:
    """What to tell the operator; None for an error nobody has thought of."""
    if isinstance(error, _MEANT_TO_BE_READ):
        return str(error)
    if isinstance(error, OSError) and (error.errno == errno.EADDRINUSE or error.filename):
        return _about_system(error)
    if is_redis_unavailable(error) and not isinstance(error, OSError):
        return f"Redis cannot be reached ({type(error).__name__}): look at REDIS_URL"
    if is_unavailable(error):
        return f"Postgres cannot be reached ({type(error).__name__}): look at DATABASE_URL"
    if isinstance(error, asyncpg.PostgresError | asyncpg.InterfaceError):
        return f"Postgres refuses ({type(error).__name__}): look at DATABASE_URL"
    return None


def _about_system(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "The port is taken: stop what listens there, or set PORT to another one"
    return f"{error.filename}: {error.strerror}"


def run_async(work: Coroutine[Any, Any, Result]) -> Result:
    """Run a command's work, its problems told as `reporting` does."""
    with reporting():
        return asyncio.run(work)


def revealed(secret: SecretStr | None) -> str | None:
    """The secret in the clear, for whoever connects with it."""
    return secret.get_secret_value() if secret is not None else None


def vault_of(settings: Settings, directory: DataDirectory | None) -> Vault:
    """The vault as the gateway itself makes it. Raises WrongKey without a key."""
    keys = revealed(settings.encryption_key)
    if keys is not None:
        return Vault([key.strip() for key in keys.split(",")])
    if directory is None:
        raise WrongKey("GATEWAY_ENCRYPTION_KEY is required together with DATABASE_URL")
    return Vault([directory.encryption_key()])


@asynccontextmanager
async def open_stores(settings: Settings) -> AsyncIterator[Opened]:
    """The stores: those that are named, those of the running gateway, or our own, started for now.

    Raises click.ClickException when the database is not migrated, WrongKey when it is another's.
    """
    async with AsyncExitStack() as stack:
        database_url, redis_url = revealed(settings.database_url), revealed(settings.redis_url)
        directory = DataDirectory(settings.data_dir) if database_url is None else None
        if directory is not None:
            database_url, own_redis = await _embedded(directory, stack, redis=redis_url is None)
            redis_url = redis_url or own_redis
        connection = await connect(str(database_url), settings)
        stack.push_async_callback(connection.close)
        if await pending(connection):
            raise click.ClickException("The database is not up to date: run `gateway migrate`")
        vault = vault_of(settings, directory)
        if not vault.accepts(await remember_check_value(connection, vault.check_value())):
            raise WrongKey("GATEWAY_ENCRYPTION_KEY is not the key this database was sealed with")
        yield Opened(connection=connection, redis_url=redis_url, vault=vault)


async def connect(url: str, settings: Settings) -> asyncpg.Connection[asyncpg.Record]:
    """One connection for one command."""
    seconds = settings.database_timeout_seconds
    return await asyncpg.connect(url, timeout=seconds, command_timeout=seconds)


async def _embedded(
    directory: DataDirectory, stack: AsyncExitStack, *, redis: bool
) -> tuple[str, str | None]:
    """The URLs of our own stores: those of a gateway that runs on them, or started here."""
    postgres = EmbeddedPostgres(directory)
    stores = EmbeddedStores(
        directory, postgres=postgres, redis=EmbeddedRedis(directory) if redis else None
    )
    try:
        addresses = await stores.start()
    except DataDirectoryInUse:
        found = postgres.find()
        if found is None:
            raise
        return found, EmbeddedRedis(directory).find() if redis else None
    stack.push_async_callback(stores.stop)
    return str(addresses.database_url), addresses.redis_url
