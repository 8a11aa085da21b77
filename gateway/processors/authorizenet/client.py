"""One request and its reply. What was surely never sent is told apart from everything else.

Authorize.Net answers everything with HTTP 200 and a JSON object behind a byte order mark; whatever
else comes is no answer, and proves nothing about what was asked for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, TypeAlias

import aiohttp

__all__ = ["AnswerLost", "Client", "InvalidReply", "NotSent", "Reply"]

Reply: TypeAlias = Mapping[str, Any]

_HEADERS = {"Content-Type": "application/json", "Accept": "application/json"}
# Below the five seconds after which many servers hang up on an idle connection: what is sent into
# a closing one is neither surely sent nor surely not.
_KEEPALIVE_SECONDS = 4.0


class NotSent(Exception):
    """Not a byte of the request went out. `reason` is a word for programs."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class AnswerLost(Exception):
    """The request went out, in whole or in part, and no answer came back."""


class InvalidReply(Exception):
    """What came back is not an answer of Authorize.Net: an error page, nothing, half of one."""


@dataclass(slots=True)
class _Progress:
    is_sending: bool = False


class Client:
    """Posts to one address, over connections of its own. To be made inside the running loop.

    `timeout_seconds` spans a request from waiting for a connection to the last byte. What has none
    after half of it is not sent any more: cut off by the whole, nobody would know that.
    `connect_seconds` is the most that one address of the host gets to answer a new connection.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout_seconds: float,
        connect_seconds: float,
        connections_max: int,
        reply_bytes_max: int,
    ) -> None:
        self._url = url
        self._reply_bytes_max = reply_bytes_max
        tracing = aiohttp.TraceConfig()
        tracing.on_request_headers_sent.append(_note_sending)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=connections_max, keepalive_timeout=_KEEPALIVE_SECONDS
            ),
            timeout=aiohttp.ClientTimeout(
                total=timeout_seconds, connect=timeout_seconds / 2, sock_connect=connect_seconds
            ),
            trust_env=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=_HEADERS,
            trace_configs=[tracing],
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

    async def post(self, body: Mapping[str, Any]) -> Reply:
        """Send `body`, with its members in this order, and read the answer.

        Numbers with a decimal point come as `Decimal`. Raises NotSent, TimeoutError, AnswerLost,
        InvalidReply. Redirects are not followed.
        """
        progress = _Progress()
        try:
            return await self._exchange(json.dumps(body).encode(), progress)
        except TimeoutError:
            if not progress.is_sending:
                raise NotSent("connect_timeout") from None
            raise
        except (aiohttp.ClientError, OSError) as error:
            if not progress.is_sending:
                raise NotSent("connect_failed") from error
            raise AnswerLost from error

    async def _exchange(self, data: bytes, progress: _Progress) -> Reply:
        async with self._session.post(
            self._url, data=data, allow_redirects=False, trace_request_ctx=progress
        ) as response:
            if response.status != 200:
                raise InvalidReply(f"HTTP {response.status}")
            return _parsed(await self._read(response))

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        received = bytearray()
        async for piece in response.content.iter_any():
            received += piece
            if len(received) > self._reply_bytes_max:
                raise InvalidReply("too long")
        return bytes(received)


async def _note_sending(
    _session: aiohttp.ClientSession,
    context: SimpleNamespace,
    _sent: aiohttp.TraceRequestHeadersSentParams,
) -> None:
    # Called just before the first byte is written.
    context.trace_request_ctx.is_sending = True


def _parsed(content: bytes) -> Reply:
    try:
        reply = json.loads(content.decode("utf-8-sig"), parse_float=Decimal)
    except ValueError:
        # Not chained: the error quotes the document, and that may quote what was sent.
        raise InvalidReply("no JSON") from None
    if not isinstance(reply, dict) or not isinstance(reply.get("messages"), dict):
        raise InvalidReply("no messages")
    return reply
