"""Merchants' servers on this machine, and the signatures as a merchant would check them."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from aiohttp import web

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One request as it arrived."""

    headers: Mapping[str, str]
    body: bytes
    path: str


class Receiver:
    """Answers with the statuses it was given, one a request, then with the last one for ever."""

    def __init__(self, *statuses: int, answer: Answer | None = None) -> None:
        self._statuses = list(statuses or (200,))
        self._answer = answer
        self._runner: web.AppRunner | None = None
        self.received: list[Received] = []
        self.under_way = self.under_way_max = 0
        self.let_go = asyncio.Event()
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def ids(self) -> list[str]:
        """The event ids, in the order of their arrival."""
        return [each.headers["webhook-id"] for each in self.received]

    def answers(self, *statuses: int) -> None:
        """From now on."""
        self._statuses = list(statuses)

    async def start(self) -> None:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        self.let_go.set()
        if self._runner is not None:
            await self._runner.cleanup()

    async def hang(self, _: web.Request) -> web.Response:
        """An answer that does not come until `let_go`."""
        await self.let_go.wait()
        return web.Response()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.under_way += 1
        self.under_way_max = max(self.under_way, self.under_way_max)
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.received.append(Received(headers=headers, body=body, path=request.path))
        try:
            if self._answer is not None:
                return await self._answer(request)
            status = self._statuses.pop(0) if len(self._statuses) > 1 else self._statuses[0]
            return web.Response(status=status, text="thank you")
        finally:
            self.under_way -= 1


def legacy_signature(body: bytes, secret: str) -> str:
    """As the contract says: hex HMAC-SHA256 of the body, the key the secret as it stands."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def standard_signature(request: Received, secret: str) -> str:
    """As the Standard Webhooks specification says, for a `whsec_` secret of base64."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    prefix = f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}.".encode()
    digest = hmac.new(key, prefix + request.body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()
