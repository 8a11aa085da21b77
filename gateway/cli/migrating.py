"""Migrations as a step of their own."""

from __future__ import annotations

from contextlib import AsyncExitStack

import asyncpg

from gateway.cli.execution import revealed
from gateway.domain.clock import Clock
from gateway.embedded import DataDirectory, EmbeddedPostgres, EmbeddedStores
from gateway.settings import Settings
from gateway.storage.migrations import migrate

__all__ = ["migrate_database"]


async def migrate_database(settings: Settings) -> list[str]:
    """Apply what is pending to the database, our own if none is named; what was applied.

    Raises DataDirectoryInUse while a gateway runs on our own: it has migrated at its start.
    """
    async with AsyncExitStack() as stack:
        url = revealed(settings.database_url)
        if url is None:
            directory = DataDirectory(settings.data_dir)
            stores = EmbeddedStores(directory, postgres=EmbeddedPostgres(directory), redis=None)
            url = (await stores.start()).database_url
            stack.push_async_callback(stores.stop)
        # No command timeout: a migration takes as long as it takes.
        connection = await asyncpg.connect(url, timeout=settings.database_timeout_seconds)
        stack.push_async_callback(connection.close)
        applied = await migrate(connection, Clock())
    return [f"{each.version:04} {each.name}" for each in applied]
