"""Pages of the dashboard are told when something has happened to the merchant."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import aiohttp
import orjson
import pytest
from playwright.async_api import Browser as Chromium
from playwright.async_api import expect

from gateway.app import Gateway
from gateway.seeding import TEST_EMAIL, TEST_PASSWORD
from tests.dashboard.people import Browser, People
from tests.support import eventually
from tests.web.client import ApiClient
from tests.web.merchants import Administrator

PATH = "/dashboard/changes"
ACCEPT = {"Accept": "text/event-stream"}


@asynccontextmanager
async def followed(browser: Browser) -> AsyncIterator[AsyncIterator[str | None]]:
    """The newest event's id, at the beginning and at each change."""

    async def told(response: aiohttp.ClientResponse) -> AsyncIterator[str | None]:
        while message := await response.content.readuntil(b"\n\n"):
            if b"data: " in message:
                assert b"event: change\n" in message
                yield orjson.loads(message.split(b"data: ")[1])["newest"]

    async with browser._session.get(browser.url + PATH, headers=ACCEPT) as response:
        assert 200 == response.status, await response.text()
        yield told(response)


async def test_a_payment_is_told(owner: Browser, api: ApiClient) -> None:
    """Nothing but that something happened: the page asks for itself."""
    async with followed(owner) as told:
        assert await anext(told) is None
        payment = await api.authorized()
        newest = (await api.get("/events?limit=1")).json["data"][0]

        assert "payment.success" == newest["type"], payment
        while newest["id"] != await asyncio.wait_for(anext(told), 10):
            pass


async def test_only_ones_own_in_the_mode_that_is_looked_at(
    owner: Browser,
    api: ApiClient,
    administrator: Administrator,
    client_for: Callable[..., ApiClient],
) -> None:
    """What happens to others, or in the other mode, is not told."""
    credentials = await administrator.key(await administrator.merchant())
    stranger = client_for(credentials.key, credentials.secret)
    await api.authorized()
    async with followed(owner) as told:
        assert await anext(told)
        await stranger.authorized()
        await owner.post("/dashboard/mode", mode="live", next="/dashboard")
        async with followed(owner) as in_live_mode:
            assert await anext(in_live_mode) is None
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(told), 3)


async def test_who_is_not_signed_in_or_may_not(browser: Browser, people: People) -> None:
    """No stream without a session, and none for an operator, who has no merchant."""
    operator = await people.signed_in("operator")
    for each, status in ((browser, 401), (operator, 403)):
        async with each._session.get(browser.url + PATH, headers=ACCEPT) as response:
            assert status == response.status


async def test_places_are_given_back(owner: Browser, gateway: Gateway) -> None:
    """A page that is closed holds none."""
    async with followed(owner) as told:
        await anext(told)
        assert 1 == gateway.streams.count
    await eventually(lambda: gateway.streams.count == 0)


async def test_an_open_page_shows_what_happens(
    api: ApiClient,
    gateway: Gateway,
    chromium: Chromium,
) -> None:
    """A new payment stands in the list without a reload, and long before the page's own time."""
    page = await chromium.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    await page.goto(f"{api.url}/login")
    await page.locator('[data-test-id="email-input"]').fill(TEST_EMAIL)
    await page.locator('[data-test-id="password-input"]').fill(TEST_PASSWORD)
    await page.locator('[data-test-id="login-button"]').click()
    await page.goto(f"{api.url}/dashboard/transactions")
    await eventually(lambda: gateway.streams.count == 1)
    payment = await api.authorized()
    row = page.locator(f'[data-payment-id="{payment["id"]}"]')
    await expect(row).to_be_visible(timeout=10_000)
    await page.goto("about:blank")
    await eventually(lambda: gateway.streams.count == 0)

    assert [] == faults
