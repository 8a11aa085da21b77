"""Redis is emptied, hangs, or is away: orders and payments are taken, and done when it is back."""

from __future__ import annotations

import asyncio
import os
import signal
import time

import redis.asyncio

from tests.survival.books import compare, until_quiet
from tests.survival.conftest import Stores
from tests.survival.load import Merchant

# An answer in normal time: far below what waiting for Redis again and again would take.
NORMAL_SECONDS = 2.0


async def _slowest_accepted(merchant: Merchant, count: int) -> float:
    slowest = 0.0
    for number in range(count):
        started = time.monotonic()
        await merchant.take_payment(number)
        slowest = max(slowest, time.monotonic() - started)
    return slowest


async def test_redis_emptied_and_restarted_under_load(
    gateway, merchant, database, own_stores: Stores
):
    """What Redis lost is found in Postgres; only cards that were never sent fail, and say so."""
    load = asyncio.create_task(merchant.run(300))
    await asyncio.wait({load}, timeout=1)
    client = redis.asyncio.Redis.from_url(own_stores.redis_url)
    await client.flushall()
    await client.aclose()
    await asyncio.wait({load}, timeout=0.5)
    await own_stores.redis.stop()
    await own_stores.redis.start()
    await load
    await until_quiet(database)

    counted = await compare(database, merchant.told)
    print("emptied:", dict(counted), dict(merchant.told.statuses))  # noqa: T201
    lost = await database.fetch(
        "SELECT method FROM payments WHERE error_code = 'CARD_DATA_LOST'"
        " AND id IN (SELECT payment_id FROM simulator_transactions)"
    )
    assert [] == lost, "a payment the bank knows must not be called never sent"
    failed = await database.fetch("SELECT error_code FROM payments WHERE status = 'failed'")
    assert {"CARD_DATA_LOST"} >= {row["error_code"] for row in failed}


async def test_redis_hangs_for_a_while(gateway, merchant, database, own_stores: Stores):
    """A frozen Redis delays no answer; the payments are done when it goes on."""
    pid = own_stores.redis.pid
    os.kill(pid, signal.SIGSTOP)
    try:
        slowest = await _slowest_accepted(merchant, 20)
    finally:
        os.kill(pid, signal.SIGCONT)
    await until_quiet(database)

    counted = await compare(database, merchant.told)
    assert slowest < NORMAL_SECONDS
    assert 20 == counted["success"]


async def test_redis_away_for_ten_seconds(gateway, merchant, database, own_stores: Stores):
    """Without Redis payments are accepted in normal time, cards too, and processed afterwards."""
    await own_stores.redis.stop()
    away_since = time.monotonic()
    slowest = await _slowest_accepted(merchant, 20)
    await asyncio.sleep(max(0.0, 10 - (time.monotonic() - away_since)))
    await own_stores.redis.start()
    await until_quiet(database)

    counted = await compare(database, merchant.told)
    assert slowest < NORMAL_SECONDS
    assert 20 == counted["success"]
    assert 0 == counted["card_data_lost"]
