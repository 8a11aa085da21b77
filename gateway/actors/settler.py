"""Closes settlements: one process does it, once in each period of the movable clock."""

from __future__ import annotations

from datetime import timedelta

import asyncpg
import structlog

from gateway.domain.clock import Clock
from gateway.storage import settlements

__all__ = ["Settler"]

logger = structlog.get_logger(__name__)


class Settler:
    """Pays out what the books hold for each merchant, in each mode and currency."""

    def __init__(self, pool: asyncpg.Pool, clock: Clock, *, period_seconds: float) -> None:
        self._pool = pool
        self._clock = clock
        self._period = timedelta(seconds=period_seconds)

    async def look(self) -> None:
        """Settle if it is time. Each settlement is whole or not at all."""
        now = self._clock.now()
        async with self._pool.acquire() as connection:
            if not await settlements.begin_run(connection, now, now - self._period):
                return
            accounts = await settlements.due_accounts(connection, now)
        for account in accounts:
            async with self._pool.acquire() as connection:
                settled = await settlements.settle(connection, account, now, now)
            if settled is not None:
                logger.info("settled", settlement_id=settled.id, currency=settled.currency)
