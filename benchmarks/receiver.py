"""A merchant's server that counts: each event once, and checks the signature of a sample."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Callable
from typing import cast

__all__ = ["Receiver"]

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: text/plain\r\n\r\nok"


class Receiver:
    """Answers every POST with 200 and tells `on_payment` of each payment that it hears of.

    Every `sample`-th event's `X-Webhook-Signature` is compared with the body's. `repeated` counts
    events that came again, `forged` signatures that were wrong.
    """

    def __init__(self, secret: str, *, sample: int = 50) -> None:
        self.secret = secret
        self._sample = sample
        self._events: set[bytes] = set()
        self._server: asyncio.Server | None = None
        self.transports: set[asyncio.Transport] = set()
        self.on_payment: Callable[[str], None] = lambda _payment_id: None
        self.port = 0
        self.repeated = 0
        self.checked = 0
        self.forged = 0

    @property
    def received(self) -> int:
        """Events that came, each counted once."""
        return len(self._events)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    async def __aenter__(self) -> Receiver:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Inbound(self), "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
            for transport in list(self.transports):
                transport.close()

    def forget(self) -> None:
        """Free what is held of events so far; long runs measure another process' memory."""
        self._events.clear()

    def take(self, head: bytes, body: bytes) -> None:
        event_id = _header(head, b"webhook-id")
        if event_id in self._events:
            self.repeated += 1
            return
        self._events.add(event_id)
        if len(self._events) % self._sample == 0:
            self._check(head, body)
        begin = body.find(b'"id":"pay_') + 6
        self.on_payment(body[begin : body.index(b'"', begin)].decode())

    def _check(self, head: bytes, body: bytes) -> None:
        self.checked += 1
        expected = hmac.digest(self.secret.encode(), body, hashlib.sha256).hex().encode()
        if _header(head, b"x-webhook-signature") != expected:
            self.forged += 1


class _Inbound(asyncio.Protocol):
    """One connection of a sender that keeps its connections."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._transport: asyncio.Transport | None = None
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by inheritance
        self._receiver.transports.add(self._transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        if self._transport is not None:
            self._receiver.transports.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        received = self._received + data if self._received else data
        head_end = received.find(b"\r\n\r\n")
        if head_end >= 0:
            head = received[:head_end]
            length = int(_header(head, b"content-length"))
            if len(received) >= head_end + 4 + length:
                self._received = b""
                self._receiver.take(head, received[head_end + 4 :])
                if self._transport is not None:
                    self._transport.write(_ANSWER)
                return
        self._received = received


def _header(head: bytes, name: bytes) -> bytes:
    """The value of a header, found by its lower-case name."""
    begin = head.lower().index(b"\r\n" + name + b":") + len(name) + 3
    end = head.find(b"\r\n", begin)
    return head[begin : end if end >= 0 else None].strip()
