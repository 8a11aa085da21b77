"""What happens to every request around its handler: id, caller, errors, one line in the log."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any

import structlog
from aiohttp import web

from gateway.domain.versions import UnknownVersion
from gateway.domain.work import StoredAnswer
from gateway.web.authentication import Authenticator, require_permission
from gateway.web.calls import CALL, Call, call_of
from gateway.web.errors import (
    NotAuthenticated,
    Problem,
    Refused,
    envelope,
    problem_of,
    problem_of_status,
)
from gateway.web.request_ids import request_id_of, traceparent_of
from gateway.web.responses import answer, speak_older
from gateway.web.routes import Access, Handler, Route, RouteTable
from gateway.web.services import Services
from gateway.web.sessions import Sessions
from gateway.web.wishes import wants_page

__all__ = ["ErrorWriter", "Middleware", "api_error", "log_fault"]

logger = structlog.get_logger(__name__)


async def _not_found(_request: web.Request) -> web.StreamResponse:
    raise web.HTTPNotFound


_UNKNOWN_ROUTE = Route(
    method="*", path="unknown", handler=_not_found, access=Access.ANYBODY, step="routing"
)
_FRAMES_MAX = 12
_LOOPBACK = frozenset({"127.0.0.1", "::1"})
_WITH_SESSION = (Access.SESSION, Access.VISITOR)

ErrorWriter = Callable[[Problem, web.Request, Route], web.Response]
"""Writes a problem, met while this request was answered, in a surface's own format."""


class Middleware:
    """The one middleware. `writers` has the error format of each surface; `api` is ours."""

    __middleware_version__ = 1  # aiohttp: called with the request and the handler

    def __init__(
        self,
        services: Services,
        authenticator: Authenticator,
        routes: RouteTable,
        writers: Mapping[str, ErrorWriter],
        prefixes: Mapping[str, str],
        *,
        sessions: Sessions,
    ) -> None:
        """`prefixes` names the surface of a path that is no route's, by its beginning."""
        self._services = services
        self._rates = services.rates if services.rates.are_on else None
        self._authenticator = authenticator
        self._sessions = sessions
        self._routes = routes
        self._writers = writers
        self._prefixes = prefixes
        self._versions = services.versions

    async def __call__(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let the handler answer, or say what is wrong."""
        started = time.perf_counter()
        traceparent = traceparent_of(request.headers)
        call = Call(self._services, request_id_of(request.headers, traceparent), traceparent)
        request[CALL] = call
        route = self._routes.get(request.match_info.route)
        response: web.StreamResponse
        try:
            if route is not None:
                await self._admit(request, call, route)
            response = await handler(request)
            if call.changes:
                speak_older(response, call.changes)
        except web.HTTPException as error:
            problem = problem_of(error)
            if problem is None:  # a redirection
                error.headers["X-Request-Id"] = call.request_id
                self._tell(request, call, route, error.status, time.perf_counter() - started)
                raise
            response = self._write(problem, request, route)
        except Exception as error:  # noqa: BLE001 - the last place that can answer
            problem = problem_of(error)
            if problem is None:
                log_fault(error, call.request_id)
                problem = problem_of_status(500)
            response = self._write(problem, request, route)
        if not response.prepared:
            response.headers["X-Request-Id"] = call.request_id
            if call.version is not None:
                response.headers["Gateway-Version"] = call.version
            if call.headers is not None:
                response.headers.update(call.headers)
        answered = call.streaming_since or time.perf_counter()
        self._tell(request, call, route, response.status, answered - started)
        return response

    async def _admit(self, request: web.Request, call: Call, route: Route) -> None:
        """Raise unless the caller may use the route."""
        if route.access is Access.KEY:
            await self._authenticate(request, call, route)
            require_permission(call.caller, route.permission)
        elif self._rates is not None and route.rate_class:
            call.headers = await self._rates.charge(request, route.rate_class, None)
        if route.access in _WITH_SESSION:
            await self._sessions.admit(request, call, route)
        elif route.access is Access.LOOPBACK and _peer(request) not in _LOOPBACK:
            raise web.HTTPNotFound
        self._settle_version(request, call, route)

    def _settle_version(self, request: web.Request, call: Call, route: Route) -> None:
        """The version that is spoken: the one asked for, else the one the merchant is pinned to."""
        if route.surface != "api" or route.access is Access.ANYBODY:
            return
        version = _asked_version(request)
        if version is None and route.access is Access.KEY:
            version = call.caller.key.api_version
        if version is None or version == self._versions.current:
            call.version = self._versions.current
            return
        try:
            call.changes = self._versions.changes_since(version)
            call.version = version
        except UnknownVersion:
            raise Refused(
                f"Gateway-Version must be one of {', '.join(self._versions.known)}",
                field="Gateway-Version",
                reason="unknown_version",
            ) from None

    async def _authenticate(self, request: web.Request, call: Call, route: Route) -> None:
        """Find the caller, and count the request for the key, or for whoever tries one."""
        try:
            call.caller = await self._authenticator.authenticate(request.headers)
        except NotAuthenticated:
            if self._rates is not None:
                await self._rates.charge(request, route.rate_class, None)
            raise
        if self._rates is not None:
            key_id = call.caller.key.id
            call.headers = await self._rates.charge(request, route.rate_class, key_id)

    def _write(self, problem: Problem, request: web.Request, route: Route | None) -> web.Response:
        if route is None:
            return self._writers[self._surface_of(request)](problem, request, _UNKNOWN_ROUTE)
        surface = route.surface
        if route.access is Access.SESSION and not wants_page(request):
            surface = "api"  # a script of ours, or somebody else's program
        return self._writers[surface](problem, request, route)

    def _surface_of(self, request: web.Request) -> str:
        """The surface of a path that is no route's: by its beginning, else by who asks."""
        for start, name in self._prefixes.items():
            if request.path.startswith(start):
                return name
        return "pages" if "text/html" in request.headers.get("Accept", "") else "api"

    def _tell(
        self, request: web.Request, call: Call, route: Route | None, status: int, seconds: float
    ) -> None:
        """The canonical line: what was asked and what came of it, nothing that was sent."""
        template = route.path if route else "unknown"
        self._services.observe(template, request.method, status, seconds)
        logger.info(
            "request",
            method=request.method if route else request.method[:16],
            route=template,
            status=status,
            duration_ms=round(seconds * 1000, 3),
            merchant=call.merchant_id,
            request_id=call.request_id,
        )


def api_error(problem: Problem, request: web.Request, route: Route) -> web.Response:
    """A problem in the format of `/api/v1`."""
    body = envelope(problem, call_of(request).request_id, step=route.step)
    return answer(StoredAnswer(status=problem.status, body=body), headers=problem.headers)


def log_fault(error: BaseException, request_id: str) -> None:
    """Where a fault of ours happened. Neither its text nor any value: they may hold card data."""
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES_MAX:]
    logger.error(
        "request_failed",
        error=type(error).__name__,
        request_id=request_id,
        where=[f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
    )


def _asked_version(request: web.Request) -> str | None:
    versions = request.headers.getall("Gateway-Version", ())
    return versions[0].strip() if len(versions) == 1 else ("" if versions else None)


def _peer(request: web.Request) -> str | None:
    """The address at the other end of the connection, whatever the headers say."""
    transport = request.transport
    name: Any = None if transport is None else transport.get_extra_info("peername")
    return name[0] if isinstance(name, tuple) else None
