"""How answers and bodies travel: kept and closed connections, HEAD, HTTP/1.0, bodies in pieces."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from gateway.app import Gateway
from gateway.seeding import TEST_KEY, TEST_SECRET
from gateway.web.responses import Answer, json_response
from gateway.web.server import Runner

CREDENTIALS = f"Host: gateway\r\nX-Api-Key: {TEST_KEY}\r\nX-Api-Secret: {TEST_SECRET}\r\n"
BODY = b'{"amount": 50000, "currency": "INR", "capture": "automatic"}'


async def exchanged(gateway: Gateway, *sent: bytes, later: bytes = b"") -> list[bytes]:
    """What came back until the connection was closed, one answer an element.

    `later` is sent when the gateway has said that it goes on.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(b"".join(sent))
    async with asyncio.timeout(10):
        if later:
            assert b"HTTP/1.1 100 Continue\r\n\r\n" == await reader.readuntil(b"\r\n\r\n")
            writer.write(later)
        received = await reader.read()
    writer.close()
    await writer.wait_closed()
    first, *others = received.split(b"HTTP/1.")
    assert b"" == first
    return others


def request(line: str, *headers: str, body: bytes = b"") -> bytes:
    lines = [line, *headers, f"Content-Length: {len(body)}"]
    return ("\r\n".join(lines) + "\r\n" + CREDENTIALS + "\r\n").encode() + body


async def test_a_connection_is_kept_until_it_is_to_be_closed(gateway: Gateway) -> None:
    """Two requests on one connection; after the second one, which asks for it, it is closed."""
    kept = request("GET /api/v1/merchant HTTP/1.1")
    last = request("GET /api/v1/merchant HTTP/1.1", "Connection: close")

    first, second = await exchanged(gateway, kept, last)

    assert first.startswith(b"1 200 OK\r\n")
    assert b"Connection: close\r\n" not in first
    assert b"Connection: close\r\n" in second
    assert first.partition(b"\r\n\r\n")[2] == second.partition(b"\r\n\r\n")[2]
    for answer in (first, second):
        head, _, body = answer.partition(b"\r\n\r\n")
        assert b"\r\nContent-Length: %d\r\n" % len(body) in head + b"\r\n"
        assert 1 == head.count(b"\r\nDate: ") == head.count(b"\r\nX-Request-Id: ")


async def test_http_1_0_gets_its_version_and_an_end(gateway: Gateway) -> None:
    """Whoever speaks the old version expects the connection to end with the answer."""
    [answer] = await exchanged(gateway, request("GET /api/v1/merchant HTTP/1.0"))

    assert answer.startswith(b"0 200 OK\r\n")
    assert answer.endswith(b"}")


async def test_head_gets_the_length_and_no_body(gateway: Gateway) -> None:
    """The length is that of the body that GET would have."""
    whole = request("GET /api/v1/merchant HTTP/1.1")
    head = request("HEAD /api/v1/merchant HTTP/1.1", "Connection: close")

    first, second = await exchanged(gateway, whole, head)

    body = first.partition(b"\r\n\r\n")[2]
    assert b"\r\nContent-Length: %d\r\n" % len(body) in second
    assert second.endswith(b"\r\n\r\n")


@pytest.mark.parametrize("at_once", [0, 30])
async def test_a_body_in_pieces_is_one_body(gateway: Gateway, at_once: int) -> None:
    """What did not come with the head is waited for."""
    headers = ("Connection: close", "Expect: 100-continue")
    whole = request("POST /api/v1/orders HTTP/1.1", *headers, body=BODY)
    end = len(whole) - len(BODY) + at_once

    [answer] = await exchanged(gateway, whole[:end], later=whole[end:])

    assert answer.startswith(b"1 201 Created\r\n")
    assert b'"amount":50000' in answer


@pytest.mark.parametrize("at_once", [True, False])
async def test_a_body_that_is_too_long_is_refused(gateway: Gateway, at_once: bool) -> None:
    """Whether it comes together with the head or not."""
    body = BODY.ljust(gateway.settings.body_bytes_max + 1)
    headers = ("Connection: close",) if at_once else ("Connection: close", "Expect: 100-continue")
    whole = request("POST /api/v1/orders HTTP/1.1", *headers, body=body)
    end = len(whole) if at_once else len(whole) - len(body)

    [answer] = await exchanged(gateway, whole[:end], later=whole[end:])

    assert answer.startswith(b"1 413 ")


async def test_an_answer_that_closes_the_connection_says_so() -> None:
    """A handler can end a connection; then the answer is no ordinary one."""
    response = json_response({})
    response.force_close()

    await response.prepare(make_mocked_request("GET", "/"))

    assert isinstance(response, Answer)
    assert "close" == response.headers["Connection"]
    assert not response.keep_alive


async def test_requests_of_one_connection_share_its_task() -> None:
    """A task for each would cost more than what it is there for; one that fails ends nothing."""
    tasks = []

    async def handle(request: web.Request) -> web.Response:
        tasks.append(asyncio.current_task())
        if request.query:
            raise RuntimeError
        return json_response({})

    application = web.Application()
    application.router.add_get("/", handle)
    runner = Runner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0]
    async with aiohttp.ClientSession(f"http://{host}:{port}") as session:
        statuses = [(await session.get(path)).status for path in ("/", "/", "/?fail=1", "/")]
    await runner.cleanup()

    assert [200, 200, 500, 200] == statuses
    assert 1 == len(set(tasks[:3]))
