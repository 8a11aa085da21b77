"""Health: is the process alive, may it be sent requests, and how are its parts."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from aiohttp import web

from gateway.domain.representation import timestamp
from gateway.queue.client import is_redis_unavailable
from gateway.storage.pool import DATABASE_ERRORS, is_unavailable
from gateway.web.calls import call_of
from gateway.web.responses import json_response
from gateway.web.routes import Access, Route
from gateway.web.services import Services

__all__ = [
    "alive",
    "database_is_connected",
    "health",
    "operations_routes",
    "ready",
    "redis_is_connected",
]

_CHECK_SECONDS = 2.0


def operations_routes() -> Iterable[Route]:
    """The routes for operators and platforms."""
    for path, handler in (
        ("/livez", alive),
        ("/healthz", alive),
        ("/readyz", ready),
        ("/health", health),
        ("/api/v1/health", health),
    ):
        yield Route(
            method="GET", path=path, handler=handler, access=Access.ANYBODY, step="operations"
        )


async def alive(_request: web.Request) -> web.Response:
    """The event loop turns; nothing else is touched."""
    return json_response({"status": "alive"})


async def ready(request: web.Request) -> web.Response:
    """Whether to send requests here. Without Redis everything is accepted, only later done."""
    services = call_of(request).services
    draining = services.is_draining()
    database, redis = await asyncio.gather(
        database_is_connected(services), redis_is_connected(services)
    )
    checks = {
        "accepting": "draining" if draining else "ok",
        "database": "ok" if database else "failed",
        "redis": "ok" if redis else "degraded",
        "worker": "ok" if services.worker_is_running() else "degraded",
    }
    is_ready = database and not draining
    status = "ready" if is_ready else "not ready"
    return json_response({"status": status, "checks": checks}, 200 if is_ready else 503)


async def health(request: web.Request) -> web.Response:
    """How the parts are, for people and monitors."""
    services = call_of(request).services
    database, redis = await asyncio.gather(
        database_is_connected(services), redis_is_connected(services)
    )
    worker = services.worker_is_running()
    healthy = database and redis and worker
    content = {
        "status": "healthy" if healthy else "degraded",
        "database": "connected" if database else "disconnected",
        "redis": "connected" if redis else "disconnected",
        "worker": "running" if worker else "stopped",
        "timestamp": timestamp(services.clock.now()),
    }
    return json_response(content, 200 if healthy else 503)


async def database_is_connected(services: Services) -> bool:
    """Whether Postgres answers in time."""
    try:
        async with asyncio.timeout(_CHECK_SECONDS), services.pool.acquire() as connection:
            await connection.fetchval("SELECT 1")
    except DATABASE_ERRORS as error:
        if not is_unavailable(error):
            raise
        return False
    return True


async def redis_is_connected(services: Services) -> bool:
    """Whether Redis answers in time."""
    try:
        async with asyncio.timeout(_CHECK_SECONDS):
            return await services.redis_is_connected()
    except Exception as error:
        if not isinstance(error, TimeoutError) and not is_redis_unavailable(error):
            raise
        return False
