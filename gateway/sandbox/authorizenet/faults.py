"""What goes wrong between a merchant and the processor: armed by tests, one request at a time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import StrEnum

from aiohttp import web

from gateway.sandbox.authorizenet.wire import CONTENT_TYPE

__all__ = ["Fault", "Faults", "Kind", "Processing", "dropped", "troubled_answer"]

_HTML = b"<!DOCTYPE html><html><head><title>Error</title></head><body>Server Error</body></html>"


class Kind(StrEnum):
    """How the answer goes wrong."""

    SLOW = "slow"
    DROPPED = "dropped"
    HTTP_500 = "http_500"
    HTML = "html"
    EMPTY = "empty"
    HALF = "half"


class Processing(StrEnum):
    """When the request is processed all the same."""

    FIRST = "first"
    """Before the trouble: the money has moved, and the merchant is not told."""
    LATE = "late"
    """`seconds` after the request came: a lookup in between finds nothing."""
    NEVER = "never"


@dataclass(slots=True, kw_only=True)
class Fault:
    """One armed fault; it is gone when `count` requests have met it."""

    kind: Kind
    processing: Processing = Processing.FIRST
    seconds: float = 0.0
    operation: str | None = None
    """A request's name or a transactionType; None: any."""
    count: int = 1


class Faults:
    """The armed faults, in the order they were armed."""

    def __init__(self, faults_max: int) -> None:
        self._faults_max = faults_max
        self._armed: list[Fault] = []

    def arm(self, fault: Fault) -> None:
        """Let the next requests that fit meet this. Raises ValueError when too many are armed."""
        if len(self._armed) >= self._faults_max:
            raise ValueError(f"{self._faults_max} faults are armed, the limit")
        self._armed.append(fault)

    def disarm(self) -> None:
        """Forget them all."""
        self._armed.clear()

    def armed(self) -> list[Fault]:
        """Those that still wait for a request."""
        return list(self._armed)

    def take(self, names: tuple[str, ...]) -> Fault | None:
        """The first fault for a request that goes by one of these names."""
        for fault in self._armed:
            if fault.operation is None or fault.operation in names:
                fault.count -= 1
                if fault.count <= 0:
                    self._armed.remove(fault)
                return fault
        return None


async def troubled_answer(request: web.Request, kind: Kind, body: bytes) -> web.StreamResponse:
    """Answer a request as the fault wants it; `body` is what the answer would have been."""
    if kind is Kind.DROPPED:
        return dropped(request)
    if kind is Kind.HTTP_500:
        return web.Response(status=500, text="Internal Server Error")
    if kind is Kind.HTML:
        return web.Response(body=_HTML, content_type="text/html")
    if kind is Kind.EMPTY:
        return web.Response(body=b"", headers={"Content-Type": CONTENT_TYPE})
    if kind is Kind.HALF:
        return await _half(request, body)
    return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE})


def dropped(request: web.Request) -> web.StreamResponse:
    """Close the connection without an answer."""
    if request.transport is not None:
        request.transport.abort()
    # aiohttp finds the connection gone when it comes to send this.
    return web.Response()


async def _half(request: web.Request, body: bytes) -> web.StreamResponse:
    """Announce the whole body, send half of it, hang up."""
    response = web.StreamResponse(headers={"Content-Type": CONTENT_TYPE})
    response.content_length = len(body)
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    # What is written must leave before the connection is closed, so no abort here.
    if request.transport is not None:
        request.transport.close()
    await asyncio.sleep(0)
    return response
