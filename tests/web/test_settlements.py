"""Settlements and balances over HTTP, closed by the clock that tests move."""

from __future__ import annotations

from typing import Any

from tests.support import eventually
from tests.web.client import ApiClient


async def test_what_is_captured_is_settled_after_the_period(api: ApiClient) -> None:
    """The balance is there, then in a settlement with a row for each credit and debit."""
    payment = await api.captured()
    assert 201 == (await api.post(f"/payments/{payment['id']}/refunds", {"amount": 20_000})).status

    (held,) = (await api.get("/balance")).json["data"]
    assert ("INR", 30_000, 0) == (held["currency"], held["available"], held["settled"])
    assert 200 == (await api.post("/test/clock", {"advance_seconds": 86_400})).status

    async def closed() -> Any:
        return (await api.get("/settlements")).json["data"]

    (settlement,) = await eventually(closed)
    assert {
        "amount": 30_000,
        "currency": "INR",
        "fees": 0,
        "tax": 0,
        "status": "processed",
        "transactions": 2,
    }.items() <= settlement.items()
    assert settlement == (await api.get(f"/settlements/{settlement['id']}")).json
    rows = (await api.get(f"/settlements/{settlement['id']}/transactions")).json
    assert (2, False) == (rows["total"], rows["has_more"])
    assert {("payment", 50_000, 0), ("refund", 0, 20_000)} == {
        (row["type"], row["credit"], row["debit"]) for row in rows["data"]
    }
    page = (await api.get(f"/settlements/{settlement['id']}/transactions?limit=1")).json
    assert (rows["data"][:1], True) == (page["data"], page["has_more"])
    (held,) = (await api.get("/balance")).json["data"]
    assert (0, 30_000) == (held["available"], held["settled"])


async def test_what_there_is_not(api: ApiClient) -> None:
    """No settlement is no error in a list, and 404 by its id."""
    assert [] == (await api.get("/settlements")).json["data"]
    assert [] == (await api.get("/balance")).json["data"]
    for path in ("/settlements/setl_0000000000000000", "/settlements/nothing/transactions"):
        assert 404 == (await api.get(path)).status
    bad = await api.get("/settlements?limit=1000")
    assert (400, "limit") == (bad.status, bad.error["field"])
