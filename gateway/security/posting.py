"""One webhook attempt: a POST limited in time and size, whatever the other side does."""

from __future__ import annotations

import asyncio
import errno
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

import aiohttp
from aiohttp.http import HttpProcessingError, RawResponseMessage
from yarl import URL

from gateway.domain.evolution import directly_made
from gateway.security.addresses import OutboundRefused

__all__ = ["Poster", "Response", "UrlInvalid"]

_BYTES_PER_CHARACTER_MAX = 4  # UTF-8
_RETRY_AFTER_DIGITS_MAX = 9

# What the merchant reads: never an address, a path or a library's own words.
_ERROR_TEXTS: tuple[tuple[type[Exception], str], ...] = (
    (aiohttp.ClientConnectorDNSError, "The host name could not be resolved"),
    (aiohttp.ClientConnectorCertificateError, "The TLS certificate is not valid"),
    (aiohttp.ClientSSLError, "The TLS connection failed"),
    (aiohttp.ClientConnectorError, "The connection could not be made"),
    (aiohttp.ServerDisconnectedError, "The connection was closed before an answer"),
    (HttpProcessingError, "The answer is not valid HTTP"),
    (OSError, "The connection broke"),
)
_OTHER_ERROR = "The request failed"
_LINE_ENDS = re.compile(r"[\r\n\0]")
_NO_TIMEOUTS = aiohttp.ClientTimeout(total=None)  # one stands around the whole attempt
_REFUSED_BY_GUARD = "The host has no address that webhooks may be sent to"
_REFUSED_BY_HOST = "The connection was refused"


@directly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """How an attempt ended: with a `status`, or without one and with an `error` for people."""

    status: int | None = None
    body: str = ""
    error: str | None = None
    retry_after_seconds: int | None = None
    duration_milliseconds: int

    @property
    def succeeded(self) -> bool:
        """Whether the receiver took it: any 2xx. A redirect is not followed and not a success."""
        return self.status is not None and 200 <= self.status < 300


class UrlInvalid(Exception):
    """Nothing can be sent to this URL."""


class Poster:
    """Posts to one URL, again and again, over the connections that a session keeps.

    `session` is a `guarded_session`: its connector makes, guards, secures and keeps the
    connections, and their parser reads the answers. Only its way of making requests is not used: a
    dozen objects and a task for each, where all but signatures and length is the same every time.
    """

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        """Raises UrlInvalid when no request can be made of `url`, now or later."""
        try:
            target = URL(url)
        except ValueError:
            raise UrlInvalid from None
        if target.scheme not in ("http", "https") or not target.host:
            raise UrlInvalid
        self._session = session
        self._request = aiohttp.ClientRequest(
            "POST",
            target,
            headers=session.headers,
            skip_auto_headers=("User-Agent", "Content-Type"),
            loop=asyncio.get_running_loop(),
        )
        constant = self._request.headers
        constant.popall("Content-Length", None)
        lines = [f"POST {self._request.url.raw_path_qs} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in constant.items()]
        self._head = "".join(f"{line}\r\n" for line in lines).encode()

    async def post(
        self,
        body: bytes,
        headers: Mapping[str, str],
        *,
        timeout_seconds: float = 5.0,
        response_characters_max: int = 2048,
    ) -> Response:
        """Send `body` once; network errors are answers, not exceptions.

        `timeout_seconds` spans everything, from the name to the last byte kept. A status that
        arrived counts, even if the text after it does not end in time. Redirects are not followed.
        """
        started = time.monotonic()
        answer = _Answer(response_characters_max)
        error = None
        try:
            message = self._message(body, headers)
            async with asyncio.timeout(timeout_seconds):
                await self._exchange(message, answer)
        except TimeoutError:
            error = f"No answer within {timeout_seconds:g} seconds"
        except (aiohttp.ClientError, HttpProcessingError, OSError, ValueError) as failure:
            error = _error_text(failure)
        known = answer.status is not None
        return Response(
            status=answer.status,
            body=answer.text if known else "",
            error=None if known else error,
            retry_after_seconds=answer.retry_after_seconds,
            duration_milliseconds=round((time.monotonic() - started) * 1000),
        )

    def _message(self, body: bytes, headers: Mapping[str, str]) -> bytes:
        if _LINE_ENDS.search("".join(headers.values())):
            raise ValueError("a header's value ends its line")
        lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
        return b"%b%bContent-Length: %d\r\n\r\n%b" % (
            self._head,
            lines.encode(),
            len(body),
            body,
        )

    async def _exchange(self, message: bytes, answer: _Answer) -> None:
        connector = self._session.connector
        if connector is None:
            raise aiohttp.ClientConnectionError("the session is closed")
        connection = await connector.connect(self._request, [], _NO_TIMEOUTS)
        is_read = False
        try:
            protocol, transport = connection.protocol, connection.transport
            if protocol is None or transport is None:
                raise aiohttp.ServerDisconnectedError
            protocol.set_response_params(read_until_eof=True, auto_decompress=False)
            transport.write(message)
            head, payload = await protocol.read()
            while 100 <= head.code < 200 and head.code != 101:
                head, payload = await protocol.read()
            is_read = await answer.take(head, payload)
        finally:
            # What is left of a long answer is not read on to use the connection again.
            (connection.release if is_read else connection.close)()


class _Answer:
    """What has arrived of an answer."""

    def __init__(self, characters_max: int) -> None:
        self.status: int | None = None
        self.retry_after_seconds: int | None = None
        self._characters_max = characters_max
        self._received = bytearray()

    async def take(self, head: RawResponseMessage, payload: aiohttp.StreamReader) -> bool:
        """Keep the status, and the beginning of the text; whether that is all of it."""
        self.status = head.code
        self.retry_after_seconds = _retry_after_seconds(head.headers)
        bytes_max = self._characters_max * _BYTES_PER_CHARACTER_MAX
        while len(self._received) < bytes_max and not payload.at_eof():
            self._received += await payload.read(bytes_max - len(self._received))
        return payload.at_eof()

    @property
    def text(self) -> str:
        """At most so many characters, without NULs, which Postgres refuses."""
        text = self._received.decode("utf-8", "replace").replace("\x00", "")
        return text[: self._characters_max]


def _retry_after_seconds(headers: Mapping[str, str]) -> int | None:
    """Seconds, or a date counted from the answer's own `Date`; None where it says neither."""
    if "Retry-After" not in headers:  # nearly always
        return None
    value = headers["Retry-After"].strip()
    if value.isascii() and value.isdecimal():
        return int(value[:_RETRY_AFTER_DIGITS_MAX])
    try:
        then, now = (parsedate_to_datetime(text) for text in (value, headers.get("Date", "")))
        return max(0, round((then - now).total_seconds()))
    except (ValueError, TypeError):  # no date, or one with a zone and one without
        return None


def _error_text(failure: Exception) -> str:
    cause = failure.os_error if isinstance(failure, aiohttp.ClientConnectorError) else failure
    if isinstance(cause, OutboundRefused):
        return _REFUSED_BY_GUARD
    if isinstance(cause, OSError) and cause.errno == errno.ECONNREFUSED:
        return _REFUSED_BY_HOST
    return next((text for kind, text in _ERROR_TEXTS if isinstance(failure, kind)), _OTHER_ERROR)
