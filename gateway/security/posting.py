"""One webhook attempt: a POST limited in time and size, whatever the other side does."""

from __future__ import annotations

import errno
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

import aiohttp

from gateway.security.addresses import OutboundRefused

__all__ = ["Response", "post"]

_BYTES_PER_CHARACTER_MAX = 4  # UTF-8
_RETRY_AFTER_DIGITS_MAX = 9

# What the merchant reads: never an address, a path or a library's own words.
_ERROR_TEXTS: tuple[tuple[type[Exception], str], ...] = (
    (aiohttp.InvalidURL, "The URL is not valid"),
    (aiohttp.ClientConnectorDNSError, "The host name could not be resolved"),
    (aiohttp.ClientConnectorCertificateError, "The TLS certificate is not valid"),
    (aiohttp.ClientSSLError, "The TLS connection failed"),
    (aiohttp.ClientConnectorError, "The connection could not be made"),
    (aiohttp.ServerDisconnectedError, "The connection was closed before an answer"),
    (aiohttp.ClientResponseError, "The answer is not valid HTTP"),
    (aiohttp.ClientOSError, "The connection broke"),
)
_OTHER_ERROR = "The request failed"
_REFUSED_BY_GUARD = "The host has no address that webhooks may be sent to"
_REFUSED_BY_HOST = "The connection was refused"


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


async def post(
    session: aiohttp.ClientSession,
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    timeout_seconds: float = 5.0,
    response_characters_max: int = 2048,
) -> Response:
    """Send `body` once; network errors are answers, not exceptions.

    `session` is a `guarded_session`. `timeout_seconds` spans everything, from the name to the
    last byte kept. A status that arrived counts, even if the text after it does not end in time.
    """
    started = time.monotonic()

    def elapsed() -> int:
        return round((time.monotonic() - started) * 1000)

    try:
        async with session.post(
            url,
            data=body,
            headers=headers,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=timeout_seconds),
        ) as answer:
            text = await _beginning(answer, response_characters_max)
            return Response(
                status=answer.status,
                body=text,
                retry_after_seconds=_retry_after_seconds(answer.headers),
                duration_milliseconds=elapsed(),
            )
    except TimeoutError:
        error = f"No answer within {timeout_seconds:g} seconds"
    except (aiohttp.ClientError, OSError, ValueError) as failure:
        error = _error_text(failure)
    return Response(error=error, duration_milliseconds=elapsed())


async def _beginning(answer: aiohttp.ClientResponse, characters_max: int) -> str:
    """At most `characters_max` characters of the answer, without NULs, which Postgres refuses."""
    bytes_max = characters_max * _BYTES_PER_CHARACTER_MAX
    received = bytearray()
    try:
        while len(received) < bytes_max and not answer.content.at_eof():
            received += await answer.content.read(bytes_max - len(received))
    except (aiohttp.ClientError, TimeoutError, OSError):
        pass  # the status is known; the text is only for the log
    if not answer.content.at_eof():
        answer.close()  # rather than read on to use the connection again
    return received.decode("utf-8", "replace").replace("\x00", "")[:characters_max]


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
