"""The load: two HTTP clients that do the same, one of them at a quarter of the other's cost.

`AiohttpClient` is what a merchant's program would be: it costs about 93 µs a request, so a server
that needs less is as fast as this client. The targets were set with it. `RawClient` costs about
25 µs: connections that are kept, and no more of HTTP/1.1 than the servers here answer with.
Reference and subject are always measured with the same one.
"""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from secrets import token_hex
from types import TracebackType
from typing import Any, ClassVar, TypeAlias, cast

import aiohttp
import orjson

__all__ = [
    "AiohttpClient",
    "Answer",
    "Body",
    "Client",
    "RawClient",
    "expect",
    "fetch",
    "percentile",
]

Body: TypeAlias = "Mapping[str, Any]"

_SECONDS_MAX = 60.0
_KEY_HEADER = "Idempotency-Key"


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and the JSON that came with it."""

    status: int
    content: Any

    @property
    def identity(self) -> str:
        """The order's or payment's id."""
        return str(self.content["id"])


class Client(ABC):
    """Sends to one server over at most `connections` connections."""

    name: ClassVar[str]

    def __init__(
        self,
        port: int,
        *,
        connections: int = 64,
        headers: Mapping[str, str] | None = None,
        fresh_keys: bool = False,
    ) -> None:
        """`fresh_keys`: each request has an idempotency key of its own."""
        self.port = port
        self.connections = connections
        self.headers = dict(headers or {})
        self.fresh_keys = fresh_keys
        self._numbers = count()
        self._key_prefix = token_hex(8)

    def fresh_key(self) -> str:
        """A key that no request had before."""
        return f"{self._key_prefix}-{next(self._numbers)}"

    @abstractmethod
    async def post(self, path: str, body: Body) -> Answer:
        """Raises OSError or aiohttp's errors when the connection breaks."""

    @abstractmethod
    async def open(self) -> None:
        """Make ready to send."""

    @abstractmethod
    async def close(self) -> None:
        """Close the connections."""

    async def __aenter__(self) -> Client:
        await self.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def repeat(self, path: str, body: Body, *, seconds: float) -> list[float]:
        """Send the same on all connections until the time is over; how long each one took."""
        taken: list[float] = []
        stop_at = time.perf_counter() + seconds

        async def one() -> None:
            now = time.perf_counter()
            while now < stop_at:
                expect(await self.post(path, body))
                begun, now = now, time.perf_counter()
                taken.append(now - begun)

        await asyncio.gather(*(one() for _ in range(self.connections)))
        return taken

    async def send_all(self, path: str, bodies: Iterable[Body]) -> list[Answer]:
        """Send each body once, on all connections; the answers, in any order."""
        waiting = iter(bodies)
        answers: list[Answer] = []

        async def one() -> None:
            for body in waiting:
                answers.append(expect(await self.post(path, body)))  # noqa: PERF401

        await asyncio.gather(*(one() for _ in range(self.connections)))
        return answers


def expect(answer: Answer) -> Answer:
    """The answer if it says success; raises RuntimeError with its text otherwise."""
    if not 200 <= answer.status < 300:
        raise RuntimeError(f"answered {answer.status}: {answer.content}")
    return answer


class AiohttpClient(Client):
    """A session with as many connections."""

    name = "aiohttp"
    _session: aiohttp.ClientSession

    async def open(self) -> None:
        connector = aiohttp.TCPConnector(limit=self.connections)
        self._session = aiohttp.ClientSession(
            f"http://127.0.0.1:{self.port}", connector=connector, headers=self.headers
        )

    async def close(self) -> None:
        await self._session.close()

    async def post(self, path: str, body: Body) -> Answer:
        headers = {_KEY_HEADER: self.fresh_key()} if self.fresh_keys else None
        async with self._session.post(path, json=body, headers=headers) as answer:
            return Answer(answer.status, await answer.json(content_type=None))


class RawClient(Client):
    """Connections of our own, the one used last first."""

    name = "raw"

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        lines = ["", "Host: 127.0.0.1", "Content-Type: application/json"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        self._head = "\r\n".join([*lines, "Content-Length: "]).encode()
        self._free: list[_Connection] = []
        self._room = asyncio.Semaphore(self.connections)
        for _ in range(self.connections):
            made = await loop.create_connection(_Connection, "127.0.0.1", self.port)
            self._free.append(made[1])

    async def close(self) -> None:
        for connection in self._free:
            connection.close()
        await asyncio.sleep(0)

    async def post(self, path: str, body: Body) -> Answer:
        sent = orjson.dumps(body)
        key = f"\r\n{_KEY_HEADER}: {self.fresh_key()}".encode() if self.fresh_keys else b""
        line = b"POST %b HTTP/1.1%b%b%d\r\n\r\n" % (path.encode(), key, self._head, len(sent))
        async with self._room:
            connection = self._free.pop()
            try:
                return await connection.send(line + sent)
            finally:
                self._free.append(connection)


class _Connection(asyncio.Protocol):
    """One request at a time; no chunks, no compression, no redirects."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._received = b""
        self._answer: asyncio.Future[Answer] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by inheritance

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionError("closed by the server"))

    def data_received(self, data: bytes) -> None:
        received = self._received + data if self._received else data
        answer = _parse(received)
        if answer is None:
            self._received = received
            return
        self._received = b""
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(answer)

    def send(self, request: bytes) -> asyncio.Future[Answer]:
        if self._transport is None:
            raise ConnectionError("not connected")
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._answer

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


def _parse(received: bytes) -> Answer | None:
    head_end = received.find(b"\r\n\r\n")
    if head_end < 0:
        return None
    begin = received.find(b"Content-Length: ", 0, head_end)
    if begin < 0:
        raise ValueError(f"no Content-Length: {received[:head_end]!r}")
    length = int(received[begin + 16 : received.find(b"\r\n", begin)])
    if len(received) < head_end + 4 + length:
        return None
    return Answer(int(received[9:12]), orjson.loads(received[head_end + 4 :]))


async def fetch(
    port: int,
    path: str,
    *,
    method: str = "GET",
    body: Body | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """One request on a connection of its own, whatever the status; text where it is no JSON.

    Raises OSError, TimeoutError.
    """
    url = f"http://127.0.0.1:{port}{path}"
    timeout = aiohttp.ClientTimeout(total=_SECONDS_MAX)
    async with aiohttp.request(method, url, json=body, headers=headers, timeout=timeout) as answer:
        text = await answer.text()
        is_json = "json" in answer.content_type
        return Answer(answer.status, orjson.loads(text) if is_json else text)


def percentile(values: Sequence[float], percent: float) -> float:
    """The value that `percent` of them do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]
