"""Settlements and balances over HTTP, closed by the clock that tests move."""

from __future__ import annotations

from datetime import datetime
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
    await _looks_as_razorpays(api, settlement, payment)
    (held,) = (await api.get("/balance")).json["data"]
    assert (0, 30_000) == (held["available"], held["settled"])


async def _looks_as_razorpays(
    api: ApiClient, settlement: dict[str, Any], payment: dict[str, Any]
) -> None:
    """The same at `/v1`: the entity, and the rows of its month and of its day."""
    closed_at = datetime.fromisoformat(settlement["created_at"])
    (entity,) = (await api.get("//v1/settlements")).json["items"]
    assert entity == (await api.get(f"//v1/settlements/{settlement['id']}")).json
    assert {
        "entity": "settlement",
        "amount": 30_000,
        "fees": 0,
        "tax": 0,
        "status": "processed",
        "created_at": int(closed_at.timestamp()),
    }.items() <= entity.items()
    month = f"//v1/settlements/recon/combined?year={closed_at.year}&month={closed_at.month}"
    rows = (await api.get(month)).json
    assert rows == (await api.get(f"{month}&day={closed_at.day}")).json
    by_type = {row["type"]: row for row in rows["items"]}
    assert {"payment", "refund"} == by_type.keys()
    assert {
        "entity_id": payment["id"],
        "credit": 50_000,
        "debit": 0,
        "order_id": payment["order_id"],
        "method": "upi",
        "settled": True,
        "settlement_id": settlement["id"],
        "payment_id": None,
    }.items() <= by_type["payment"].items()
    assert (20_000, payment["id"]) == (
        by_type["refund"]["debit"],
        by_type["refund"]["payment_id"],
    )
    another = f"//v1/settlements/recon/combined?year={closed_at.year + 1}&month=1"
    assert 0 == (await api.get(another)).json["count"]


async def test_what_there_is_not(api: ApiClient) -> None:
    """No settlement is no error in a list, and 404 by its id."""
    assert [] == (await api.get("/settlements")).json["data"]
    assert [] == (await api.get("/balance")).json["data"]
    for path in ("/settlements/setl_0000000000000000", "/settlements/nothing/transactions"):
        assert 404 == (await api.get(path)).status
    bad = await api.get("/settlements?limit=1000")
    assert (400, "limit") == (bad.status, bad.error["field"])
