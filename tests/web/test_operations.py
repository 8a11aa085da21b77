"""Health, and what exists in test mode only."""

from __future__ import annotations

from datetime import datetime

import aiohttp
import pytest

from gateway.app import Gateway
from gateway.settings import Settings
from tests.web.client import ApiClient


async def test_health(api: ApiClient) -> None:
    """Every part is named, and all are well."""
    for path in ("//health", "/health"):
        answer = await api.get(path)
        assert 200 == answer.status
        assert {
            "status": "healthy",
            "database": "connected",
            "redis": "connected",
            "worker": "running",
        }.items() <= answer.json.items()
        assert answer.json["timestamp"]
    for path in ("//livez", "//healthz", "//readyz"):
        assert 200 == (await api.get(path)).status


async def test_a_draining_process_is_not_ready(api: ApiClient, gateway: Gateway) -> None:
    """It is alive, and no more requests should be sent to it."""
    gateway.begin_draining()
    answer = await api.get("//readyz")

    assert (503, "draining") == (answer.status, answer.json["checks"]["accepting"])
    assert 200 == (await api.get("//livez")).status


async def test_the_sandbox(api: ApiClient) -> None:
    """The seeded merchant, the queues, and the bank's own books."""
    merchant = await api.get("/test/merchant")
    assert {
        "id": "550e8400-e29b-41d4-a716-446655440000",
        "email": "test@example.com",
        "api_key": "key_test_abc123",
        "seeded": True,
    } == merchant.json
    payment = await api.captured()
    jobs = (await api.get("/test/jobs/status")).json
    assert {"pending", "processing", "completed", "failed", "worker_status"} == jobs.keys()
    assert ("running", 2) == (jobs["worker_status"], jobs["completed"])
    ledger = (await api.get("/test/bank/ledger?limit=10")).json
    assert [
        ("authorize", payment["id"], 50_000, "INR"),
        ("capture", payment["id"], 50_000, "INR"),
    ] == [
        (row["kind"], row["payment_id"], row["amount"], row["currency"]) for row in ledger["data"]
    ]
    assert (2, 10, 0) == (ledger["total"], ledger["limit"], ledger["offset"])
    for query in ("limit=0", "limit=1001", "offset=-1", "limit=x"):
        refused = await api.get(f"/test/bank/ledger?{query}")
        assert (400, query.split("=")[0]) == (refused.status, refused.error["field"])


async def test_the_clock_is_moved(api: ApiClient, gateway: Gateway) -> None:
    """Tests of a running process move the time that is stored."""
    before = gateway.clock.now()
    moved = await api.post("/test/clock", {"advance_seconds": 3600})

    assert 200 == moved.status
    assert 3600 <= (datetime.fromisoformat(moved.json["now"]) - before).total_seconds() + 1
    for seconds in (-1, "5", 1.5, 10**12):
        refused = await api.post("/test/clock", {"advance_seconds": seconds})
        assert (400, "advance_seconds") == (refused.status, refused.error["field"])


async def test_faults_are_armed(api: ApiClient) -> None:
    """A point that exists is armed, and strikes once; any other is refused."""
    refused = await api.post("/test/faults", {"point": "nowhere", "action": "kill"})
    assert (400, "point") == (refused.status, refused.error["field"])
    armed = await api.post("/test/faults", {"point": "journal.before_commit", "action": "raise"})
    assert 200 == armed.status
    assert 500 == (await api.post("/orders", {"amount": 500})).status
    assert 201 == (await api.post("/orders", {"amount": 500})).status


@pytest.mark.parametrize(
    ("changes", "present"),
    [({"test_controls": False}, True), ({"test_mode": False, "test_controls": False}, False)],
)
async def test_what_is_not_there(
    settings: Settings,
    session: aiohttp.ClientSession,
    changes: dict[str, bool],
    present: bool,
) -> None:
    """Without test mode no test route exists, and clock and faults need their own setting."""
    running = Gateway(settings.model_copy(update=changes))
    await running.start()
    try:
        api = ApiClient(session, f"http://127.0.0.1:{running.port}", key=None, secret=None)
        for path in ("/test/merchant", "/test/jobs/status", "/test/bank/ledger"):
            assert (200 if present else 404) == (await api.get(path)).status
        for path in ("/test/clock", "/test/faults"):
            assert 404 == (await api.post(path, {"advance_seconds": 1})).status
    finally:
        await running.stop()
