"""Streams of other things than payments, as the dashboard has them: all changes of a merchant."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import orjson
import pytest
from aiohttp import web

from gateway.app import Gateway
from gateway.domain.errors import NotFound
from gateway.queue.notifications import merchant_changes
from gateway.seeding import TEST_MERCHANT_ID
from gateway.settings import Settings
from gateway.storage.pool import Pool
from gateway.web.application import make_application
from gateway.web.following import Feed, follow
from gateway.web.routes import Access, Route
from gateway.web.server import Runner
from gateway.web.services import Services
from gateway.web.streams import Place, Snapshot, Streams, TooManyStreams
from tests.support import eventually
from tests.web.client import ApiClient

COUNT = "SELECT count(*) FROM payments WHERE merchant_id = $1"


class Opened(Gateway):
    """A gateway that shows what its handlers work with."""

    services: Services

    def _services(self, *parts: Any) -> Services:
        self.services = super()._services(*parts)
        return self.services


@pytest.fixture
async def gateway(settings: Settings) -> AsyncIterator[Opened]:
    running = Opened(settings)
    await running.start()
    yield running
    await running.stop()


class Feeds:
    """Feeds that count a merchant's payments, and count how often they looked."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self.looks = 0
        self.fault: Exception | None = None

    async def look(self) -> Snapshot:
        self.looks += 1
        if self.fault is not None:
            raise self.fault
        return Snapshot.of(
            "payments", {"count": await self._pool.fetchval(COUNT, TEST_MERCHANT_ID)}
        )

    async def serve(self, request: web.Request) -> web.StreamResponse:
        feed = Feed(
            subject="merchant",
            subject_max=3,
            ids=(merchant_changes(TEST_MERCHANT_ID),),
            look=self.look,
            pause_seconds=float(request.query.get("pause", 0)),
        )
        return await follow(request, feed)


@pytest.fixture
def feeds(pool: Pool) -> Feeds:
    return Feeds(pool)


@pytest.fixture
async def url(gateway: Opened, feeds: Feeds) -> AsyncIterator[str]:
    """Where the feed is served, beside the gateway and with its services."""
    route = Route(method="GET", path="/feed", handler=feeds.serve, access=Access.ANYBODY)
    runner = Runner(make_application(gateway.services, more_routes=[[route]]))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/feed"
    await runner.cleanup()


async def counts(response: aiohttp.ClientResponse) -> AsyncIterator[int]:
    while message := await response.content.readuntil(b"\n\n"):
        if b"data: " in message:
            yield orjson.loads(message.split(b"data: ")[1])["count"]


async def test_all_changes_of_a_merchant_are_told(
    url: str, api: ApiClient, session: aiohttp.ClientSession, gateway: Opened
) -> None:
    """A stream wakes for any payment of the merchant, and shows each state once."""
    async with session.get(url) as response:
        told = counts(response)
        assert 0 == await anext(told)
        for count in range(1, 4):
            await api.payment()
            assert count == await asyncio.wait_for(anext(told), 5)
    await eventually(lambda: gateway.streams.count == 0)


async def test_changes_in_quick_succession_are_told_together(
    url: str, api: ApiClient, session: aiohttp.ClientSession, feeds: Feeds
) -> None:
    """A busy merchant does not make a stream look at every payment; the newest state is shown."""
    async with session.get(f"{url}?pause=0.5") as response:
        told = counts(response)
        assert 0 == await anext(told)
        before = feeds.looks
        await asyncio.gather(*(api.payment() for _ in range(20)))
        shown = [await anext(told)]
        while shown[-1] < 20:
            shown.append(await anext(told))

    assert sorted(set(shown)) == shown
    assert 10 > feeds.looks - before


async def test_a_hang_up_ends_a_pause(
    url: str, api: ApiClient, session: aiohttp.ClientSession, gateway: Opened
) -> None:
    """However long the pause is, who has gone takes no place."""
    async with session.get(f"{url}?pause=60") as response:
        told = counts(response)
        assert 0 == await anext(told)
        await api.payment()
        assert 1 == await anext(told)
        response.close()
        await eventually(lambda: gateway.streams.count == 0, 5)


async def test_draining_ends_a_pause(
    url: str, api: ApiClient, session: aiohttp.ClientSession, gateway: Opened
) -> None:
    """However long the pause is, the process stops at once."""
    async with session.get(f"{url}?pause=60") as response:
        told = counts(response)
        assert 0 == await anext(told)
        await api.payment()
        assert 1 == await anext(told)
        gateway.begin_draining()

        assert [] == [each async for each in told]


async def test_what_was_taken_away_ends_the_stream(
    url: str, session: aiohttp.ClientSession, feeds: Feeds
) -> None:
    """In good order; the next request is told why."""
    async with session.get(url) as response:
        told = counts(response)
        assert 0 == await anext(told)
        feeds.fault = NotFound("Gone")
        assert [] == [each async for each in told]
    async with session.get(url) as refused:
        assert 404 == refused.status


async def test_a_fault_breaks_the_stream_off(
    url: str,
    session: aiohttp.ClientSession,
    feeds: Feeds,
    gateway: Opened,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Nothing is added to what was sent, and the log says where, without a word of the error."""
    async with session.get(url) as response:
        told = counts(response)
        assert 0 == await anext(told)
        feeds.fault = RuntimeError("4242424242424242")
        with pytest.raises(aiohttp.ClientError):
            await anext(told)
    await eventually(lambda: gateway.streams.count == 0)
    logged = "".join(capfd.readouterr())
    assert "request_failed" in logged
    assert "4242424242424242" not in logged


async def test_a_database_that_is_away_interrupts_nothing(
    url: str, api: ApiClient, session: aiohttp.ClientSession, feeds: Feeds
) -> None:
    """A stream that cannot look waits, and goes on when it can."""
    async with session.get(url) as response:
        told = counts(response)
        assert 0 == await anext(told)
        feeds.fault, looks = ConnectionRefusedError("no Postgres"), feeds.looks
        await api.payment()
        await eventually(lambda: feeds.looks > looks + 1)
        feeds.fault = None

        assert 1 == await asyncio.wait_for(anext(told), 5)


async def test_places_are_counted() -> None:
    """In all and by subject, and given back; none after the end."""
    streams = Streams(total_max=3)
    with streams.place("a", subject_max=2), streams.place("a", subject_max=2) as place:
        with pytest.raises(TooManyStreams):
            streams.place("a", subject_max=2).__enter__()
        with streams.place("b", subject_max=2), pytest.raises(TooManyStreams):
            streams.place("c", subject_max=2).__enter__()
        assert (2, 2, 0) == (streams.count, streams.of_subject("a"), streams.of_subject("b"))
        streams.close()
        assert place.over.is_set()
        with pytest.raises(TooManyStreams):
            streams.place("d", subject_max=2).__enter__()
    assert (0, 0) == (streams.count, streams.of_subject("a"))


async def test_a_pause_lasts_or_ends_with_the_stream() -> None:
    """It is over with its time, or at once."""
    place = Place()
    await place.pause(0.01)
    assert not place.over.is_set()
    place.over.set()
    await asyncio.wait_for(place.pause(60), 1)


def test_a_message_is_one_event() -> None:
    """Nothing in the data can begin another line of the stream."""
    snapshot = Snapshot.of("note", {"text": "a\n\ndata: b\r\u2028"})

    assert b'event: note\ndata: {"text":"a\\n\\ndata: b\\r\xe2\x80\xa8"}\n\n' == snapshot.message()
    assert snapshot.message(retry_seconds=1.5).startswith(b"retry: 1500\nevent: ")
