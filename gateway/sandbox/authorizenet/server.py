"""The sandbox as a whole: two listeners, one for merchants and one for tests."""

from __future__ import annotations

import asyncio
import socket

from aiohttp import web

from gateway.domain.clock import Clock
from gateway.sandbox.authorizenet.accounts import Accounts
from gateway.sandbox.authorizenet.api import PATH, JsonApi
from gateway.sandbox.authorizenet.control import Control
from gateway.sandbox.authorizenet.notifications import Courier
from gateway.sandbox.authorizenet.options import Options
from gateway.sandbox.authorizenet.webhooks_api import WebhooksApi

__all__ = ["Sandbox"]

_CONTROL_HOST = "127.0.0.1"
_SHUTDOWN_SECONDS = 0.1


class Sandbox:
    """Authorize.Net as far as this machine is concerned. Everything is forgotten at its end."""

    def __init__(self, options: Options | None = None, *, clock: Clock | None = None) -> None:
        self._options = options or Options()
        clock = clock or Clock()
        accounts = Accounts(self._options)
        self._courier = Courier(self._options)
        self._api = JsonApi(accounts, self._courier, clock, self._options)
        self._webhooks = WebhooksApi(accounts, self._courier, clock, self._options)
        self._control = Control(accounts, self._api, self._courier, clock, self, self._options)
        self._runners: list[web.AppRunner] = []
        self._site: web.SockSite | None = None
        self._reserved: socket.socket | None = None
        self._accepting: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.url = ""
        """Where merchants are answered, without a path."""
        self.control_url = ""
        """Where tests are answered, without a path."""

    @property
    def api_url(self) -> str:
        """The address of the JSON API."""
        return f"{self.url}{PATH}"

    async def start(self) -> None:
        """Begin to listen. Raises OSError when a port is taken; nothing is left open then."""
        try:
            await self._listen()
        except OSError:
            await self.stop()
            raise

    async def _listen(self) -> None:
        options = self._options
        await self._courier.start()
        await self._run([*self._api.routes(), *self._webhooks.routes()])
        # Bound and never listening, it keeps the port ours while connections are refused.
        self._reserved = _bound(options.host, options.port)
        port = self._reserved.getsockname()[1]
        self.url = f"http://{_in_url(options.host)}:{port}"
        await self.accept()
        control = await self._run(self._control.routes())
        listener = _bound(_CONTROL_HOST, options.control_port)
        self.control_url = f"http://{_CONTROL_HOST}:{listener.getsockname()[1]}"
        await web.SockSite(control, listener).start()

    async def stop(self) -> None:
        """Close everything; requests under way are cut off."""
        self._forget_timer()
        await asyncio.gather(*self._tasks)
        await self._api.stop()
        for runner in reversed(self._runners):
            await runner.cleanup()
        if self._reserved is not None:
            self._reserved.close()
        await self._courier.stop()

    async def refuse(self, seconds: float | None) -> None:
        """Refuse connections and cut off those that are open; None: until `accept`."""
        self._forget_timer()
        if self._site is not None:
            await self._site.stop()
            self._site = None
        await self._cut_off()
        if seconds is not None:
            self._accepting = asyncio.get_running_loop().call_later(seconds, self._accept_soon)

    async def accept(self) -> None:
        """Listen, after a refusal again."""
        self._forget_timer()
        if self._site is None and self._reserved is not None:
            host, port = self._reserved.getsockname()[:2]
            self._site = web.SockSite(self._runners[0], _bound(host, port))
            await self._site.start()

    def _forget_timer(self) -> None:
        if self._accepting is not None:
            self._accepting.cancel()
            self._accepting = None

    async def _cut_off(self) -> None:
        """Close the merchants' connections, and wait until they are closed."""
        server = self._runners[0].server
        if server is None:
            return
        for connection in server.connections:
            connection.force_close()
        await asyncio.sleep(0)  # the loop closes them in its next turn

    def _accept_soon(self) -> None:
        task = asyncio.get_running_loop().create_task(self.accept())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, routes: list[web.RouteDef]) -> web.AppRunner:
        application = web.Application(client_max_size=self._options.body_bytes_max)
        application.add_routes(routes)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS)
        await runner.setup()
        self._runners.append(runner)
        return runner


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    listener.setblocking(False)
    return listener


def _in_url(host: str) -> str:
    shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - told, not bound
    return f"[{shown}]" if ":" in shown else shown
