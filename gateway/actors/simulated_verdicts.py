"""The simulated bank's word on contested disputes, some time after the evidence has reached it.

A summary that says `losing_evidence` loses, every other one wins: what is tried out has to end.
"""

from __future__ import annotations

from datetime import timedelta

import asyncpg
import structlog

from gateway.actors.errors import ActorError
from gateway.actors.messages import ChangeDispute
from gateway.actors.region import Region
from gateway.domain.clock import Clock
from gateway.domain.decisions import DecideDispute
from gateway.domain.disputes import DisputeStatus
from gateway.domain.errors import Rejected
from gateway.storage.reads_disputes import disputes_at_the_simulator

__all__ = ["SimulatedVerdicts"]

logger = structlog.get_logger(__name__)

_LOSING = "losing_evidence"


class SimulatedVerdicts:
    """Decides what has been under review for `delay_seconds` of the movable clock."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        orders: Region,
        clock: Clock,
        *,
        delay_seconds: float,
        slice_max: int,
        ask_seconds: float,
    ) -> None:
        self._pool = pool
        self._orders = orders
        self._clock = clock
        self._delay = timedelta(seconds=delay_seconds)
        self._slice_max = slice_max
        self._ask_seconds = ask_seconds

    async def look(self) -> None:
        """Decide some; the rest is found the next time."""
        until = self._clock.now() - self._delay
        async with self._pool.acquire() as connection:
            found = await disputes_at_the_simulator(connection, until, self._slice_max)
        for dispute in found:
            lost = _LOSING in (dispute.summary or "")
            change = DecideDispute(status=DisputeStatus.LOST if lost else DisputeStatus.WON)
            message = ChangeDispute(dispute_id=dispute.id, change=change)
            try:
                await self._orders.ask(
                    dispute.order_id, message, deadline_seconds=self._ask_seconds
                )
            except (Rejected, ActorError) as error:
                logger.warning("verdict_refused", dispute_id=dispute.id, error=type(error).__name__)
