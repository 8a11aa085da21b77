"""The real gateway, and sites of other origins, for a browser to look at."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page

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
    "client_for",
    "database_url",
    "gateway",
    "session",
    "settings",
]


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
