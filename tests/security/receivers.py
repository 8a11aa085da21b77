"""Servers on this machine that receive webhooks, well-behaved or not, and a client to try them."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aiohttp.abc import AbstractResolver, ResolveResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateway.security.outbound import (
    OutboundGuard,
    Poster,
    Response,
    guarded_connector,
    guarded_session,
)

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
HEADERS = {"Content-Type": "application/json", "webhook-id": "evt_1", "User-Agent": "Gateway"}
BODY = '{"note":"₹"}'.encode()

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Receiver:
    """A server that plays one script for each request and keeps what it was sent."""

    script: Script
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)
    port: int = 0
    under_way: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task
        self.under_way.add(task)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.requests.append(head + await reader.readexactly(len(BODY)))
                await self.script(reader, writer)
                await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def receiver(
    script: bytes | Script, *, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Receiver]:
    """Plays `script`, or answers with it when it is bytes."""

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert isinstance(script, bytes)
        writer.write(script)

    served = Receiver(answer if isinstance(script, bytes) else script)
    server = await asyncio.start_server(served.serve, "127.0.0.1", 0, ssl=tls)
    served.port = server.sockets[0].getsockname()[1]
    try:
        yield served
    finally:
        server.close()
        # Whoever connected has left, so every script comes to its end.
        await asyncio.wait_for(asyncio.gather(*served.under_way), 10)


class Names(AbstractResolver):
    """Resolves every name to the same addresses; with none, as an unknown name."""

    def __init__(self, *addresses: str) -> None:
        self._addresses = addresses

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_UNSPEC,  # noqa: ARG002  # the base's signature
    ) -> list[ResolveResult]:
        if not self._addresses:
            raise OSError("unknown")
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=0,
            )
            for address in self._addresses
        ]

    async def close(self) -> None:
        """Nothing to close."""


async def attempt(
    url: str,
    *,
    allow_loopback: bool = True,
    resolver: AbstractResolver | None = None,
    timeout_seconds: float = 5.0,
    characters_max: int = 2048,
    times: int = 1,
    headers: Mapping[str, str] = HEADERS,
) -> Response:
    """Post with a session of its own and give the last response."""
    guard = OutboundGuard(allow_loopback=allow_loopback)
    async with guarded_session(guarded_connector(guard, resolver=resolver)) as session:
        poster = Poster(session, url)
        for _ in range(times):
            response = await poster.post(
                BODY,
                headers,
                timeout_seconds=timeout_seconds,
                response_characters_max=characters_max,
            )
        return response


def http(status: str, body: bytes = b"", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def unvouched_tls(directory: Path) -> ssl.SSLContext:
    """A server's context with a certificate that nobody vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=36_500))
        .sign(key, hashes.SHA256())
    )
    pem = directory / "server.pem"
    pem.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context
