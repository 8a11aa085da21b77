"""The full path with all the rows of the gateway, and nothing else of it.

The same rows in the same schema with the same number of commits: what the design itself costs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

from benchmarks import trial_store
from benchmarks.reference import Reference

# One claims and writes while the other's transaction is being flushed.
_WORKERS = 2


class Trial(Reference):
    """Begins, books and finishes each payment as the gateway does; delivers from the database."""

    streams = ("payments", "webhooks")

    def loops(self) -> Sequence[Coroutine[Any, Any, None]]:
        names = [f"worker-{number}" for number in range(_WORKERS)]
        return [loop(name) for name in names for loop in (self._charge, self._deliver)]

    async def accept(self, payments: Sequence[trial_store.Payment]) -> None:
        async with self.pool.acquire() as connection:
            await trial_store.accept(connection, payments)
        await self.add("payments", [payment.id for payment in payments])

    async def _charge(self, name: str) -> None:
        while True:
            entries, ids = await self.claim("payments", name)
            payments = [self.known.pop(identity) for identity in ids]
            if not payments:
                continue
            async with self.pool.acquire() as connection:
                await trial_store.begin(connection, payments)
                await trial_store.book(connection, payments)
                await trial_store.finish(connection, payments)
            await self.add("webhooks", [str(payment.delivery_id) for payment in payments])
            await self.acknowledge("payments", entries)

    async def _deliver(self, name: str) -> None:
        while True:
            entries, ids = await self.claim("webhooks", name)
            if not entries:
                continue
            async with self.pool.acquire() as connection:
                deliveries = await trial_store.bodies(connection, ids)
            await asyncio.gather(*(self.post(event, body) for _, event, body in deliveries))
            async with self.pool.acquire() as connection:
                await trial_store.record(connection, [delivery[0] for delivery in deliveries])
            await self.acknowledge("webhooks", entries)


if __name__ == "__main__":
    Trial().run()
