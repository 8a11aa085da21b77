"""The embedded stores as one thing to start and stop."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from gateway.embedded.base import EmbeddedServer
from gateway.embedded.data_directory import DataDirectory
from gateway.embedded.errors import EmbeddedStoreError
from gateway.embedded.postgres_server import EmbeddedPostgres
from gateway.embedded.redis_server import EmbeddedRedis

__all__ = ["EmbeddedStores", "StoreAddresses"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreAddresses:
    """Where the stores are that run here; None for one that is somewhere else."""

    database_url: str | None
    redis_url: str | None


class EmbeddedStores:
    """Holds the data directory and runs the stores given, both at the same time.

    A store that somebody else runs is None.
    """

    def __init__(
        self,
        directory: DataDirectory,
        *,
        postgres: EmbeddedPostgres | None,
        redis: EmbeddedRedis | None,
    ) -> None:
        self.directory = directory
        self.postgres = postgres
        self.redis = redis

    async def start(self) -> StoreAddresses:
        """Lock the directory and start the stores.

        Raises DataDirectoryInUse, and EmbeddedStoreError when a store does not come up; then none
        runs and the directory is free again.
        """
        self.directory.acquire()
        try:
            starts = asyncio.gather(
                _start(self.postgres), _start(self.redis), return_exceptions=True
            )
            database_url, redis_url = [_value(outcome) for outcome in await starts]
        except BaseException:
            await self.stop()
            raise
        return StoreAddresses(database_url=database_url, redis_url=redis_url)

    async def keep_running(
        self,
        *,
        check_seconds: float = 0.5,
        restarts_max: int = 5,
        period_seconds: float = 60.0,
        on_restart: Callable[[str], None] | None = None,
    ) -> NoReturn:
        """Start a store again when it has died, and tell `on_restart` its name, until cancelled.

        Run it between `start` and `stop`. Raises EmbeddedStoreError when a store cannot be
        started, or when `restarts_max` in `period_seconds` have not helped.
        """
        restarts: deque[float] = deque(maxlen=restarts_max)
        while True:
            await asyncio.sleep(check_seconds)
            for server in self._servers():
                if server.pid is not None:
                    continue
                now = time.monotonic()
                if len(restarts) == restarts_max and now - restarts[0] < period_seconds:
                    raise EmbeddedStoreError(f"The embedded {server.name} dies again and again")
                restarts.append(now)
                await server.start()
                if on_restart is not None:
                    on_restart(server.name)

    async def stop(self) -> None:
        """Stop the stores and free the directory; nothing to do when they do not run."""
        stops = (server.stop() for server in self._servers())
        outcomes = await asyncio.gather(*stops, return_exceptions=True)
        self.directory.release()
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome

    def _servers(self) -> list[EmbeddedServer]:
        return [server for server in (self.postgres, self.redis) if server is not None]


async def _start(server: EmbeddedServer | None) -> str | None:
    return await server.start() if server is not None else None


def _value(outcome: str | BaseException | None) -> str | None:
    if isinstance(outcome, BaseException):
        raise outcome
    return outcome
