"""A running gateway, its seeded merchant, and somebody who was sent a link."""

from __future__ import annotations

import aiohttp
import pytest

from gateway.app import Gateway
from tests.bills.merchant import Merchant, Visitor
from tests.web.conftest import (  # noqa: F401 - fixtures
    administrator,
    api,
    client_for,
    gateway,
    session,
    settings,
)


@pytest.fixture
def merchant(gateway: Gateway, session: aiohttp.ClientSession) -> Merchant:  # noqa: F811
    """The seeded test merchant."""
    return Merchant(session, f"http://127.0.0.1:{gateway.port}")


@pytest.fixture
def visitor(gateway: Gateway, session: aiohttp.ClientSession) -> Visitor:  # noqa: F811
    """Nobody in particular."""
    return Visitor(session, f"http://127.0.0.1:{gateway.port}")
