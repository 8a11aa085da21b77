"""Postgres restarts, its backends are killed, its connections are all taken: 503, nothing lost."""

from __future__ import annotations

import asyncio

import asyncpg

from tests.survival.books import compare, until_quiet
from tests.survival.conftest import Stores
from tests.survival.gateway_process import KEY_HEADERS

ORDER = {"amount": 50_000, "currency": "INR"}


async def _fresh(own_stores: Stores) -> asyncpg.Connection:
    return await asyncpg.connect(own_stores.database_url)


async def test_postgres_restarted_under_load(gateway, merchant, own_stores: Stores):
    """A restart mid-load: no acknowledged write is lost, and the same process recovers."""
    pid = gateway.pid
    load = asyncio.create_task(merchant.run(200))
    await asyncio.wait({load}, timeout=1)
    await own_stores.postgres.stop()
    await asyncio.wait({load}, timeout=1)
    await own_stores.postgres.start()
    await load
    connection = await _fresh(own_stores)
    await until_quiet(connection)

    await compare(connection, merchant.told)
    await connection.close()
    assert gateway.is_running
    assert pid == gateway.pid
    print("restart:", dict(merchant.told.statuses))  # noqa: T201
    assert 500 not in merchant.told.statuses


async def test_backends_killed_under_load(gateway, merchant, own_stores: Stores, database):
    """All connections of the gateway are cut again and again, commits among them."""
    load = asyncio.create_task(merchant.run(200))
    for _ in range(8):
        await asyncio.wait({load}, timeout=0.25)
        await database.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'gateway'"
        )
    await load
    await until_quiet(database)

    await compare(database, merchant.told)
    assert gateway.is_running
    assert 500 not in merchant.told.statuses


async def test_connections_exhausted(gateways, session, own_stores: Stores, database):
    """While every connection is taken the answer is 503 with Retry-After; then it goes on."""
    gateway = gateways[0]
    gateway._environment.update(
        GATEWAY_DATABASE_CONNECTIONS_MAX="2", GATEWAY_DATABASE_TIMEOUT_SECONDS="1"
    )
    await gateway.start()
    url = f"{gateway.url}/api/v1/orders"
    async with session.post(url, json=ORDER, headers=KEY_HEADERS) as response:
        assert 201 == response.status

    # The orders table is held: whoever writes waits, and holds its connection.
    async with database.transaction():
        await database.execute("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")
        async with session.post(url, json=ORDER, headers=KEY_HEADERS) as response:
            refused = (response.status, "Retry-After" in response.headers)
            body = await response.json(content_type=None)

    assert (503, True) == refused
    assert "SERVER_ERROR" == body["error"]["code"]
    async with session.post(url, json=ORDER, headers=KEY_HEADERS) as response:
        assert 201 == response.status
