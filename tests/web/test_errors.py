"""Errors of every kind are in the envelope, and none says more than it should."""

from __future__ import annotations

import asyncio
import io

import aiohttp
import orjson
import pytest

from gateway.actors.errors import DeadlineExceeded, MailboxFull
from gateway.actors.journal import CommitUnknown
from gateway.domain.errors import Unavailable
from gateway.web.errors import problem_of
from tests.web.client import ApiClient


async def test_unknown_paths_and_methods(api: ApiClient) -> None:
    """404 and 405 are ours, and 405 says what is allowed."""
    missing = await api.get("/nothing")
    assert (404, "NOT_FOUND_ERROR") == (missing.status, missing.error["code"])
    for method in ("DELETE", "PUT", "PATCH"):
        refused = await api.call(method, "/orders")
        assert (405, "BAD_REQUEST_ERROR") == (refused.status, refused.error["code"])
        assert "GET, HEAD, POST" == refused.headers["Allow"]
    assert 404 == (await api.get("//")).status


async def test_head_is_get_without_a_body(api: ApiClient) -> None:
    """HEAD answers as GET does."""
    answer = await api.call("HEAD", "/orders")

    assert 200 == answer.status
    assert b"" == answer.body


async def test_request_ids(api: ApiClient) -> None:
    """The caller's id comes back when it is sane, in the header and in the envelope."""
    for name in ("X-Request-Id", "X-Correlation-Id"):
        answer = await api.get("/orders/x", headers={name: "check-1:2.3"})
        assert "check-1:2.3" == answer.headers["X-Request-Id"] == answer.json["request_id"]
    for bad in ("a b", "<script>", "x" * 200, "ä"):
        answer = await api.get("/orders/x", headers={"X-Request-Id": bad})
        assert bad != answer.headers["X-Request-Id"]
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    answer = await api.get("/orders/x", headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"})
    assert trace == answer.headers["X-Request-Id"]


async def test_versions(api: ApiClient) -> None:
    """A known version may be named, any other is refused."""
    assert 200 == (await api.get("/orders", headers={"Gateway-Version": "2026-11-01"})).status
    for headers in (
        {"Gateway-Version": "2020-01-01"},
        {"Gateway-Version": ""},
        [("Gateway-Version", "2026-11-01"), ("Gateway-Version", "2026-11-01")],
    ):
        refused = await api.get("/orders", headers=headers)
        assert (400, "Gateway-Version") == (refused.status, refused.error["field"])


MALFORMED = {
    "no http": b"hello\r\n\r\n",
    "bad version": b"GET / HTTP/9.9\r\nHost: a\r\n\r\n",
    "bad header": b"GET /api/v1/orders HTTP/1.1\r\nHost: a\r\nbad header\r\n\r\n",
    "nul in header": b"GET /api/v1/orders HTTP/1.1\r\nHost: a\r\nX-Api-Key: a\x00b\r\n\r\n",
    "doubled length": (
        b"POST /api/v1/orders HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n"
        b"Content-Length: 3\r\n\r\n{}"
    ),
    "negative length": b"POST /api/v1/orders HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
    "length and chunks": (
        b"POST /api/v1/orders HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    ),
    "doubled content type": (
        b"POST /api/v1/orders HTTP/1.1\r\nHost: a\r\nContent-Type: a/b\r\n"
        b"Content-Type: a/b\r\nContent-Length: 2\r\n\r\n{}"
    ),
    "long header": b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
    "bad chunk": (
        b"POST /api/v1/orders HTTP/1.1\r\nHost: a\r\nX-Api-Key: key_test_abc123\r\n"
        b"X-Api-Secret: secret_test_xyz789\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"
    ),
    "bad gzip": (
        b"POST /api/v1/orders HTTP/1.1\r\nHost: a\r\nX-Api-Key: key_test_abc123\r\n"
        b"X-Api-Secret: secret_test_xyz789\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n"
        b"\r\nabcd"
    ),
}


@pytest.mark.parametrize("sent", MALFORMED.values(), ids=MALFORMED.keys())
async def test_malformed_http(api: ApiClient, sent: bytes) -> None:
    """What the parser refuses is answered in the envelope, too, and never with a 500."""
    host, _, port = api.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(sent)
    answer = await asyncio.wait_for(reader.read(65_536), 5)
    writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    status = int(head.split(b" ")[1])

    assert status in (400, 401, 413)
    assert b"application/problem+json" in head
    assert status == orjson.loads(body)["status"]


async def test_a_body_that_is_too_large(api: ApiClient) -> None:
    """Ten megabytes are refused with 413, announced or in chunks."""

    async def chunks() -> object:
        for _ in range(160):
            yield b"[" * 65_536

    refused = await api.post("/orders", data=io.BytesIO(b" " * 10_000_000))
    assert (413, "BAD_REQUEST_ERROR") == (refused.status, refused.error["code"])
    try:
        refused = await api.post("/orders", data=chunks())
    except aiohttp.ClientConnectionError:
        return  # the server may hang up on who goes on sending
    assert 413 == refused.status


def test_what_is_ours_to_mend_is_503() -> None:
    """Full queues, deadlines, absent stores: 503 with Retry-After, without details."""
    for error in (
        Unavailable("secret detail"),
        MailboxFull("order actor 17"),
        DeadlineExceeded("no answer"),
        CommitUnknown(),
        ConnectionRefusedError("10.0.0.1"),
        TimeoutError("x"),
    ):
        problem = problem_of(error)
        assert problem is not None
        assert (503, "SERVER_ERROR") == (problem.status, problem.code)
        assert problem.headers["Retry-After"]
        assert str(error) not in problem.description or not str(error)
    assert problem_of(ZeroDivisionError()) is None
