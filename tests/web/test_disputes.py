"""Disputes over HTTP: opened by the simulated bank, accepted, contested, decided, out of time."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support import eventually
from tests.web.client import ApiClient

DISPUTED = {"number": "4000000000000259", "expiry_month": 12, "expiry_year": 2039, "cvv": "123"}
PROOF = {"summary": "Delivered and signed for", "action": "submit"}


async def opened(api: ApiClient, **wish: Any) -> dict[str, Any]:
    """A dispute of a captured payment."""
    payment = await api.captured()
    answer = await api.post("/test/disputes", {"payment_id": payment["id"], **wish})
    assert 201 == answer.status, answer.body
    return answer.json


async def changed(api: ApiClient, dispute: dict[str, Any], verb: str, body: Any = None) -> Any:
    path = "/test/disputes" if verb == "decide" else "/disputes"
    answer = await api.post(f"{path}/{dispute['id']}/{verb}", body)
    assert 200 == answer.status, answer.body
    return answer.json


async def test_a_dispute_is_contested_and_won(api: ApiClient) -> None:
    """Shown, listed, told of; its money cannot be refunded until it is won."""
    dispute = await opened(api, amount=20_000, phase="fraud", reason_code="fraudulent")
    assert {
        "amount": 20_000,
        "amount_deducted": 0,
        "currency": "INR",
        "phase": "fraud",
        "reason_code": "fraudulent",
        "status": "open",
        "evidence": {"summary": None, "submitted_at": None},
    }.items() <= dispute.items()
    assert dispute == (await api.get(f"/disputes/{dispute['id']}")).json
    assert [dispute] == (await api.get("/disputes?status=open")).json["data"]
    assert [dispute] == (await api.get(f"/disputes?payment_id={dispute['payment_id']}")).json[
        "data"
    ]
    assert [] == (await api.get("/disputes?status=won")).json["data"]
    refunds = f"/payments/{dispute['payment_id']}/refunds"
    assert 400 == (await api.post(refunds, {"amount": 30_001})).status

    draft = await changed(api, dispute, "contest", {"summary": "First"})
    submitted = await changed(api, dispute, "contest", PROOF)
    won = await changed(api, dispute, "decide", {"status": "won"})

    assert ("open", "First") == (draft["status"], draft["evidence"]["summary"])
    assert ("under_review", PROOF["summary"]) == (
        submitted["status"],
        submitted["evidence"]["summary"],
    )
    assert ("won", 0) == (won["status"], won["amount_deducted"])
    assert 201 == (await api.post(refunds, {"amount": 50_000})).status
    events = (await api.get("/events?limit=100")).json["data"]
    told = [event["type"] for event in events if event["type"].startswith("dispute.")]
    assert ["dispute.won", "dispute.under_review", "dispute.created"] == told


async def test_accepting_is_idempotent_by_its_key(api: ApiClient) -> None:
    """The same key gets the same bytes, another one a refusal; the amount is lost."""
    dispute = await opened(api)
    path = f"/disputes/{dispute['id']}/accept"

    first = await api.post(path, key="accept-1")
    again = await api.post(path, key="accept-1")

    assert ("lost", 50_000) == (first.json["status"], first.json["amount_deducted"])
    assert (first.status, first.body) == (again.status, again.body)
    assert "true" == again.headers["Idempotent-Replayed"]
    late = await api.post(path, key="accept-2")
    assert (400, "Dispute is lost") == (late.status, late.error["description"])


async def test_what_is_not_answered_in_time_is_lost(api: ApiClient) -> None:
    """By the clock that tests move, without anybody asking for it."""
    dispute = await opened(api)
    moved = await api.post("/test/clock", {"advance_seconds": 7 * 86_400})
    assert 200 == moved.status

    async def lost() -> bool:
        return (await api.get(f"/disputes/{dispute['id']}")).json["status"] == "lost"

    await eventually(lost)


@pytest.mark.parametrize(
    ("summary", "status"), [("Delivered", "won"), ("This is losing_evidence", "lost")]
)
async def test_the_simulated_bank_decides(api: ApiClient, summary: str, status: str) -> None:
    """A day after the evidence has reached it, by what that says."""
    dispute = await opened(api)
    await changed(api, dispute, "contest", {"summary": summary, "action": "submit"})
    assert "under_review" == (await api.get(f"/disputes/{dispute['id']}")).json["status"]
    assert 200 == (await api.post("/test/clock", {"advance_seconds": 86_400})).status

    async def decided() -> bool:
        return (await api.get(f"/disputes/{dispute['id']}")).json["status"] == status

    await eventually(decided)


@pytest.mark.parametrize("capture", ["automatic", "manual"])
async def test_the_simulated_bank_disputes_a_card(api: ApiClient, capture: str) -> None:
    """The card …0259 pays, and wants its money back as soon as it is taken."""
    order = await api.order(capture=capture)
    payment = await api.settled(
        (await api.payment(order["id"], method="card", card=DISPUTED))["id"]
    )
    assert "success" == payment["status"]
    if capture == "manual":
        assert [] == (await api.get("/disputes")).json["data"]
        assert 200 == (await api.post(f"/payments/{payment['id']}/capture")).status

    (dispute,) = (await api.get("/disputes")).json["data"]
    assert ("fraudulent", "open", 50_000) == (
        dispute["reason_code"],
        dispute["status"],
        dispute["amount"],
    )


@pytest.mark.parametrize(
    ("verb", "body", "field"),
    [
        ("contest", {"action": "submit"}, "summary"),
        ("contest", {"action": "send"}, "action"),
        ("contest", {"summary": ""}, "summary"),
        ("contest", {"summary": "x" * 1_001}, "summary"),
        ("accept", {"amount": 1}, "amount"),
        ("decide", {"status": "open"}, "status"),
        ("decide", {}, "status"),
    ],
)
async def test_bad_input_names_the_field(api: ApiClient, verb: str, body: Any, field: str) -> None:
    """400, and the dispute stays as it was."""
    dispute = await opened(api)
    path = "/test/disputes" if verb == "decide" else "/disputes"

    refused = await api.post(f"{path}/{dispute['id']}/{verb}", body)

    assert (400, field) == (refused.status, refused.error["field"])
    assert dispute == (await api.get(f"/disputes/{dispute['id']}")).json


async def test_what_cannot_be_disputed(api: ApiClient) -> None:
    """More than is there, a reason that does not exist, what nobody knows."""
    payment = await api.captured()
    for wish, field in (
        ({"amount": 50_001}, "amount"),
        ({"reason_code": "bored"}, "reason_code"),
        ({"phase": "war"}, "phase"),
    ):
        refused = await api.post("/test/disputes", {"payment_id": payment["id"], **wish})
        assert (400, field) == (refused.status, refused.error["field"])
    assert 404 == (await api.post("/test/disputes", {"payment_id": "pay_0000000000000000"})).status
    for path in ("/disputes/disp_0000000000000000", "/disputes/nothing"):
        assert 404 == (await api.get(path)).status
    listed = await api.get("/disputes?status=unknown")
    assert (400, "status") == (listed.status, listed.error["field"])
