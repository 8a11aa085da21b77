"""Endpoints that hang, are dead, or come to their senses: the schedule is kept."""

from __future__ import annotations

import asyncio

import aiohttp

from tests.support import eventually
from tests.survival.books import until_quiet
from tests.survival.conftest import set_webhook
from tests.survival.gateway_process import KEY_HEADERS, GatewayProcess

SCHEDULE = (60, 300, 1_800, 7_200)


async def _endpoint(
    session: aiohttp.ClientSession, gateway: GatewayProcess, url: str, *events: str
) -> str:
    async with session.post(
        f"{gateway.url}/api/v1/webhook-endpoints",
        json={"url": url, "events": list(events)},
        headers=KEY_HEADERS,
    ) as response:
        assert response.status == 201, await response.text()
        return (await response.json())["id"]


async def test_four_failures_then_success_through_restarts(
    gateway, merchant, session, database, make_receiver
):
    """500 four times, then 200: each try to the second, the same id and bytes, across restarts."""
    receiver = await make_receiver()
    receiver.statuses = [500, 500, 500, 500]
    await _endpoint(session, gateway, receiver.url, "payment.success")
    await merchant.take_payment(1)
    await eventually(lambda: len(receiver.received) == 1, within_seconds=20)
    passed = 0

    for number, wait_seconds in enumerate(SCHEDULE, 2):
        attempts = "SELECT attempts FROM webhook_logs WHERE status = 'pending'"
        await eventually(
            lambda query=attempts, done=number - 1: _fetch_equals(database, query, done)
        )
        if number == 4:
            # The schedule lives in Postgres; the clock of the new process starts anew.
            gateway.kill()
            await gateway.start()
            await gateway.advance_clock(session, passed)
        await gateway.advance_clock(session, wait_seconds - 10)
        passed += wait_seconds
        assert number - 1 == len(receiver.received)
        await gateway.advance_clock(session, 10)
        await eventually(lambda n=number: len(receiver.received) == n, within_seconds=20)
    await until_quiet(database)

    row = await database.fetchrow("SELECT status, attempts, response_code FROM webhook_logs")
    assert ("success", 5, 200) == tuple(row)
    assert 1 == len({(event_id, body) for event_id, body, _ in receiver.received})


async def _fetch_equals(database, query: str, value: object) -> bool:
    return await database.fetchval(query) == value


async def test_hanging_and_dead_endpoints_delay_nobody(
    gateway, merchant, session, database, make_receiver
):
    """One endpoint hangs, one is dead; the third gets everything meanwhile."""
    hanging, good = await make_receiver(), await make_receiver()
    hanging.hang.clear()
    await _endpoint(session, gateway, hanging.url)
    await _endpoint(session, gateway, "http://127.0.0.1:9/hook")
    await _endpoint(session, gateway, good.url, "payment.success")

    async with asyncio.timeout(30):
        await merchant.run(100, settle=False)
        for payment_id in list(merchant.told.payments):
            await merchant.outcome(payment_id)
        await eventually(lambda: len(good.received) >= 100, within_seconds=15)

    assert 100 == len({event_id for event_id, _, _ in good.received})
    hanging.hang.set()
    dead = await database.fetchrow(
        "SELECT count(*) AS count, max(attempts) AS attempts FROM webhook_logs"
        " WHERE response_code IS NULL AND last_attempt_at IS NOT NULL AND status = 'pending'"
    )
    assert dead["count"] > 0
    assert 1 <= dead["attempts"]


async def test_dead_letter_after_five_tries_and_retry(
    gateway, merchant, session, database, make_receiver
):
    """After the fifth failure: failed and a dead letter; a manual retry starts one new chain."""
    receiver = await make_receiver()
    receiver.status = 503
    await set_webhook(session, gateway, receiver.url)
    async with session.post(
        f"{gateway.url}/api/v1/merchants/webhook/test", headers=KEY_HEADERS
    ) as response:
        assert 200 == response.status, await response.text()
    for number, wait_seconds in enumerate((*SCHEDULE, 0), 1):
        await eventually(lambda n=number: len(receiver.received) == n, within_seconds=20)
        if wait_seconds:
            query = "SELECT attempts FROM webhook_logs"
            await eventually(lambda q=query, n=number: _fetch_equals(database, q, n))
            await gateway.advance_clock(session, wait_seconds)
    await until_quiet(database)
    delivery = await database.fetchrow("SELECT id, status, attempts FROM webhook_logs")
    assert ("failed", 5) == (delivery["status"], delivery["attempts"])
    letters = "SELECT count(*) FROM dead_letters WHERE kind = 'webhook' AND resolved_at IS NULL"
    assert 1 == await database.fetchval(letters)

    receiver.status = 200
    async with session.post(
        f"{gateway.url}/api/v1/webhooks/{delivery['id']}/retry", headers=KEY_HEADERS
    ) as response:
        assert 200 == response.status, await response.text()
    await until_quiet(database)

    assert 6 == len(receiver.received)
    assert "success" == await database.fetchval("SELECT status FROM webhook_logs")
