"""Parts of the web layer by themselves: the key cache, the gate, the log line, the wait."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from uuid import UUID

import pytest
import structlog
from structlog.testing import capture_logs

from gateway.app import Gateway
from gateway.domain.errors import IdempotencyInProgress
from gateway.seeding import TEST_KEY, TEST_SECRET
from gateway.storage.pool import Pool
from gateway.storage.reads_accounts import KeyRecord
from gateway.web.authentication import KeyCache
from gateway.web.idempotency import Key, KeyGate
from tests.support import eventually
from tests.web.client import ApiClient


def record(key_id: str) -> KeyRecord:
    return KeyRecord(
        id=key_id,
        merchant_id=UUID(int=1),
        mode="test",
        role="full",
        permissions=frozenset(),
        secret_hash=b"",
        expires_at=None,
        last_used_at=datetime.now(UTC),
        default_capture="manual",
        enabled_methods=frozenset(),
        api_version="2026-11-01",
        routing_rules=(),
    )


class Rows:
    """Where keys come from, and how often they were asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def load(self, key_id: str) -> KeyRecord | None:
        self.asked.append(key_id)
        await self.gate.wait()
        return None if key_id.startswith("bad") else record(key_id)


async def test_concurrent_misses_share_a_query() -> None:
    """However many requests miss a key, it is read once; then it is kept."""
    rows = Rows()
    rows.gate.clear()
    cache = KeyCache(rows.load)
    asked = [asyncio.create_task(cache.get("good")) for _ in range(50)]
    await asyncio.sleep(0)
    asked[0].cancel()
    rows.gate.set()
    found = await asyncio.gather(*asked[1:])

    assert {"good"} == {each.id for each in found if each}
    assert await cache.get("good") is not None
    assert ["good"] == rows.asked


async def test_a_revoked_key_is_read_anew() -> None:
    """Also when its query was under way: that one may have read the row as it was."""
    rows = Rows()
    rows.gate.clear()
    cache = KeyCache(rows.load)
    early = asyncio.create_task(cache.get("good"))
    await eventually(lambda: rows.asked)
    cache.forget(["good"])
    rows.gate.set()
    await early
    await cache.get("good")
    await cache.get("good")

    assert ["good", "good"] == rows.asked
    cache.forget_all()
    await cache.get("good")
    assert 3 == len(rows.asked)


async def test_unknown_keys_drive_out_no_good_ones() -> None:
    """The cache is bounded, separately for keys that exist and keys that do not."""
    rows = Rows()
    cache = KeyCache(rows.load, entries_max=10)
    await cache.get("good")
    for number in range(100):
        assert await cache.get(f"bad{number}") is None
    rows.asked.clear()
    await cache.get("good")
    await cache.get("bad99")

    assert [] == rows.asked


async def test_a_failing_query_is_not_kept() -> None:
    """Everybody who waits gets the error, and the next one asks again."""
    calls = 0

    async def load(_key_id: str) -> KeyRecord | None:
        nonlocal calls
        calls += 1
        raise ConnectionError("gone")

    cache = KeyCache(load)
    for _ in range(2):
        with pytest.raises(ConnectionError):
            await cache.get("good")

    assert 2 == calls


async def test_the_gate_lets_one_pass_at_a_time() -> None:
    """Who waits too long, or finds too many waiting, gets 409; nothing is left behind."""
    key = Key(scope="s", key="k", fingerprint=b"")
    gate = KeyGate(wait_seconds=0.05, waiting_max=1)
    async with gate.passing(key):
        slow = asyncio.create_task(_pass(gate, key))
        await asyncio.sleep(0)
        with pytest.raises(IdempotencyInProgress):
            await _pass(gate, key)
        with pytest.raises(IdempotencyInProgress):
            await slow
        await _pass(gate, Key(scope="s", key="other", fingerprint=b""))
    await _pass(gate, key)

    assert {} == gate._locks


async def _pass(gate: KeyGate, key: Key) -> None:
    async with gate.passing(key):
        pass


async def test_the_canonical_line(api: ApiClient) -> None:
    """One line a request with what was asked and what came of it; nothing that was sent."""
    structlog.reset_defaults()
    order = await api.order()
    with capture_logs() as lines:
        await api.post(
            "/payments?x=hush",
            {
                "order_id": order["id"],
                "method": "card",
                "card": {
                    "number": "4242424242424241",
                    "expiry_month": 12,
                    "expiry_year": 2031,
                    "cvv": "737",
                },
            },
            headers={"X-Request-Id": "line-1"},
        )
    mine = [line for line in lines if line.get("request_id") == "line-1"]

    assert 1 == len(mine)
    assert {
        "event": "request",
        "method": "POST",
        "route": "/api/v1/payments",
        "status": 400,
        "merchant": "550e8400-e29b-41d4-a716-446655440000",
    }.items() <= mine[0].items()
    assert mine[0]["duration_ms"] > 0
    for secret in ("4242424242424241", "737", "hush", "secret_test_xyz789"):
        assert secret not in repr(lines)


@pytest.fixture
async def stuck(api: ApiClient) -> str:
    """A payment whose capture will be done by the bank and not be heard of for a while."""
    payment = await api.authorized()
    await api.post("/test/faults", {"point": "processor.after_call", "action": "raise"})
    return payment["id"]


async def test_a_wait_is_over_in_time(api: ApiClient, stuck: str) -> None:
    """202 with the payment as it stands; the repeat waits for the same operation."""
    path = f"/payments/{stuck}/capture"
    first = await api.post(path, key="c", headers={"Prefer": "wait=1"})
    again = await api.post(path, key="c", headers={"Prefer": "respond-async, wait=0"})
    other = await api.post(path)

    assert (202, False) == (first.status, first.json["captured"])
    assert (202, stuck) == (again.status, again.json["id"])
    assert 409 == other.status
    assert "Another operation is in progress" == other.error["description"]
    assert other.headers["Retry-After"]


async def test_who_waits_is_answered_at_a_stop(
    api: ApiClient, gateway: Gateway, stuck: str
) -> None:
    """A process that stops keeps nobody waiting."""
    waiting = asyncio.create_task(api.post(f"/payments/{stuck}/capture"))

    async def begun() -> bool:
        return gateway._hub.subscriptions > 0

    await eventually(begun)
    gateway.begin_draining()
    async with asyncio.timeout(2):
        assert 202 == (await waiting).status


async def test_a_caller_who_hangs_up_cancels_nothing(
    gateway: Gateway, api: ApiClient, pool: Pool
) -> None:
    """The order is made although nobody waits for the answer any more."""
    body = b'{"amount": 777}'
    request = (
        f"POST /api/v1/orders HTTP/1.1\r\nHost: a\r\nX-Api-Key: {TEST_KEY}\r\n"
        f"X-Api-Secret: {TEST_SECRET}\r\nContent-Length: {len(body)}\r\n\r\n"
    )

    async def held_up() -> bool:
        # By the lock of an insert: whoever tends the indexes waits for the table, too.
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'RowExclusiveLock'"
        return bool(await pool.fetchval(waiting))

    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("LOCK TABLE orders IN EXCLUSIVE MODE")
        _, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(request.encode() + body)
        await eventually(held_up)
        writer.close()
        await writer.wait_closed()

    async def made() -> bool:
        return (await api.get("/orders")).json["total"] == 1

    await eventually(made)
