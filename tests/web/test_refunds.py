"""Refunds over HTTP."""

from __future__ import annotations

import asyncio

from tests.support import eventually
from tests.web.client import ApiClient


async def test_a_refund_is_pending_then_processed(api: ApiClient) -> None:
    """201 at once with `pending`, later `processed`; the payment shows what went back."""
    payment = await api.captured()
    made = await api.post(
        f"/payments/{payment['id']}/refunds", {"amount": 20_000, "reason": "returned"}
    )

    assert 201 == made.status, made.body
    assert {
        "payment_id": payment["id"],
        "amount": 20_000,
        "reason": "returned",
        "status": "pending",
    }.items() <= made.json.items()

    async def processed() -> bool:
        refund = (await api.get(f"/refunds/{made.json['id']}")).json
        return refund["status"] == "processed" and refund["processed_at"] is not None

    await eventually(processed)
    payment = (await api.get(f"/payments/{payment['id']}")).json
    assert ("partial", 20_000) == (payment["refund_status"], payment["amount_refunded"])
    listed = (await api.get(f"/payments/{payment['id']}/refunds")).json
    assert [made.json["id"]] == [refund["id"] for refund in listed["data"]]
    assert listed["data"] == (await api.get("/refunds")).json["data"]


async def test_refunds_never_exceed_what_was_captured(api: ApiClient) -> None:
    """Ten full refunds at the same moment: one is accepted."""
    payment = await api.captured()
    path = f"/payments/{payment['id']}/refunds"
    answers = await asyncio.gather(*(api.post(path, {"amount": 50_000}) for _ in range(10)))

    assert [201] + [400] * 9 == sorted(answer.status for answer in answers)
    refused = next(answer for answer in answers if answer.status == 400)
    assert "Refund amount exceeds available amount" == refused.error["description"]


async def test_what_cannot_be_refunded(api: ApiClient) -> None:
    """A failed payment is not refundable, an unknown one does not exist, amounts are positive."""
    failed = await api.settled((await api.payment(method="upi", vpa="failure@bank"))["id"])
    refused = await api.post(f"/payments/{failed['id']}/refunds")

    assert 400 == refused.status
    assert "Payment not in refundable state" == refused.error["description"]
    assert 404 == (await api.post("/payments/pay_0000000000000000/refunds")).status
    for amount in (0, -5, "100", 1.5):
        bad = await api.post(f"/payments/{failed['id']}/refunds", {"amount": amount})
        assert (400, "amount") == (bad.status, bad.error["field"])
