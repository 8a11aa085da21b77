"""The process dies while a notification is on its way through it: one outcome, one charge."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import pytest

from tests.sandbox.sending import notify, pay_by_card, rest, route_cards
from tests.sandbox.server import RunningSandbox, running_sandbox
from tests.support import eventually
from tests.survival.books import find_doubled_effects
from tests.survival.conftest import Stores
from tests.survival.gateway_process import GatewayProcess
from tests.web.client import ApiClient

PATH = "/api/v1/webhooks/authorize-net"


@pytest.fixture
async def sandbox() -> AsyncIterator[RunningSandbox]:
    """A simulated Authorize.Net that sends notifications when it is told to."""
    async with running_sandbox(duplicate_window_seconds=0, delivery_attempts_max=1) as running:
        await running.control.webhooks(held=True)
        yield running


@pytest.fixture
async def gateway(
    tmp_path: Path, own_stores: Stores, sandbox: RunningSandbox
) -> AsyncIterator[GatewayProcess]:
    """A gateway with an account at Authorize.Net."""
    process = GatewayProcess(
        tmp_path / "gateway.log",
        **own_stores.environment,
        GATEWAY_AUTHORIZENET_URL=sandbox.api_url,
        GATEWAY_AUTHORIZENET_API_LOGIN_ID=sandbox.login_id,
        GATEWAY_AUTHORIZENET_TRANSACTION_KEY=sandbox.transaction_key,
        GATEWAY_AUTHORIZENET_SIGNATURE_KEY=sandbox.signature_key,
        GATEWAY_AUTHORIZENET_TIMEOUT_SECONDS="5",
    )
    await process.start()
    yield process
    if process.is_running:
        process.kill()


async def in_state(
    database: asyncpg.Connection, payment_id: str, status: str
) -> dict[str, Any] | None:
    row = await database.fetchrow("SELECT * FROM payments WHERE id = $1", payment_id)
    return dict(row) if row is not None and row["status"] == status else None


@pytest.mark.parametrize(
    "point",
    [
        "inbound.before_keep",
        "inbound.before_asking",
        "inbound.before_telling",
        "inbound.before_record",
    ],
)
async def test_killed_at_each_step(
    gateway: GatewayProcess,
    sandbox: RunningSandbox,
    session: aiohttp.ClientSession,
    database: asyncpg.Connection,
    point: str,
) -> None:
    """What was answered 200 is handled by the next process; what was not is sent again."""
    api = ApiClient(session, gateway.url)
    await route_cards(api)
    webhook_id = await notify(sandbox, gateway.url + PATH)
    await sandbox.control.arm("dropped", operation="createTransactionRequest")
    payment = await pay_by_card(api)
    await eventually(lambda: in_state(database, payment["id"], "unknown"))
    # No question of ours is to be first.
    await database.execute("UPDATE operations SET due_at = NULL")

    await gateway.arm(session, point)
    await sandbox.control.release_webhooks()
    assert -9 == await gateway.exit_status(within_seconds=60)
    await gateway.start()
    if point == "inbound.before_keep":
        await rest(sandbox, "PUT", f"webhooks/{webhook_id}", {"url": gateway.url + PATH})
        [sent] = (await rest(sandbox, "GET", "notifications"))["notifications"]
        await sandbox.control.resend_webhook(sent["notificationId"])
        await sandbox.control.release_webhooks()
    else:
        assert 1 == await database.fetchval("SELECT count(*) FROM inbound_notifications")
        await gateway.advance_clock(session, 61)

    await eventually(lambda: in_state(database, payment["id"], "success"))
    handled = "SELECT count(*) FROM inbound_notifications WHERE state = 'done'"
    await eventually(lambda: database.fetchval(handled))
    assert 1 == len(await sandbox.control.transactions())
    assert [] == await find_doubled_effects(database)
