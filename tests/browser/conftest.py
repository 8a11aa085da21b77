"""Chromium, as the system packages it, and the real gateway for it to look at."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, async_playwright

from gateway.app import Gateway
from tests.browser.checkouts import Checkout
from tests.browser.example_shop import open_shop
from tests.browser.sites import READY, SCRIPT, Shop, Site, running
from tests.web.client import ApiClient
from tests.web.conftest import (  # the same gateway, looked at with a browser
    administrator,
    api,
    client_for,
    database_url,
    gateway,
    session,
    settings,
)

__all__ = [
    "administrator",
    "api",
    "chromium",
    "client_for",
    "database_url",
    "gateway",
    "session",
    "settings",
]

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    """A browser of its own for the test; it is closed when the test ends."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=next(filter(None, map(shutil.which, CHROMIUM_NAMES))),
            args=list(CHROMIUM_FLAGS),
        )
        try:
            yield browser
        finally:
            await browser.close()


@pytest.fixture
async def page(chromium: Browser) -> Page:
    """A page of its own, at the size of a laptop."""
    return await chromium.new_page(viewport={"width": 1280, "height": 800})


@pytest.fixture
async def checkout(page: Page, api: ApiClient, gateway: Gateway) -> AsyncIterator[Checkout]:
    """The checkout in the browser; no script of it may fail, nothing may break its policy."""
    opened = Checkout(page, api, gateway)
    yield opened
    assert [] == opened.faults


@pytest.fixture
async def stand_in() -> AsyncIterator[Site]:
    """An origin that stands in for a gateway: it has the real script, and a frame that works."""
    site = Site()
    site.pages["/checkout.js"] = SCRIPT.read_text()
    site.pages["/checkout"] = READY
    async with running(site):
        yield site


@pytest.fixture
async def shop(page: Page, stand_in: Site) -> AsyncIterator[Shop]:
    """A shop of another origin whose page has the stand-in's script; nothing may go wrong on it."""
    site = Site()
    async with running(site):
        opened = Shop(page, site, stand_in)
        await opened.visit()
        yield opened
        assert [] == opened.faults


@pytest.fixture
async def example_url(gateway: Gateway) -> AsyncIterator[str]:
    """Where the example shop is open, in front of the gateway."""
    context = open_shop(f"http://127.0.0.1:{gateway.port}")
    url = await asyncio.to_thread(context.__enter__)
    yield url
    await asyncio.to_thread(context.__exit__, None, None, None)
