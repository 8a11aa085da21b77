"""Gateways with settings of their own, beside the fixture's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from gateway.app import Gateway
from gateway.settings import Settings
from tests.checkout.shopper import Shopper
from tests.web.client import ApiClient


@asynccontextmanager
async def running(
    settings: Settings, session: aiohttp.ClientSession, **changes: Any
) -> AsyncIterator[tuple[Gateway, ApiClient, Shopper]]:
    """A gateway with other settings."""
    gateway = Gateway(settings.model_copy(update=changes))
    await gateway.start()
    try:
        url = f"http://127.0.0.1:{gateway.port}"
        nobody = ApiClient(session, url, key=None, secret=None)
        yield gateway, ApiClient(session, url), Shopper(nobody)
    finally:
        await gateway.stop()
