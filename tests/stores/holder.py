"""A gateway reduced to its stores: starts them, tells where they are, and waits to be killed."""

from __future__ import annotations

import asyncio
import json
import sys

from gateway.embedded import DataDirectory, EmbeddedPostgres, EmbeddedRedis, EmbeddedStores


async def main(path: str) -> None:
    data = DataDirectory(path)
    stores = EmbeddedStores(data, postgres=EmbeddedPostgres(data), redis=EmbeddedRedis(data))
    addresses = await stores.start()
    report = {
        "database_url": addresses.database_url,
        "redis_url": addresses.redis_url,
        "postgres_pid": stores.postgres.pid,
        "redis_pid": stores.redis.pid,
    }
    try:
        sys.stdout.write(json.dumps(report) + "\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)
    finally:
        await stores.stop()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
