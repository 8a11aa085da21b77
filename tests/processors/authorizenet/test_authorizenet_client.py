"""Faults of the transport: what surely was not sent, and what may have arrived."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from decimal import Decimal

import pytest

from gateway.actors.cancelling import cancel_all
from gateway.domain.outcomes import Approved, FailedSurely, Unknown
from gateway.processors.authorizenet.client import AnswerLost, Client, InvalidReply, NotSent
from gateway.processors.protocol import call
from tests.processors.authorizenet.conftest import OpenProcessor
from tests.processors.authorizenet.samples import APPROVED, OK, transaction
from tests.processors.authorizenet.server import (
    BOM,
    Answer,
    ScriptedServer,
    bytes_answer,
    dropped,
    half,
    json_answer,
    never,
)

PAGE = b"<!DOCTYPE html><html><body>Bad Gateway</body></html>"
BODY = BOM + b'{"messages":{"resultCode":"Ok"}}'


def client(url: str, **limits: float) -> Client:
    values = {
        "timeout_seconds": 5.0,
        "connect_seconds": 1.0,
        "connections_max": 2,
        "reply_bytes_max": 10_000,
    }
    return Client(url, **(values | limits))  # type: ignore[arg-type]


async def test_a_reply_is_read_behind_its_byte_order_mark(server: ScriptedServer) -> None:
    """Amounts are exact numbers."""
    server.behaves(bytes_answer(BOM + b'{"amount": 10.10, "messages": {"resultCode": "Ok"}}'))
    sender = client(server.url)

    reply = await sender.post({"authenticateTestRequest": {}})

    assert Decimal("10.10") == reply["amount"]
    await sender.close()


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        pytest.param(dropped, AnswerLost, id="dropped"),
        pytest.param(half(BODY), AnswerLost, id="half a body"),
        pytest.param(bytes_answer(PAGE), InvalidReply, id="html"),
        pytest.param(bytes_answer(b""), InvalidReply, id="empty"),
        pytest.param(bytes_answer(BODY[:-1]), InvalidReply, id="half a document"),
        pytest.param(bytes_answer(b"[]"), InvalidReply, id="no object"),
        pytest.param(bytes_answer(b'{"messages": 5}'), InvalidReply, id="no messages"),
        pytest.param(bytes_answer(b"\xff\xfe"), InvalidReply, id="no text"),
        pytest.param(bytes_answer(BODY, status=500), InvalidReply, id="500"),
        pytest.param(bytes_answer(BODY, status=503), InvalidReply, id="503"),
        pytest.param(
            bytes_answer(b"", status=307, Location="http://localhost/"), InvalidReply, id="redirect"
        ),
        pytest.param(bytes_answer(BODY + b" " * 10_000), InvalidReply, id="too long"),
    ],
)
async def test_what_is_no_answer_proves_nothing(
    server: ScriptedServer, answer: Answer, error: type[Exception]
) -> None:
    """The request arrived, once: nothing is followed and nothing sent again."""
    server.behaves(answer)
    sender = client(server.url)

    with pytest.raises(error):
        await sender.post({"authenticateTestRequest": {}})

    assert 1 == len(server.asked)
    await sender.close()


async def test_no_answer_in_time_proves_nothing(server: ScriptedServer) -> None:
    """It may still come to be."""
    server.behaves(never)
    sender = client(server.url, timeout_seconds=0.2)

    with pytest.raises(TimeoutError):
        await sender.post({"authenticateTestRequest": {}})

    assert 1 == len(server.asked)
    await sender.close()


async def test_a_refused_connection_sent_nothing() -> None:
    """Nobody listens on the port."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        sender = client(f"http://127.0.0.1:{port}/")

        with pytest.raises(NotSent) as raised:
            await sender.post({"authenticateTestRequest": {}})

    assert "connect_failed" == raised.value.reason
    await sender.close()


async def test_a_name_that_does_not_resolve_sent_nothing() -> None:
    """`.invalid` never does (RFC 6761)."""
    sender = client("http://authorizenet.invalid/")

    with pytest.raises(NotSent):
        await sender.post({"authenticateTestRequest": {}})

    await sender.close()


async def test_a_failed_handshake_sent_nothing(server: ScriptedServer) -> None:
    """The other side speaks no TLS."""
    sender = client(server.url.replace("http:", "https:"))

    with pytest.raises(NotSent):
        await sender.post({"authenticateTestRequest": {}})

    assert [] == server.asked
    await sender.close()


async def test_waiting_for_a_free_connection_sends_nothing(server: ScriptedServer) -> None:
    """All are in use: it is given up while there is time to say so."""
    server.behaves(never)
    sender = client(server.url, connections_max=1, timeout_seconds=2.0)
    first = asyncio.create_task(sender.post({"authenticateTestRequest": {}}))
    await server.received.wait()

    with pytest.raises(NotSent) as raised:
        await sender.post({"authenticateTestRequest": {}})

    assert "connect_timeout" == raised.value.reason
    assert not first.done()
    assert 1 == len(server.asked)
    await cancel_all([first])
    await sender.close()


async def test_a_connection_that_is_not_answered_sent_nothing() -> None:
    """The other side's queue is full, so it does not even say no."""
    with contextlib.ExitStack() as stack:
        listening = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listening.getsockname())
        sender = client(f"http://127.0.0.1:{listening.getsockname()[1]}/", connect_seconds=0.2)

        with pytest.raises(NotSent) as raised:
            await sender.post({"authenticateTestRequest": {}})

    assert "connect_timeout" == raised.value.reason
    await sender.close()


@pytest.mark.parametrize("kind", ["charge", "authorize", "capture", "void", "refund"])
@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(dropped, id="dropped"),
        pytest.param(half(BODY), id="half"),
        pytest.param(bytes_answer(PAGE), id="html"),
        pytest.param(bytes_answer(b""), id="empty"),
        pytest.param(bytes_answer(PAGE, status=500), id="500"),
        pytest.param(never, id="slow"),
        pytest.param(json_answer({"messages": OK}), id="nothing decided"),
    ],
)
async def test_every_fault_of_every_operation_is_unknown(
    open_processor: OpenProcessor, server: ScriptedServer, kind: str, answer: Answer
) -> None:
    """And counts against the processor, which a circuit breaker wants to know."""
    processor = await open_processor(authorizenet_timeout_seconds=0.3)
    server.behaves(answer)

    outcome = await call(processor, transaction(kind))

    assert isinstance(outcome, Unknown)
    assert 1 == len(server.asked)


@pytest.mark.parametrize("kind", ["charge", "authorize", "capture", "void", "refund"])
async def test_what_could_not_be_sent_failed_surely(
    open_processor: OpenProcessor, kind: str
) -> None:
    """It may be sent again, or to another processor."""
    processor = await open_processor(authorizenet_url="http://127.0.0.1:1/")

    assert FailedSurely(reason="connect_failed") == await call(processor, transaction(kind))


async def test_connections_are_used_again(
    open_processor: OpenProcessor, server: ScriptedServer
) -> None:
    """Two payments one after the other need one handshake."""
    peers: set[object] = set()

    async def answer(request: object) -> object:
        peers.add(request.transport.get_extra_info("peername"))  # type: ignore[attr-defined]
        return await json_answer(APPROVED)(request)  # type: ignore[arg-type]

    processor = await open_processor()
    server.behaves(answer, answer)  # type: ignore[arg-type]

    for _ in range(2):
        assert isinstance(await call(processor, transaction()), Approved)

    assert 1 == len(peers)
