"""The gateway with stores of its own: they outlive it when it is killed, and are mended."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.survival.gateway_process import KEY_HEADERS, GatewayProcess
from tests.survival.load import Merchant


@pytest.fixture
async def alone(tmp_path: Path):
    """A gateway that needs nothing beside it."""
    process = GatewayProcess(tmp_path / "gateway.log", GATEWAY_DATA_DIR=str(tmp_path / "data"))
    yield process
    if process.is_running:
        await process.terminate()


def _postgres_pid(tmp_path: Path) -> int:
    [pid_file] = tmp_path.glob("data/**/postmaster.pid")
    return int(pid_file.read_text().split("\n", 1)[0])


async def test_killed_gateway_leaves_its_stores_to_the_next_one(alone, session, tmp_path):
    """kill -9: the next gateway adopts the servers that are still running, and their data."""
    await alone.start()
    merchant = Merchant(session, lambda: alone.url)
    payment_id = await merchant.take_payment(1)
    await merchant.outcome(payment_id)
    pid = _postgres_pid(tmp_path)

    alone.kill()
    await alone.start()

    assert pid == _postgres_pid(tmp_path)
    assert "success" == (await merchant.outcome(payment_id))["status"]


async def test_postgres_that_dies_is_started_again(alone, session, tmp_path):
    """Its own Postgres is killed: the gateway starts it again and loses nothing acknowledged."""
    await alone.start()
    merchant = Merchant(session, lambda: alone.url)
    before = await merchant.take_payment(1)
    pid = alone.pid

    os.kill(_postgres_pid(tmp_path), signal.SIGKILL)
    after = await merchant.take_payment(2)

    assert "success" == (await merchant.outcome(before))["status"]
    assert "success" == (await merchant.outcome(after))["status"]
    assert pid == alone.pid
    async with session.get(f"{alone.url}/api/v1/orders", headers=KEY_HEADERS) as response:
        assert 2 == (await response.json())["total"]
