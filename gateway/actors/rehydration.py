"""Reads orders for the actors that need them, many in one go."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

import asyncpg

from gateway.actors.batching import Batcher
from gateway.actors.errors import BatcherFull
from gateway.domain.entities import OrderState
from gateway.domain.errors import Unavailable
from gateway.storage.journal import Connection
from gateway.storage.orders import load_orders, load_versions
from gateway.storage.pool import DATABASE_ERRORS, is_connection_lost, is_unavailable

__all__ = ["Rehydration"]

Value = TypeVar("Value")
Load = Callable[[Connection, Sequence[str]], Awaitable[Mapping[str, Value]]]


class Rehydration:
    """Loads order states and versions in batches; raises Unavailable while Postgres is away."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        *,
        batch_max: int,
        pending_max: int,
        acquire_seconds: float,
        remembered_max: int,
    ) -> None:
        """Remember at most `remembered_max` orders that were just made."""
        # An ordinary dict would walk over all that was taken out to find its first key.
        self._remembered: OrderedDict[str, OrderState] = OrderedDict()
        self._remembered_max = remembered_max
        self._pool = pool
        self._acquire_seconds = acquire_seconds

        async def states(ids: Sequence[str]) -> Sequence[OrderState | Exception | None]:
            return await self._read(load_orders, ids)

        async def versions(ids: Sequence[str]) -> Sequence[int | Exception | None]:
            return await self._read(load_versions, ids)

        self._states = Batcher(
            states, name="rehydration", size_max=batch_max, pending_max=pending_max, concurrency=2
        )
        self._versions = Batcher(
            versions, name="versions", size_max=batch_max, pending_max=pending_max
        )

    def remember(self, state: OrderState) -> None:
        """An order was just made here; its first command need not read it."""
        if len(self._remembered) >= self._remembered_max:
            self._remembered.popitem(last=False)
        self._remembered[state.order.id] = state

    def recall(self, order_id: str) -> OrderState | None:
        """The order as it was made here, once; another process may have changed it since."""
        return self._remembered.pop(order_id, None)

    async def load(self, order_id: str) -> OrderState | None:
        """The order with all that hangs on it; None when there is none."""
        try:
            return await self._states.submit(order_id)
        except BatcherFull:
            raise Unavailable("Too many orders are being read") from None

    async def load_version(self, order_id: str) -> int:
        """The order's version as it is stored; 0 when there is none."""
        try:
            return await self._versions.submit(order_id) or 0
        except BatcherFull:
            raise Unavailable("Too many orders are being read") from None

    async def _read(self, load: Load[Value], ids: Sequence[str]) -> Sequence[Value | None]:
        try:
            async with self._pool.acquire(timeout=self._acquire_seconds) as connection:
                found = await load(connection, list(dict.fromkeys(ids)))
        except DATABASE_ERRORS as error:
            if is_unavailable(error) or is_connection_lost(error):
                raise Unavailable("The database is not available") from None
            raise
        return [found.get(order_id) for order_id in ids]
