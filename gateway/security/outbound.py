"""Requests to hosts that merchants name: guarded when the connection is made."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver

from gateway.security.addresses import OutboundGuard, OutboundRefused
from gateway.security.posting import Poster, Response, UrlInvalid
from gateway.security.resolving import IsolatedResolver
from gateway.security.webhook_urls import validate_webhook_url

__all__ = [
    "OutboundGuard",
    "OutboundRefused",
    "Poster",
    "Response",
    "UrlInvalid",
    "guarded_connector",
    "guarded_session",
    "socket_factory",
    "validate_webhook_url",
]


def socket_factory(guard: OutboundGuard) -> Callable[[tuple[Any, ...]], socket.socket]:
    """Makes the sockets of a connector, and raises OutboundRefused before one can connect.

    It sees every final address: what a name resolved to this time, and literals, which a resolver
    never sees.
    """

    def guarded_socket(address_information: tuple[Any, ...]) -> socket.socket:
        family, kind, protocol, _, address = address_information
        if family not in (socket.AF_INET, socket.AF_INET6):
            raise OutboundRefused("not an internet address")
        reason = guard.refuses(str(address[0]))
        if reason is not None:
            raise OutboundRefused(reason)
        return socket.socket(family=family, type=kind, proto=protocol)

    return guarded_socket


def guarded_connector(
    guard: OutboundGuard,
    *,
    limit: int = 256,
    limit_per_host: int = 16,
    keepalive_seconds: float = 4.0,
    resolved_seconds: int = 10,
    resolver_threads: int = 16,
    resolver: AbstractResolver | None = None,
) -> aiohttp.TCPConnector:
    """A connector that reaches only what `guard` allows; to be made inside the running loop.

    `keepalive_seconds` is below the five after which many servers hang up on an idle connection:
    a POST sent into a closing one would count as a failed attempt.
    """
    return _GuardedConnector(
        resolver_threads=resolver_threads,
        resolver=resolver,
        socket_factory=socket_factory(guard),
        limit=limit,
        limit_per_host=limit_per_host,
        keepalive_timeout=keepalive_seconds,
        ttl_dns_cache=resolved_seconds,
    )


def guarded_session(connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
    """A session that adds nothing of its own: no proxy from the environment, no cookies.

    Answers are asked for and kept as they are sent, so that a small compressed one cannot become
    a big one here.
    """
    return aiohttp.ClientSession(
        connector=connector,
        trust_env=False,
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"Accept": "*/*", "Accept-Encoding": "identity"},
    )


class _GuardedConnector(aiohttp.TCPConnector):
    """Ends the threads of its own resolver together with the connections."""

    def __init__(
        self, *, resolver_threads: int, resolver: AbstractResolver | None, **settings: Any
    ) -> None:
        own = IsolatedResolver(threads=resolver_threads) if resolver is None else None
        super().__init__(resolver=resolver or own, **settings)
        self._own_resolver = own

    async def close(self, *, abort_ssl: bool = False) -> None:
        if self._own_resolver is not None:
            await self._own_resolver.close()
        await super().close(abort_ssl=abort_ssl)
