"""`GET /dashboard`: where somebody who has just signed in begins."""

from __future__ import annotations

from aiohttp import web

from gateway.web.calls import call_of
from gateway.web.dashboard.credentials import credentials_of
from gateway.web.dashboard.frame import dashboard_response

__all__ = ["show_overview"]


async def show_overview(request: web.Request) -> web.Response:
    """The merchant's credentials."""
    call = call_of(request)
    async with call.services.pool.acquire() as connection:
        credentials = await credentials_of(connection, call)
    context = {"credentials": credentials}
    return dashboard_response(request, "dashboard/overview.html", context, active="overview")
