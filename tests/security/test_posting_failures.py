"""Webhook attempts that fail: an error for people, never an exception for the deliverer."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import aiohttp
import pytest

from gateway.security.outbound import OutboundGuard, UrlInvalid, guarded_connector, guarded_session
from tests.security.receivers import ANSWER, Names, attempt, http, receiver, unvouched_tls


async def test_a_silent_receiver_times_out() -> None:
    """The error says how long was waited."""

    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async with receiver(silent) as served:
        response = await attempt(served.url, timeout_seconds=0.2)

    assert (None, "No answer within 0.2 seconds") == (response.status, response.error)
    assert 200 <= response.duration_milliseconds < 5000


async def test_a_status_counts_even_if_its_text_never_ends() -> None:
    """The receiver said 200; what is missing is only text for the log."""

    async def stalls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart")
        await reader.read()

    async with receiver(stalls) as served:
        response = await attempt(served.url, timeout_seconds=0.3)

    assert (200, "part", None) == (response.status, response.body, response.error)


async def test_a_status_counts_even_if_its_text_is_cut_off() -> None:
    """The same when the connection is closed in between."""

    async def cuts(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart")
        writer.close()

    async with receiver(cuts) as served:
        response = await attempt(served.url)

    assert (200, None) == (response.status, response.error)


@pytest.mark.parametrize(
    ("script", "error"),
    [
        (b"", "The connection was closed before an answer"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "The answer is not valid HTTP"),
        (b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 20_000 + b"\r\n\r\n", "The answer is not valid"),
    ],
)
async def test_what_is_no_answer_is_an_error_for_people(script: bytes, error: str) -> None:
    """A closed connection, another protocol and a header without end."""

    async def play(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(script)
        writer.close()

    async with receiver(play) as served:
        response = await attempt(served.url)

    assert None is response.status
    assert str(response.error).startswith(error)
    assert "127.0.0.1" not in str(response.error)


async def test_a_closed_port_is_an_error_for_people() -> None:
    """Without the address that was tried."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        response = await attempt(f"http://127.0.0.1:{unused.getsockname()[1]}/secret-path")

    assert "The connection was refused" == response.error


@pytest.mark.parametrize("host", ["unknown.example", "a..b", "x" * 64 + ".example"])
async def test_names_that_do_not_resolve_are_an_error_for_people(host: str) -> None:
    """Unknown, or no name at all: no exception reaches the deliverer."""
    resolver = Names() if host == "unknown.example" else None
    response = await attempt(f"http://{host}/", resolver=resolver)

    assert "The host name could not be resolved" == response.error


@pytest.mark.parametrize("url", ["http://", "nonsense", "http://[::1", "http://a:99999/"])
async def test_a_stored_url_that_is_none_is_told_apart(url: str) -> None:
    """However it got into the table: to try again would be of no use."""
    with pytest.raises(UrlInvalid):
        await attempt(url)


@pytest.mark.parametrize("value", ["a\r\nInjected: 1", "a\nb", "a\rb", "a\0b"])
async def test_a_header_cannot_end_its_line(value: str) -> None:
    """Whatever stands in a value, nothing is sent that means something else."""
    async with receiver(ANSWER) as served:
        response = await attempt(served.url, headers={"webhook-id": value})

    assert ("The request failed", 0) == (response.error, len(served.requests))


async def test_what_comes_before_the_answer_is_passed_over() -> None:
    """Informational responses are not the answer (RFC 9110, 15.2)."""
    early = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    async with receiver(early + http("200 OK", b"taken")) as served:
        response = await attempt(served.url, times=2)

    assert (200, "taken") == (response.status, response.body)


async def test_certificates_are_verified(tmp_path: Path) -> None:
    """A certificate that nobody vouches for is refused before anything is sent."""
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # the server's own complaint
    async with receiver(ANSWER, tls=unvouched_tls(tmp_path)) as served:
        response = await attempt(served.url.replace("http:", "https:"))

    assert "The TLS certificate is not valid" == response.error
    assert [] == served.requests


async def test_plain_http_on_a_tls_port_is_an_error_for_people() -> None:
    """Named as what it is."""

    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(ANSWER)
        writer.close()

    server = await asyncio.start_server(plain, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        response = await attempt(f"https://127.0.0.1:{port}/")

    assert "The TLS connection failed" == response.error


async def test_cancelling_an_attempt_is_not_an_answer() -> None:
    """Whoever stops the deliverer gets his cancellation, not a failed attempt."""
    arrived = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        arrived.set()
        await reader.read()

    async with receiver(silent) as served:
        running = asyncio.ensure_future(attempt(served.url))
        await arrived.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running


async def test_a_closed_session_has_no_threads_left() -> None:
    """The resolver's threads take no more work once the connector is closed."""
    connector = guarded_connector(OutboundGuard(allow_loopback=True), resolver_threads=1)
    async with guarded_session(connector):
        pass

    with pytest.raises(RuntimeError, match="shutdown"):
        await connector._resolver.resolve("localhost")
    assert isinstance(connector, aiohttp.TCPConnector)
