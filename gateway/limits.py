"""Rate limits and the guard against card testing, put together from the settings."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from redis.asyncio import Redis

from gateway.domain.clock import Clock
from gateway.domain.work import UnitOfWork
from gateway.observers import Observers
from gateway.queue.client import Keys
from gateway.queue.counters import Counters
from gateway.security.vault import Vault
from gateway.settings import Settings
from gateway.web.card_guard import CardGuard
from gateway.web.rates import RateLimits

__all__ = ["Limits", "make_limits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """`observers` tell the guard how payments end, besides whom they told before."""

    counters: Counters
    rates: RateLimits
    card_guard: CardGuard
    observers: Observers

    async def close(self) -> None:
        """Let what is under way to Redis end."""
        await self.card_guard.close()
        await self.counters.close()


def make_limits(
    settings: Settings, observers: Observers, redis: Redis, vault: Vault, clock: Clock
) -> Limits:
    """The limits and guards that the settings switch on."""
    counters = Counters(
        redis,
        Keys(settings.redis_prefix),
        timeout_seconds=settings.rate_limit_timeout_seconds,
        pause_seconds=settings.rate_limit_pause_seconds,
    )
    guard = CardGuard(settings, counters, vault, observers.card_refused)
    told = observers.committed

    def committed(units: Sequence[UnitOfWork]) -> None:
        told(units)
        guard.committed(units)

    return Limits(
        counters=counters,
        rates=RateLimits(settings, counters, clock, observers.limited),
        card_guard=guard,
        observers=dataclasses.replace(observers, committed=committed) if guard.is_on else observers,
    )
