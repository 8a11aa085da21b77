"""Host names resolved in threads that nothing else depends on."""

from __future__ import annotations

import asyncio
import functools
import socket
from concurrent.futures import ThreadPoolExecutor

from aiohttp.abc import AbstractResolver, ResolveResult

__all__ = ["IsolatedResolver"]


class IsolatedResolver(AbstractResolver):
    """Resolves in `threads` of its own: a name server that hangs delays only webhooks.

    The loop's own resolution shares a handful of threads with everything else, and with uvloop
    four. Raises OSError for a name that does not resolve or cannot be one.
    """

    def __init__(self, *, threads: int) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="resolver")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The host's addresses, as literals, in the order the system prefers."""
        look_up = functools.partial(
            socket.getaddrinfo, host, port, family, socket.SOCK_STREAM, 0, socket.AI_ADDRCONFIG
        )
        try:
            found = await asyncio.get_running_loop().run_in_executor(self._threads, look_up)
        except UnicodeError:  # a label too long or empty, found by Python before any name server
            raise OSError("the host name is not valid") from None
        return [
            ResolveResult(
                hostname=host,
                host=str(address[0]),
                port=port,
                family=int(found_family),
                proto=protocol,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for found_family, _, protocol, _, address in found
        ]

    async def close(self) -> None:
        """Drop what waits; a thread inside the system's resolver ends on its own."""
        self._threads.shutdown(wait=False, cancel_futures=True)
