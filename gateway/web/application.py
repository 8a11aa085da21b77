"""The web application: every route of the process, and the one middleware around them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from aiohttp import web

from gateway.storage.administration import note_key_use
from gateway.storage.reads_accounts import KeyRecord, find_key
from gateway.web.api import api_routes
from gateway.web.authentication import Authenticator, KeyCache
from gateway.web.checkout.bills import bill_routes
from gateway.web.checkout.challenge import challenge_routes
from gateway.web.checkout.live import live_routes
from gateway.web.checkout.looks import PAYMENT_LOOKS, PaymentLooks
from gateway.web.checkout.page import page_routes
from gateway.web.checkout.returning import return_routes
from gateway.web.checkout.script import script_routes
from gateway.web.commands import KEY_GATE
from gateway.web.dashboard import dashboard_routes
from gateway.web.dashboard.exports import EXPORTS
from gateway.web.idempotency import KeyGate
from gateway.web.keys import KEY_CACHE, KEY_PERMISSIONS
from gateway.web.middleware import ErrorWriter, Middleware, api_error
from gateway.web.openapi import openapi_routes
from gateway.web.operations import operations_routes
from gateway.web.pages.assets import asset_routes
from gateway.web.pages.errors import page_error
from gateway.web.pages.setup import add_pages
from gateway.web.razorpay import (
    PREFIXES,
    add_lenient_paths,
    razorpay_error,
    razorpay_routes,
)
from gateway.web.razorpay.wire import SURFACE
from gateway.web.routes import (
    PAGES,
    ROUTES,
    Access,
    Route,
    RouteTable,
    add_routes,
    close_shadowed,
)
from gateway.web.services import SERVICES, Services
from gateway.web.sessions import SESSIONS, Sessions

__all__ = ["make_application"]


def make_application(
    services: Services,
    *,
    more_routes: Sequence[Iterable[Route]] = (),
    writers: Mapping[str, ErrorWriter] | None = None,
    prefixes: Mapping[str, str] | None = None,
) -> web.Application:
    """The application with the routes of API, checkout, pages, operations and `more_routes`.

    `writers` are the error formats of further surfaces, `prefixes` says which surface a path
    belongs to that is no route's.
    """
    cache = _key_cache(services)
    authenticator = _authenticator(services, cache)
    sessions = Sessions(services)
    table: dict[web.AbstractRoute, Route] = {}
    middleware = Middleware(
        services,
        authenticator,
        table,
        {"api": api_error, "pages": page_error, SURFACE: razorpay_error, **(writers or {})},
        {"/api/": "api", **PREFIXES, **(prefixes or {})},
        sessions=sessions,
    )
    application = web.Application(
        middlewares=[middleware], client_max_size=services.settings.body_bytes_max
    )
    looks = PaymentLooks(services.pool, pending_max=services.settings.streams_max)
    application[SERVICES] = services
    application[KEY_GATE] = _key_gate(services)
    application[KEY_CACHE] = cache
    application[SESSIONS] = sessions
    application[PAYMENT_LOOKS] = looks
    application[EXPORTS] = asyncio.Semaphore(services.settings.dashboard_exports_max)
    application[ROUTES] = table
    add_pages(application)
    _add_all(application, table, (*_own_routes(services), *more_routes))
    add_lenient_paths(application.router)

    async def close(_application: web.Application) -> None:
        await looks.close()
        await authenticator.close()

    application.on_cleanup.append(close)
    return application


def _add_all(
    application: web.Application,
    table: dict[web.AbstractRoute, Route],
    groups: Iterable[Iterable[Route]],
) -> None:
    for routes in groups:
        table.update(add_routes(application.router, routes))
    table.update(close_shadowed(table))
    _check_complete(application, table)
    application[KEY_PERMISSIONS] = frozenset(
        route.permission for route in table.values() if route.access is Access.KEY
    )
    application[PAGES] = frozenset(route.path for route in table.values() if route.method == "GET")


def _own_routes(services: Services) -> Sequence[Iterable[Route]]:
    return (
        api_routes(services.settings),
        razorpay_routes(),
        live_routes(),
        return_routes(),
        challenge_routes(),
        operations_routes(),
        openapi_routes(),
        asset_routes(),
        script_routes(),
        page_routes(),
        bill_routes(),
        dashboard_routes(),
    )


def _key_gate(services: Services) -> KeyGate:
    settings = services.settings
    return KeyGate(
        wait_seconds=settings.idempotency_wait_seconds,
        waiting_max=settings.idempotency_waiting_max,
    )


def _key_cache(services: Services) -> KeyCache:
    async def load(key_id: str) -> KeyRecord | None:
        async with services.pool.acquire() as connection:
            return await find_key(connection, key_id)

    cache = KeyCache(
        load,
        seconds=services.settings.key_cache_seconds,
        entries_max=services.settings.key_cache_max,
    )
    services.changes.on_revocation(cache.forget)
    services.changes.on_gap(cache.forget_all)
    return cache


def _authenticator(services: Services, cache: KeyCache) -> Authenticator:
    async def note_use(key_id: str, now: datetime) -> None:
        async with services.pool.acquire() as connection:
            await note_key_use(connection, key_id, now)

    return Authenticator(cache, services.vault, services.clock, note_use)


def _check_complete(application: web.Application, table: RouteTable) -> None:
    """Every route must say who may call it."""
    for route in application.router.routes():
        if route not in table:
            raise ValueError(f"{route} has no access rule")
