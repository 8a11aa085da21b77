"""The reference of the full path: the least program that does its work.

A grouped insert, XADD, XREADGROUP, a grouped update, a signed POST: a row and two commits each,
no events, no attempts, no deliveries, nothing that a crash could be mended from.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

from benchmarks import trial_store
from benchmarks.reference import Reference
from gateway.domain.ids import new_id

# One claims and writes while the other's transaction is being flushed.
_WORKERS = 2


class Floor(Reference):
    """Charges nobody: the update says that it was done."""

    streams = ("payments",)

    def __init__(self) -> None:
        super().__init__()
        self._posts: set[asyncio.Task[None]] = set()

    def loops(self) -> Sequence[Coroutine[Any, Any, None]]:
        return [self._charge(f"worker-{number}") for number in range(_WORKERS)]

    async def accept(self, payments: Sequence[trial_store.Payment]) -> None:
        async with self.pool.acquire() as connection:
            await trial_store.insert_payments(connection, payments)
        await self.add("payments", [payment.id for payment in payments])

    async def _charge(self, name: str) -> None:
        while True:
            entries, ids = await self.claim("payments", name)
            payments = [self.known.pop(identity) for identity in ids]
            if not payments:
                continue
            async with self.pool.acquire() as connection:
                await trial_store.end_payments(connection, payments)
            await self.acknowledge("payments", entries)
            for payment in payments:
                [body] = payment.bodies(["payment.success"])
                post = asyncio.create_task(self.post(new_id("evt"), body))
                self._posts.add(post)
                post.add_done_callback(self._posts.discard)


if __name__ == "__main__":
    Floor().run()
