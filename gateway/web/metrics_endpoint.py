"""`/metrics` in the text format of Prometheus, on the public port or on one of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from aiohttp import web

from gateway.web.routes import Access, Handler, Route

__all__ = ["METRICS_PATHS", "Exposition", "metrics_application", "metrics_routes"]

METRICS_PATHS = ("/metrics", "/api/v1/metrics")

Exposition = Callable[[], Awaitable[bytes]]
"""Makes the text; it answers even while stores are away."""

_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def metrics_routes(exposition: Exposition) -> Iterable[Route]:
    """The routes for the public port. Nothing in the metrics belongs to one merchant."""
    for path in METRICS_PATHS:
        yield Route(
            method="GET",
            path=path,
            handler=_handler(exposition),
            access=Access.ANYBODY,
            step="operations",
        )


def metrics_application(exposition: Exposition) -> web.Application:
    """All there is on GATEWAY_OPERATIONS_PORT."""
    application = web.Application()
    for path in METRICS_PATHS:
        application.router.add_get(path, _handler(exposition))
    return application


def _handler(exposition: Exposition) -> Handler:
    async def show(_request: web.Request) -> web.Response:
        return web.Response(body=await exposition(), headers={"Content-Type": _CONTENT_TYPE})

    return show
