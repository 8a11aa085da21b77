"""Webhook attempts: what is sent, what is kept of the answer, and where the guard stands."""

from __future__ import annotations

import asyncio
import gzip

import pytest

from tests.security.receivers import ANSWER, BODY, Names, attempt, http, receiver


async def test_the_receiver_gets_our_bytes_and_headers() -> None:
    """The body as it is, our headers once each, and nothing that tells of the client library."""
    async with receiver(ANSWER) as served:
        response = await attempt(served.url)

    head, _, body = served.requests[0].partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    names = sorted(line.partition(":")[0].lower() for line in lines[1:])
    assert (200, "ok", None) == (response.status, response.body, response.error)
    assert response.succeeded
    assert BODY == body
    assert "POST /hook HTTP/1.1" == lines[0]
    assert ["accept", "accept-encoding", "content-length", "content-type"] == names[:4]
    assert ["host", "user-agent", "webhook-id"] == names[4:]


@pytest.mark.parametrize(
    ("status", "succeeded"),
    [
        ("200 OK", True),
        ("204 No Content", True),
        ("299 Fine", True),
        ("302 Found", False),
        ("400 Bad Request", False),
        ("410 Gone", False),
        ("500 Error", False),
        ("600 ?", False),
    ],
)
async def test_only_2xx_is_success(status: str, succeeded: bool) -> None:
    """Every other status is kept and is no success."""
    async with receiver(http(status)) as served:
        response = await attempt(served.url)

    assert int(status[:3]) == response.status
    assert succeeded is response.succeeded


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 Other", "307 Again", "308 Now"])
async def test_redirects_are_not_followed(status: str) -> None:
    """Not even to a place that is allowed."""
    async with (
        receiver(ANSWER) as target,
        receiver(http(status, b"", f"Location: {target.url}")) as served,
    ):
        response = await attempt(served.url)

    assert int(status[:3]) == response.status
    assert not response.succeeded
    assert [] == target.requests


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"])
async def test_the_guard_stands_before_the_connection(host: str) -> None:
    """A literal, a name and a mapped form of a refused address: no connection arrives."""
    async with receiver(ANSWER) as served:
        response = await attempt(f"http://{host}:{served.port}/", allow_loopback=False)

    assert None is response.status
    assert "no address that webhooks may be sent to" in str(response.error)
    assert 0 == served.connections


async def test_a_name_that_is_rebound_inward_is_refused() -> None:
    """Every address the name resolves to at that moment is judged, each for itself."""
    inward = Names("127.0.0.1", "10.0.0.1", "169.254.169.254", "fd00:ec2::254", "::1")
    async with receiver(ANSWER) as served:
        response = await attempt(
            f"http://hook.example:{served.port}/", allow_loopback=False, resolver=inward
        )

    assert "no address that webhooks may be sent to" in str(response.error)
    assert 0 == served.connections


async def test_an_allowed_address_beside_a_refused_one_is_used() -> None:
    """A name may have both; only the allowed one is connected to."""
    async with receiver(ANSWER) as served:
        response = await attempt(
            f"http://hook.example:{served.port}/", resolver=Names("10.0.0.1", "127.0.0.1")
        )

    assert 200 == response.status
    assert b"Host: hook.example" in served.requests[0]


async def test_proxies_of_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy would make connections that the guard never sees."""
    async with receiver(ANSWER) as proxy, receiver(ANSWER) as served:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        response = await attempt(served.url)

    assert 200 == response.status
    assert 0 == proxy.connections


async def test_connections_are_kept_and_cookies_are_not() -> None:
    """The second attempt uses the first one's connection and brings nothing back."""
    async with receiver(http("200 OK", b"ok", "Set-Cookie: session=1; Path=/")) as served:
        await attempt(served.url, times=2)

    assert 1 == served.connections
    assert 2 == len(served.requests)
    assert b"cookie" not in served.requests[1].lower()


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (b"x" * 5000, "x" * 100),
        ("ü😀".encode() * 500, "ü😀" * 50),
        (b"a\x00b\x00", "ab"),
        (b"\xff\xfe ok", "\ufffd\ufffd ok"),
        (b"", ""),
    ],
)
async def test_the_answers_text_is_cut_and_made_storable(sent: bytes, kept: str) -> None:
    """Characters are counted, NULs go, what is no UTF-8 is replaced."""
    async with receiver(http("200 OK", sent)) as served:
        response = await attempt(served.url, characters_max=100)

    assert (200, kept) == (response.status, response.body)


async def test_an_endless_answer_is_not_read_to_its_end() -> None:
    """Once enough is read the connection is closed, long before the timeout."""
    closed = asyncio.Event()

    async def endless(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            while True:
                writer.write(b"1000\r\n" + b"x" * 4096 + b"\r\n")
                await writer.drain()
        except OSError:
            closed.set()

    async with receiver(endless) as served:
        response = await attempt(served.url, timeout_seconds=60)
        await asyncio.wait_for(closed.wait(), 10)

    assert (200, "x" * 2048) == (response.status, response.body)


async def test_a_compressed_answer_stays_compressed() -> None:
    """A few bytes that would become a gigabyte are kept as the few bytes."""
    bomb = gzip.compress(bytes(10_000_000))[:200]
    async with receiver(http("200 OK", bomb, "Content-Encoding: gzip")) as served:
        response = await attempt(served.url)

    assert 200 == response.status
    assert len(response.body) <= len(bomb)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        (["Retry-After: 120"], 120),
        (["Retry-After: 0"], 0),
        (["Retry-After: 99999999999999999999"], 999_999_999),
        (["Retry-After: soon"], None),
        (["Retry-After: -5"], None),
        (["Retry-After:"], None),
        ([], None),
        (["Retry-After: Sat, 21 Nov 2026 06:01:00 GMT"], None),
        (
            [
                "Retry-After: Sat, 21 Nov 2026 06:01:00 GMT",
                "Date: Sat, 21 Nov 2026 06:00:00 GMT",
            ],
            60,
        ),
        (
            [
                "Retry-After: Sat, 21 Nov 2026 05:00:00 GMT",
                "Date: Sat, 21 Nov 2026 06:00:00 GMT",
            ],
            0,
        ),
        (
            [
                "Retry-After: Sat, 21 Nov 2026 06:01:00 -0000",
                "Date: Sat, 21 Nov 2026 06:00:00 GMT",
            ],
            None,
        ),
    ],
)
async def test_retry_after_is_understood(headers: list[str], seconds: int | None) -> None:
    """Seconds or a date; a date is counted from the receiver's own clock."""
    async with receiver(http("503 Busy", b"", *headers)) as served:
        response = await attempt(served.url)

    assert (503, seconds) == (response.status, response.retry_after_seconds)
