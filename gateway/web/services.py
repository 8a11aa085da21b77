"""What handlers work with: put together once in `gateway.app`, found on the application."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

import asyncpg
from aiohttp import web

from gateway.domain.clock import Clock
from gateway.queue import ChangeHub, JobQueue, SealedCards
from gateway.security.outbound import OutboundGuard
from gateway.security.vault import Vault

__all__ = ["SERVICES", "Orders", "Services", "Webhooks"]


class Orders(Protocol):
    """The region of order actors, as handlers see it."""

    async def ask(self, identity: str, message: Any, *, deadline_seconds: float) -> Any:
        """Ask the order's actor; raises what it refuses with, `Unavailable` when it cannot be."""
        ...


class Webhooks(Protocol):
    """The deliverer, as handlers see it."""

    async def deliver_now(self, delivery_ids: list[str]) -> None:
        """These deliveries are committed as due at once: have them sent."""
        ...

    def forget_endpoint(self, endpoint_id: str) -> None:
        """The endpoint was changed: read it anew before the next post."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything a handler may use. `settings` is `gateway.settings.Settings`."""

    settings: Any
    clock: Clock
    pool: asyncpg.Pool
    orders: Orders
    webhooks: Webhooks
    vault: Vault
    sealed: SealedCards
    jobs: JobQueue
    changes: ChangeHub
    guard: OutboundGuard
    supervision_tree: Callable[[], Any]
    is_draining: Callable[[], bool]
    worker_is_running: Callable[[], bool]
    redis_is_connected: Callable[[], Awaitable[bool]]


SERVICES: web.AppKey[Services] = web.AppKey("services", Services)
