"""Chromium, as the system packages it, and the real gateway for it to look at."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, async_playwright

from tests.web.conftest import (  # the same gateway, looked at with a browser
    administrator,
    api,
    client_for,
    gateway,
    session,
    settings,
)

__all__ = ["administrator", "api", "chromium", "client_for", "gateway", "session", "settings"]

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
