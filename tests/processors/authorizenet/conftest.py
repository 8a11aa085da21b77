"""Authorize.Net's adapter, and a server that it takes for Authorize.Net."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

from gateway.domain.clock import Clock
from gateway.processors.authorizenet.processor import AuthorizeNet
from gateway.processors.protocol import ProcessorContext
from tests.processors.authorizenet.samples import SENT_AT
from tests.processors.authorizenet.server import ScriptedServer

OpenProcessor = Callable[..., Awaitable[AuthorizeNet]]

ACCOUNT = {
    "authorizenet_api_login_id": "login",
    "authorizenet_transaction_key": "tkey",
    "authorizenet_signature_key": "ABCDEF0123",
}


class FixedClock(Clock):
    """A minute after the transactions were sent."""

    def now(self) -> Any:
        return SENT_AT + timedelta(minutes=1)


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    """Listens on a port of this machine."""
    scripted = ScriptedServer()
    application = web.Application()
    application.router.add_post("/xml/v1/request.api", scripted.handle)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    scripted.url = f"http://127.0.0.1:{runner.addresses[0][1]}/xml/v1/request.api"
    yield scripted
    await runner.cleanup()


@pytest.fixture
async def open_processor(server: ScriptedServer) -> AsyncIterator[OpenProcessor]:
    """Starts adapters with these settings; they are closed at the end."""
    async with AsyncExitStack() as stack:

        async def start(**settings: Any) -> AuthorizeNet:
            processor = AuthorizeNet()
            stack.push_async_callback(processor.close)
            values = {"authorizenet_url": server.url} | ACCOUNT | settings
            await processor.start(ProcessorContext(clock=FixedClock(), settings=values))
            return processor

        yield start


@pytest.fixture
async def processor(open_processor: OpenProcessor) -> AuthorizeNet:
    """With the gateway's own account."""
    return await open_processor()
