"""A gateway whose merchant has card payments in dollars go to a simulated Authorize.Net."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from gateway.app import Gateway
from gateway.settings import Settings
from tests.authorizenet.shop import Shop
from tests.sandbox.server import RunningSandbox, running_sandbox
from tests.support import StoresForTests
from tests.web.client import ApiClient
from tests.web.conftest import (  # noqa: F401 - fixtures
    api,
    client_for,
    database_url,
    gateway,
    session,
)


@pytest.fixture
async def sandbox() -> AsyncIterator[RunningSandbox]:
    """Strict about what it is sent."""
    async with running_sandbox(duplicate_window_seconds=0) as running:
        yield running


@pytest.fixture
def settings(
    stores: StoresForTests,
    database_url: str,  # noqa: F811 - the fixture
    redis_url: str,
    redis_prefix: str,
    sandbox: RunningSandbox,
) -> Settings:
    """Test mode, with the sandbox's account."""
    return Settings(
        database_url=database_url,
        redis_url=redis_url,
        port=0,
        test_mode=True,
        test_processing_delay=0,
        host="127.0.0.1",
        redis_prefix=redis_prefix,
        encryption_key=stores.encryption_key,
        test_controls=True,
        wait_seconds_max=10,
        recovery_seconds=1,
        lease_margin_seconds=1,
        authorizenet_url=sandbox.api_url,
        authorizenet_api_login_id=sandbox.login_id,
        authorizenet_transaction_key=sandbox.transaction_key,
        authorizenet_signature_key=sandbox.signature_key,
        authorizenet_timeout_seconds=2,
    )


@pytest.fixture
async def shop(
    api: ApiClient,  # noqa: F811 - the fixture
    gateway: Gateway,  # noqa: F811 - the fixture
    sandbox: RunningSandbox,
) -> Shop:
    """The test merchant, with the rule."""
    made = Shop(api, sandbox)
    await made.route_dollars()
    return made
