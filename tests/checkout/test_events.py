"""Following a payment live: what a stream shows, when it ends, and what it leaves behind."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
import pytest

from gateway.app import Gateway
from gateway.metrics import Metrics
from gateway.settings import Settings
from gateway.web import following
from tests.checkout.gateways import running
from tests.checkout.shopper import CHALLENGED, NEVER, Shopper
from tests.support import eventually
from tests.web.client import ApiClient

HIDDEN = {"notes", "processor", "processor_reference", "customer", "merchant_id"}


@pytest.fixture
async def crowd() -> AsyncIterator[aiohttp.ClientSession]:
    """As many connections as a test wants."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as opened:
        yield opened


async def test_a_payment_is_followed_to_its_end(
    settings: Settings, session: aiohttp.ClientSession
) -> None:
    """The first event comes at once, each change is told, and the last one ends the stream."""
    async with running(settings, session, test_processing_delay=300) as (gateway, api, shopper):
        payment = await shopper.pay((await api.order())["id"])
        async with shopper.stream(payment["id"]) as stream:
            seen = await stream.until("success")

            assert "pending" == seen[0] or "processing" == seen[0]
            assert len(seen) == len(set(seen)), "told twice"
            assert await stream.ended()
            assert 2_000 == stream.retry
        assert 0 == gateway.streams.count
        assert 0 == gateway._hub.subscriptions


async def test_what_is_over_is_shown_and_ends(api: ApiClient, shopper: Shopper) -> None:
    """Coming back to the page shows how the payment ended."""
    payment = await shopper.pay((await api.order())["id"], method="upi", vpa="failure@bank")
    await shopper.reached(payment["id"], "failed")

    async with shopper.stream(payment["id"]) as stream:
        assert ["failed"] == await stream.until("failed")
        assert await stream.ended()


async def test_a_stream_shows_what_the_shopper_may_see(api: ApiClient, shopper: Shopper) -> None:
    """The same as the public payment, in headers that keep it out of caches and buffers."""
    payment = await shopper.pay((await api.order(notes={"margin": "40 %"}))["id"], **CHALLENGED)
    async with shopper.stream(payment["id"]) as stream:
        await stream.until("requires_action")
    async with shopper.stream(payment["id"]) as stream:
        shown = await stream.next()

    assert await shopper.payment(payment["id"]) == shown
    assert not HIDDEN & shown.keys()
    headers = stream.response.headers
    assert "text/event-stream" == headers["Content-Type"]
    assert "no-store, no-transform" == headers["Cache-Control"]
    assert "no" == headers["X-Accel-Buffering"]
    assert headers["X-Request-Id"]


async def test_what_is_not_there_is_not_streamed(api: ApiClient, shopper: Shopper) -> None:
    """Unknown payments, what is no id, and the payment of another order than the asker's."""
    order, other = [await api.order() for _ in range(2)]
    payment = await shopper.pay(order["id"], **CHALLENGED)
    refusals = [
        await shopper.refused_stream(NEVER),
        await shopper.refused_stream("pay_x"),
        await shopper.refused_stream(order["id"]),
        await shopper.refused_stream(payment["id"], order_id=other["id"]),
    ]

    assert [404] * 4 == [refusal.status for refusal in refusals]
    assert {"Payment not found"} == {refusal.error["description"] for refusal in refusals}
    async with shopper.stream(payment["id"], order_id=order["id"]) as stream:
        assert await stream.next()


async def test_a_disabled_merchants_payments_are_gone(
    api: ApiClient, shopper: Shopper, gateway: Gateway, administrator: Any
) -> None:
    """A stream that is open ends, and another one is refused."""
    payment = await shopper.pay((await api.order())["id"], **CHALLENGED)
    await shopper.reached(payment["id"], "requires_action")
    async with shopper.stream(payment["id"]) as stream:
        assert await stream.next()
        await administrator.pool.execute("UPDATE merchants SET active = false")

        assert await stream.ended()
    assert 404 == (await shopper.refused_stream(payment["id"])).status


async def test_head_opens_nothing(api: ApiClient, shopper: Shopper, gateway: Gateway) -> None:
    """Somebody who only asks for the headers gets these, and holds no place."""
    payment = await shopper.pay((await api.order())["id"], **CHALLENGED)
    async with shopper.api.session.head(shopper.events_url(payment["id"])) as response:
        assert "text/event-stream" == response.headers["Content-Type"]
        assert b"" == await response.read()
    await eventually(lambda: gateway.streams.count == 0)


async def test_two_hundred_follow_at_once(
    settings: Settings,
    session: aiohttp.ClientSession,
    crowd: aiohttp.ClientSession,
) -> None:
    """Every one sees the end, and nothing is left."""
    changes = {"test_processing_delay": 1500, "streams_per_payment_max": 10}
    async with running(settings, session, **changes) as (gateway, api, shopper):
        payments = [await shopper.pay((await api.order())["id"]) for _ in range(20)]

        async def follow(payment_id: str) -> str:
            async with shopper.stream(payment_id, session=crowd) as stream:
                seen = await stream.until("success")
                assert await stream.ended()
                return seen[-1]

        ended = await asyncio.gather(*(follow(each["id"]) for each in payments * 10))

        assert ["success"] * 200 == ended
        assert 0 == gateway.streams.count
        assert 0 == gateway._hub.subscriptions


@pytest.mark.parametrize(
    ("changes", "payments"), [({"streams_max": 2}, 3), ({"streams_per_payment_max": 2}, 1)]
)
async def test_when_all_places_are_taken(
    settings: Settings, session: aiohttp.ClientSession, changes: dict[str, int], payments: int
) -> None:
    """One more is refused with 503 and told when to try again; a place that is left is free."""
    async with running(settings, session, **changes) as (gateway, api, shopper):
        made = [
            (await shopper.pay((await api.order())["id"], **CHALLENGED))["id"]
            for _ in range(payments)
        ]
        followed = (made * 3)[:3]
        async with AsyncExitStack() as stack:
            for payment_id in followed[:2]:
                await stack.enter_async_context(shopper.stream(payment_id))
            refused = await shopper.refused_stream(followed[2])

            assert (503, "SERVER_ERROR") == (refused.status, refused.error["code"])
            assert 0 < int(refused.headers["Retry-After"])
            assert (
                "requires_action" == (await shopper.reached(made[0], "requires_action"))["status"]
            )
        await eventually(lambda: gateway.streams.count == 0)
        async with shopper.stream(followed[2]) as stream:
            assert await stream.next()


async def test_a_client_that_hangs_up_frees_everything(
    settings: Settings, session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At once, without waiting for the next look: place, subscription, connection."""
    monkeypatch.setattr(following, "_LOOK_EVERY_SECONDS", 600.0)
    settings = settings.model_copy(update={"stream_heartbeat_seconds": 600.0})
    async with running(settings, session) as (gateway, api, shopper):
        payment = await shopper.pay((await api.order())["id"], **CHALLENGED)
        await shopper.reached(payment["id"], "requires_action")
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        path = f"/checkout/payments/{payment['id']}/events"
        writer.write(f"GET {path} HTTP/1.1\r\nHost: gateway\r\n\r\n".encode())
        await reader.readuntil(b"event: payment\n")
        assert (1, 1) == (gateway.streams.count, gateway.streams.of_subject(payment["id"]))

        # No farewell: the connection is reset, as when a phone loses its network.
        writer.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00"
        )
        writer.close()
        await eventually(lambda: gateway.streams.count == 0)
        assert (0, 0) == (gateway.streams.of_subject(payment["id"]), gateway._hub.subscriptions)


async def test_a_quiet_stream_is_kept_alive_and_ends_with_its_time(
    settings: Settings, session: aiohttp.ClientSession
) -> None:
    """Heartbeats are written while nothing happens; then the stream ends in good order."""
    changes = {"stream_heartbeat_seconds": 0.1, "stream_seconds_max": 1.0}
    async with running(settings, session, **changes) as (gateway, api, shopper):
        payment = await shopper.pay((await api.order())["id"], **CHALLENGED)
        await shopper.reached(payment["id"], "requires_action")
        async with shopper.stream(payment["id"]) as stream:
            messages = []
            while message := await stream.raw():
                messages.append(message)

        assert b"event: payment\n" in messages[0]
        assert {b":\n\n"} == set(messages[1:])
        assert 3 <= len(messages)
        assert 0 == gateway.streams.count


async def test_draining_ends_all_streams(
    settings: Settings, session: aiohttp.ClientSession, crowd: aiohttp.ClientSession
) -> None:
    """Streams end in good order when the process is to stop, and the stop waits for none."""
    async with running(settings, session) as (gateway, api, shopper):
        payments = [await shopper.pay((await api.order())["id"], **CHALLENGED) for _ in range(5)]
        for payment in payments:
            await shopper.reached(payment["id"], "requires_action")
        async with AsyncExitStack() as stack:
            streams = [
                await stack.enter_async_context(shopper.stream(payment["id"], session=crowd))
                for payment in payments
            ]
            for stream in streams:
                assert await stream.next()
            began = asyncio.get_running_loop().time()
            gateway.begin_draining()
            for stream in streams:
                assert await stream.ended()
            refused = await shopper.refused_stream(payments[0]["id"])
            await gateway.stop()

            assert settings.shutdown_seconds > asyncio.get_running_loop().time() - began
            assert 503 == refused.status
            assert 0 == gateway.streams.count


async def test_news_that_are_lost_are_found(
    api: ApiClient, shopper: Shopper, gateway: Gateway, pool: Any
) -> None:
    """A change that nobody told of is seen with the next look into Postgres."""
    payment = await shopper.pay((await api.order())["id"], **CHALLENGED)
    await shopper.reached(payment["id"], "requires_action")
    async with shopper.stream(payment["id"]) as stream:
        await stream.next()
        await pool.execute("UPDATE payments SET error_reason = 'x' WHERE id = $1", payment["id"])

        assert "x" == (await asyncio.wait_for(stream.next(), 5))["error_reason"]


async def test_operators_see_how_many_follow(
    settings: Settings, session: aiohttp.ClientSession
) -> None:
    """Open streams are counted; how long one is watched does not count as a slow answer."""
    metrics = Metrics()
    quick = settings.model_copy(update={"stream_heartbeat_seconds": 1.0})
    gateway = Gateway(quick, metrics=metrics)
    await gateway.start()
    try:
        url = f"http://127.0.0.1:{gateway.port}"
        shopper = Shopper(ApiClient(session, url, key=None, secret=None))
        order = await ApiClient(session, url).order()
        payment = await shopper.pay(order["id"], **CHALLENGED)
        await shopper.reached(payment["id"], "requires_action")
        async with shopper.stream(payment["id"]) as stream:
            await stream.next()
            assert b"gateway_live_streams 1.0" in await metrics.exposition()
            for _ in range(3):  # three looks of a second
                assert b":\n\n" == await stream.raw()
            gateway.begin_draining()
            assert await stream.ended()
        text = (await metrics.exposition()).decode()
    finally:
        await gateway.stop()
    route = 'route="/checkout/payments/{id}/events"'
    pattern = (
        rf"gateway_http_response_seconds_(count|sum)\{{[^}}]*{re.escape(route)}[^}}]*\}} (\S+)"
    )
    found = dict(re.findall(pattern, text))

    assert "gateway_live_streams 0.0" in text
    assert 1 == float(found["count"])
    assert 2 > float(found["sum"])
