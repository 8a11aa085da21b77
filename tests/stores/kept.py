"""Something to find again in both stores."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from redis.asyncio import Redis

from gateway.embedded import EmbeddedStores


@asynccontextmanager
async def postgres_at(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


async def remember(stores: EmbeddedStores) -> None:
    """Put a row into Postgres and a value into Redis."""
    addresses = await stores.start()
    async with postgres_at(addresses.database_url) as connection:
        await connection.execute("CREATE TABLE kept (value text)")
        await connection.execute("INSERT INTO kept VALUES ('a row')")
    async with Redis.from_url(addresses.redis_url) as client:
        await client.set("kept", "a value")


async def recall(stores: EmbeddedStores) -> tuple[str, str]:
    """What `remember` has put there."""
    addresses = await stores.start()
    async with postgres_at(addresses.database_url) as connection:
        row = await connection.fetchval("SELECT value FROM kept")
    async with Redis.from_url(addresses.redis_url, decode_responses=True) as client:
        return row, await client.get("kept")
