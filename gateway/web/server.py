"""The listening side: connections whose every answer is in our envelope."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from http import HTTPStatus
from typing import Any

import structlog
from aiohttp import hdrs, web
from aiohttp.web_protocol import RequestHandler

from gateway.domain.ids import new_id
from gateway.web.errors import PROBLEM_JSON, envelope, problem_of_status
from gateway.web.middleware import log_fault
from gateway.web.routes import Handler

__all__ = ["Connection", "Runner"]

logger = structlog.get_logger(__name__)


class _InPlace:
    """The event loop as aiohttp sees it, which begins a task for each request and awaits it.

    It gets the coroutine and awaits that: a task more takes 4 % of the time of a new order, and is
    there for handlers that leave context variables behind. From Python 3.12 on aiohttp starts its
    tasks eagerly.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.create_future = loop.create_future
        self.time = loop.time
        self.call_at = loop.call_at

    def create_task(self, coroutine: Coroutine[Any, Any, Any]) -> Coroutine[Any, Any, Any]:
        """What is awaited in the task's place."""
        return coroutine


class Connection(RequestHandler):
    """A connection whose parser's complaints are told in our envelope, too.

    Handlers are not cancelled when it is lost; those that have nothing else to do are told.
    """

    __slots__ = ("_on_lost",)

    def __init__(self, manager: Any, **options: Any) -> None:
        super().__init__(manager, **options)
        self._on_lost: Callable[[], None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """From now on requests are handled by the connection's own task."""
        super().connection_made(transport)
        if sys.version_info < (3, 12):
            self._loop: Any = _InPlace(self._loop)

    def tell_when_lost(self, callback: Callable[[], None] | None) -> None:
        """Call it once, when the client has hung up; None takes it back. One request at a time."""
        self._on_lost = callback

    def connection_lost(self, exc: BaseException | None) -> None:
        """Nobody is at the other end any more."""
        super().connection_lost(exc)
        callback, self._on_lost = self._on_lost, None
        if callback is not None:
            callback()

    def handle_error(
        self,
        request: Any,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - it quotes what was sent
    ) -> web.StreamResponse:
        """The answer to what never became a request, or broke the framework itself."""
        if request.writer.output_size > 0:
            raise ConnectionError("an answer is under way already")
        request_id = new_id("req")
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR and exc is not None:
            log_fault(exc, request_id)
        logger.info("request", method=None, route="malformed", status=status, request_id=request_id)
        response = web.Response(
            status=status,
            body=envelope(problem_of_status(status), request_id, step="routing"),
            headers={"Content-Type": PROBLEM_JSON, "X-Request-Id": request_id},
        )
        response.force_close()
        return response


class _Listener(web.Server):
    """Makes our connections."""

    def __call__(self) -> RequestHandler:
        return Connection(self, loop=self._loop, **self._kwargs)


def _handling(application: web.Application) -> Callable[[Any], Awaitable[web.StreamResponse]]:
    """What aiohttp's application does with a request, without what ours have none of.

    Applications inside others and middlewares in the old style are looked for with every request.
    """
    router = application.router
    middlewares = tuple(reversed(application.middlewares))

    async def handle(request: web.Request) -> web.StreamResponse:
        match = await router.resolve(request)
        match.add_app(application)
        match.freeze()
        request._match_info = match  # noqa: SLF001 - where aiohttp's own puts it
        if hdrs.EXPECT in request.headers:
            refusal = await match.expect_handler(request)
            await request.writer.drain()
            if refusal is not None:
                return refusal
        handler: Handler = match.handler
        for middleware in middlewares:
            handler = partial(middleware, handler=handler)
        return await handler(request)

    return handle


class Runner(web.AppRunner):
    """An application runner whose connections are ours. Nobody writes an access log beside ours.

    A client that hangs up does not cancel what it has asked for.
    """

    __slots__ = ()

    def __init__(
        self,
        application: web.Application,
        *,
        keepalive_seconds: float = 75.0,
        lingering_seconds: float = 2.0,
        header_bytes_max: int = 16 * 1024,
        shutdown_seconds: float = 10.0,
    ) -> None:
        super().__init__(
            application,
            access_log=None,
            handler_cancellation=False,
            keepalive_timeout=keepalive_seconds,
            lingering_time=lingering_seconds,
            max_line_size=header_bytes_max,
            max_field_size=header_bytes_max,
            shutdown_timeout=shutdown_seconds,
        )

    async def _make_server(self) -> Any:
        server: Any = await super()._make_server()
        return _Listener(
            _handling(self.app),
            request_factory=server.request_factory,
            loop=asyncio.get_running_loop(),
            **server._kwargs,  # noqa: SLF001 - aiohttp has no way to ask for other connections
        )
