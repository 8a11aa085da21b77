"""How the references listen: aiohttp on uvloop on a system port, which they print first."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable

import uvloop
from aiohttp import web

__all__ = ["serve"]


def serve(
    application: web.Application, started: Callable[[], Awaitable[None]] | None = None
) -> None:
    """Serve until SIGTERM; `started` is awaited before the port is printed."""
    uvloop.run(_serve(application, started))


async def _serve(
    application: web.Application, started: Callable[[], Awaitable[None]] | None
) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        if started is not None:
            await started()
        await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
        print(runner.addresses[0][1], flush=True)
        await stop.wait()
    finally:
        await runner.cleanup()
