"""One key, one effect: storms of identical requests, and a crash in their middle."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest

from tests.survival.books import compare, until_quiet
from tests.survival.gateway_process import KEY_HEADERS, GatewayProcess

STORM = 200


async def _post(
    session: aiohttp.ClientSession, url: str, body: dict[str, Any], key: str
) -> tuple[int, bytes, bool]:
    headers = {**KEY_HEADERS, "Idempotency-Key": key}
    for _ in range(200):
        try:
            async with session.post(url, json=body, headers=headers) as response:
                answer = await response.read()
                if response.status in (409, 503):
                    await asyncio.sleep(0.05)
                    continue
                replayed = response.headers.get("Idempotent-Replayed") == "true"
                return response.status, answer, replayed
        except (aiohttp.ClientError, TimeoutError, OSError):
            await asyncio.sleep(0.05)
    raise AssertionError("never answered")


async def _storm(
    session: aiohttp.ClientSession,
    gateway: GatewayProcess,
    path: str,
    body: dict[str, Any],
    key: str,
) -> tuple[int, bytes]:
    """The same request many times at once: one answer, byte for byte, and one that is no replay."""
    url = gateway.url + path
    answers = await asyncio.gather(*(_post(session, url, body, key) for _ in range(STORM)))

    assert 1 == len({(status, answer) for status, answer, _ in answers})
    assert 1 >= sum(not replayed for _, _, replayed in answers)
    return answers[0][0], answers[0][1]


async def test_storms_have_one_effect(gateway, session, merchant, database):
    """200 identical requests with one key, on orders, payments, captures and refunds."""
    order = {"amount": 50_000, "currency": "INR", "capture": "manual"}
    assert 201 == (await _storm(session, gateway, "/api/v1/orders", order, "order-1"))[0]
    order_id = await database.fetchval("SELECT id FROM orders")
    assert 1 == await database.fetchval("SELECT count(*) FROM orders")

    body = {"order_id": order_id, "method": "upi", "vpa": "success@bank"}
    assert 201 == (await _storm(session, gateway, "/api/v1/payments", body, "pay-1"))[0]
    payment_id = await database.fetchval("SELECT id FROM payments")
    await merchant.outcome(payment_id)

    path = f"/api/v1/payments/{payment_id}"
    status, captured = await _storm(session, gateway, f"{path}/capture", {}, "capture-1")
    assert 200 == status
    assert b'"captured":true' in captured
    assert 201 == (await _storm(session, gateway, f"{path}/refunds", {"amount": 9_900}, "r-1"))[0]
    await until_quiet(database)

    await compare(database, merchant.told)
    kinds = await database.fetch("SELECT kind FROM simulator_transactions ORDER BY sequence")
    assert ["authorize", "capture", "refund"] == [row["kind"] for row in kinds]


async def test_crash_in_the_middle_of_a_storm(gateway, session, merchant, database):
    """Killed while 200 identical payments are under way: one effect, the same answer afterwards."""
    _, order = await merchant.post("/api/v1/orders", {"amount": 50_000, "currency": "INR"})
    body = {"order_id": order["id"], "method": "upi", "vpa": "success@bank"}
    await gateway.arm(session, "journal.after_commit")

    async def post() -> tuple[int, bytes, bool]:
        headers = {**KEY_HEADERS, "Idempotency-Key": "pay-through-a-crash"}
        for _ in range(400):
            try:
                async with session.post(
                    f"{gateway.url}/api/v1/payments", json=body, headers=headers
                ) as response:
                    if response.status not in (409, 503):
                        return response.status, await response.read(), True
            except (aiohttp.ClientError, TimeoutError, OSError):
                pass
            await asyncio.sleep(0.05)
        raise AssertionError("never answered")

    storm = asyncio.gather(*(post() for _ in range(STORM)))
    assert -9 == await gateway.exit_status()
    await gateway.start()
    answers = await storm
    await until_quiet(database)

    assert 1 == len({answer for _, answer, _ in answers})
    assert {201} == {status for status, _, _ in answers}
    assert 1 == await database.fetchval("SELECT count(*) FROM payments")
    charges = "SELECT count(*) FROM simulator_transactions WHERE kind = 'authorize'"
    assert 1 == await database.fetchval(charges)


@pytest.mark.parametrize(
    "point",
    ["journal.during_commit", "processor.after_call"],
)
async def test_a_purchase_through_a_crash(gateway, session, database, merchant, point):
    """Killed while 200 identical purchases wait: one order, one charge, one answer for all."""
    body = {"amount": 50_000, "method": "upi", "vpa": "success@bank"}
    await gateway.arm(session, point)

    async def post() -> tuple[int, bytes]:
        headers = {**KEY_HEADERS, "Idempotency-Key": "buy", "Prefer": "wait=20"}
        for _ in range(400):
            try:
                async with session.post(
                    f"{gateway.url}/api/v1/payments/purchase", json=body, headers=headers
                ) as response:
                    if response.status not in (202, 409, 503, 504):
                        return response.status, await response.read()
            except (aiohttp.ClientError, TimeoutError, OSError):
                pass
            await asyncio.sleep(0.05)
        raise AssertionError("never answered")

    storm = asyncio.gather(*(post() for _ in range(STORM)))
    assert -9 == await gateway.exit_status()
    await gateway.start()
    answers = await storm
    await until_quiet(database)

    assert 1 == len(set(answers))
    assert 200 == answers[0][0]
    await compare(database, merchant.told)
    for table in ("orders", "payments", "operations"):
        assert 1 == await database.fetchval(f"SELECT count(*) FROM {table}")
    kinds = await database.fetch("SELECT kind FROM simulator_transactions")
    assert ["charge"] == [row["kind"] for row in kinds]
