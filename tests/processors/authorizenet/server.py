"""A server that answers as the test says, and remembers what it was asked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

BOM = b"\xef\xbb\xbf"
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class ScriptedServer:
    """One answer for each request, in their order; a request without an answer is a failure."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.received = asyncio.Event()
        self._answers: list[Answer] = []

    def answers(self, *replies: dict[str, Any]) -> None:
        """Answer with these, as Authorize.Net writes them."""
        self._answers += [json_answer(reply) for reply in replies]

    def behaves(self, *answers: Answer) -> None:
        """Answer the next requests like this."""
        self._answers += answers

    @property
    def is_done(self) -> bool:
        """Whether all answers were asked for."""
        return not self._answers

    @property
    def operations(self) -> list[str]:
        """What was asked for: the operation, of a transaction its type."""
        return [
            members.get("transactionRequest", {}).get("transactionType", name)
            for name, members in self.asked
        ]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        [(name, members)] = (await request.json()).items()
        self.asked.append((name, members))
        self.received.set()
        if not self._answers:
            raise AssertionError(f"{name} is not expected")
        return await self._answers.pop(0)(request)


def json_answer(reply: dict[str, Any]) -> Answer:
    """As they answer everything: HTTP 200, a byte order mark, JSON."""
    return bytes_answer(BOM + json.dumps(reply).encode())


def bytes_answer(body: bytes, *, status: int = 200, **headers: str) -> Answer:
    """These bytes."""

    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, body=body, headers=headers)

    return answer


async def never(_request: web.Request) -> web.StreamResponse:
    """No answer at all."""
    await asyncio.Event().wait()
    raise AssertionError


async def dropped(request: web.Request) -> web.StreamResponse:
    """The connection ends instead of an answer."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def half(body: bytes) -> Answer:
    """The connection ends within the answer."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.content_length = len(body)
        await response.prepare(request)
        await response.write(body[: len(body) // 2])
        if request.transport is not None:
            request.transport.close()
        return response

    return answer
