"""Payments over HTTP."""

from __future__ import annotations

import asyncio

from gateway.app import Gateway
from tests.support import eventually
from tests.web.client import ApiClient

CARD = {
    "number": "4242 4242 4242 4242",
    "expiry_month": 12,
    "expiry_year": 2031,
    "cvv": "123",
    "holder_name": "A Shopper",
}


async def test_a_upi_payment_is_pending_then_authorized(api: ApiClient) -> None:
    """201 at once with `pending` and `captured`, and the bank's answer afterwards."""
    payment = await api.payment()

    assert "pending" == payment["status"]
    assert payment["captured"] is False
    assert "success@bank" == payment["vpa"]
    assert 50_000 == payment["amount"]
    settled = await api.settled(payment["id"])
    assert "success" == settled["status"]
    assert 50_000 == settled["amount_authorized"]
    assert settled["captured"] is False


async def test_a_card_payment_shows_no_card_data(api: ApiClient) -> None:
    """Both forms are taken, and only network, last four digits and expiry come back (P8)."""
    order = await api.order()
    answer = await api.post("/payments", {"order_id": order["id"], "method": "card", "card": CARD})
    assert 201 == answer.status, answer.body
    payment = answer.json
    assert {
        "network": "visa",
        "last4": "4242",
        "expiry_month": 12,
        "expiry_year": 2031,
    } == payment["card"]
    assert ("visa", "4242") == (payment["card_network"], payment["card_last4"])
    flat = await api.post(
        "/payments",
        {
            "order_id": (await api.order())["id"],
            "method": "card",
            "card_number": "4000-0000-0000-0002",
            "card_expiry": "12/31",
            "card_cvv": "737",
        },
    )
    assert 201 == flat.status, flat.body
    declined = await api.settled(flat.json["id"])
    assert "failed" == declined["status"]
    for shown in (answer.body, flat.body):
        assert b"4242424242424242" not in shown
        assert b"4000000000000002" not in shown
        assert b"737" not in shown
    assert "success" == (await api.settled(payment["id"]))["status"]


async def test_what_is_wrong_with_a_means_of_payment(api: ApiClient) -> None:
    """Each refusal has the contract's code, text and field."""
    order_id = (await api.order())["id"]
    cases = (
        ({"method": "cash"}, "BAD_REQUEST_ERROR", "Invalid payment method", "method"),
        (
            {"method": "token"},
            "BAD_REQUEST_ERROR",
            "token_id is required for method token",
            "token_id",
        ),
        ({"method": "upi"}, "BAD_REQUEST_ERROR", "VPA is required for UPI payments", "vpa"),
        ({"method": "upi", "vpa": "no"}, "INVALID_VPA", "VPA format invalid", "vpa"),
        ({"method": "upi", "vpa": "a@b\n"}, "INVALID_VPA", "VPA format invalid", "vpa"),
        (
            {"method": "card"},
            "BAD_REQUEST_ERROR",
            "Card details are required for card payments",
            "card",
        ),
        (
            {"method": "card", "card": {**CARD, "number": "4242424242424241"}},
            "INVALID_CARD",
            "Card validation failed",
            "card.number",
        ),
        (
            {"method": "card", "card": {**CARD, "cvv": "12"}},
            "INVALID_CARD",
            "Card validation failed",
            "card.cvv",
        ),
        (
            {"method": "card", "card": {**CARD, "expiry_year": 20}},
            "EXPIRED_CARD",
            "Card expiry date invalid",
            "card.expiry_year",
        ),
        (
            {"method": "card", "card": {**CARD, "expiry_month": "13"}},
            "EXPIRED_CARD",
            "Card expiry date invalid",
            "card.expiry_month",
        ),
        (
            {"method": "card", "card_number": "4" * 200, "card_expiry": "12/31", "card_cvv": "1"},
            "INVALID_CARD",
            "Card validation failed",
            "card_number",
        ),
        (
            {"method": "card", "card_number": "4242424242424242", "card_expiry": "1231"},
            "BAD_REQUEST_ERROR",
            "Card details are required for card payments",
            "card_cvv",
        ),
        *(
            (
                {
                    "method": "card",
                    "card_number": "4242424242424242",
                    "card_expiry": expiry,
                    "card_cvv": "123",
                },
                "EXPIRED_CARD",
                "Card expiry date invalid",
                "card_expiry",
            )
            for expiry in ("1231", "13/31", "12/20", "00/31", "12/9999", "aa/bb", "")
        ),
    )
    for fields, code, description, field in cases:
        refused = await api.post("/payments", {"order_id": order_id, **fields})

        assert 400 == refused.status, fields
        assert (code, description, field) == (
            refused.error["code"],
            refused.error["description"],
            refused.error["field"],
        )
    assert 0 == (await api.get("/payments")).json["total"]


async def test_an_order_takes_one_payment(api: ApiClient) -> None:
    """While one is alive a second one is refused; the order must exist."""
    order_id = (await api.order())["id"]
    body = {"order_id": order_id, "method": "upi", "vpa": "success@bank"}
    answers = await asyncio.gather(*(api.post("/payments", body) for _ in range(8)))

    assert [201] + [400] * 7 == sorted(answer.status for answer in answers)
    for unknown in ("order_0000000000000000", "order_x", "' OR 1=1 --", "pay_0000000000000000"):
        refused = await api.post("/payments", {**body, "order_id": unknown})
        assert 404 == refused.status
        assert "Order not found" == refused.error["description"]


async def test_capture_waits_for_the_bank(api: ApiClient) -> None:
    """A capture answers 200 with `captured: true`, in parts until nothing is left."""
    payment = await api.authorized()
    path = f"/payments/{payment['id']}/capture"
    too_much = await api.post(path, {"amount": 50_001})
    part = await api.post(path, {"amount": 20_000})
    rest = await api.post(path)
    none_left = await api.post(path)

    assert 400 == too_much.status
    assert 200 == part.status, part.body
    assert (True, 20_000) == (part.json["captured"], part.json["amount_captured"])
    assert 200 == rest.status
    assert 50_000 == rest.json["amount_captured"]
    assert 400 == none_left.status
    assert "Payment already captured" == none_left.error["description"]
    order = (await api.get(f"/orders/{payment['order_id']}")).json
    assert ("paid", 50_000, 0) == (order["status"], order["amount_paid"], order["amount_due"])


async def test_what_cannot_be_captured(api: ApiClient) -> None:
    """A failed payment is not in a capturable state, an unknown one does not exist."""
    failed = await api.settled((await api.payment(method="upi", vpa="failure@bank"))["id"])
    refused = await api.post(f"/payments/{failed['id']}/capture")

    assert 400 == refused.status
    assert "Payment not in capturable state" == refused.error["description"]
    assert 404 == (await api.post("/payments/pay_0000000000000000/capture")).status
    assert 404 == (await api.post("/payments/nonsense/capture")).status
    for amount in (0, -1, "5", 1.5, True, 10**15):
        bad = await api.post(f"/payments/{failed['id']}/capture", {"amount": amount})
        assert 400 == bad.status
        assert "amount" == bad.error["field"]


async def test_an_authorization_is_voided(api: ApiClient) -> None:
    """Cancelling answers 200 with the cancelled payment; afterwards nothing can be captured."""
    payment = await api.authorized()
    voided = await api.post(f"/payments/{payment['id']}/cancel")

    assert 200 == voided.status, voided.body
    assert "cancelled" == voided.json["status"]
    assert 400 == (await api.post(f"/payments/{payment['id']}/cancel")).status
    assert 400 == (await api.post(f"/payments/{payment['id']}/capture")).status


async def test_automatic_capture(api: ApiClient) -> None:
    """`capture: automatic` charges in one step."""
    order = await api.order(capture="automatic")
    payment = await api.settled((await api.payment(order["id"]))["id"])

    assert ("success", True) == (payment["status"], payment["captured"])


async def test_a_wait_that_is_over_answers_202(api: ApiClient, gateway: Gateway) -> None:
    """`Prefer: wait=0` and a stopping process answer at once, with the payment as it stands."""
    payment = await api.authorized()
    path = f"/payments/{payment['id']}/capture"
    answer = await api.post(path, headers={"Prefer": "wait=0"})

    assert answer.status in (200, 202)
    assert payment["id"] == answer.json["id"]

    async def captured() -> bool:
        return bool((await api.get(f"/payments/{payment['id']}")).json["captured"])

    await eventually(captured)


async def test_payments_are_listed(api: ApiClient) -> None:
    """By status and by order, newest first."""
    first = await api.authorized()
    second = await api.settled((await api.payment(method="upi", vpa="failure@bank"))["id"])

    async def ids(query: str) -> list[str]:
        return [each["id"] for each in (await api.get(f"/payments{query}")).json["data"]]

    assert [second["id"], first["id"]] == await ids("")
    assert [first["id"]] == await ids("?status=success")
    assert [second["id"]] == await ids(f"?order_id={second['order_id']}")


async def test_methods_are_the_merchants_choice(api: ApiClient) -> None:
    """A method that the merchant has switched off is refused, at once."""
    changed = await api.call("PATCH", "/merchant", {"enabled_methods": ["card"]})
    assert 200 == changed.status
    order_id = (await api.order())["id"]
    refused = await api.post(
        "/payments", {"order_id": order_id, "method": "upi", "vpa": "success@bank"}
    )

    assert 400 == refused.status
    assert "Invalid payment method" == refused.error["description"]
