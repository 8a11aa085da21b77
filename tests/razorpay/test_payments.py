"""`/v1/payments` and `/v1/refunds`: captured, refunded, noted, made by a server."""

from __future__ import annotations

import json
import time
from typing import Any
from urllib.request import urlopen

import pytest

from gateway.seeding import TEST_KEY
from tests.razorpay.wire import CARD, Wire, credentials

CHALLENGE = "4000000000003220"
DECLINED = "4000000000000002"
NOWHERE = "pay_0000000000000000"
NO_ID = "The id provided does not exist"


def captured(wire: Wire, **fields: Any) -> dict[str, Any]:
    """A payment of 50,000 paise that was captured."""
    payment = wire.payment(**fields)
    return wire.post(f"/v1/payments/{payment['id']}/capture", {"amount": 50_000})


def made(wire: Wire, order: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """What `create/json` answers."""
    body = {"amount": order["amount"], "currency": "INR", "order_id": order["id"], **fields}
    return wire.post("/v1/payments/create/json", body)


def test_a_payment_has_all_members(wire: Wire) -> None:
    """Those of the documentation, with a card that can be asked for by itself."""
    number = {"card": {**CARD, "expiry_year": 2031, "number": "4242424242424242"}}
    payment = wire.payment(method="card", **number)

    assert {
        *("id", "entity", "amount", "currency", "status", "order_id", "invoice_id"),
        *("international", "method", "amount_refunded", "refund_status", "captured"),
        *("description", "card_id", "bank", "wallet", "vpa", "email", "contact", "customer_id"),
        *("token_id", "notes", "fee", "tax", "error_code", "error_description", "error_source"),
        *("error_step", "error_reason", "acquirer_data", "created_at"),
    } <= payment.keys()
    card = wire.get(f"/v1/payments/{payment['id']}/card")
    assert (payment["card_id"], "4242", "Visa") == (card["id"], card["last4"], card["network"])
    assert card == payment["card"] == wire.get(f"/v1/cards/{card['id']}")
    assert "4242424242424242" not in json.dumps(payment)


def test_what_has_no_card(wire: Wire) -> None:
    """A payment by UPI has none; an id that does not exist has none either."""
    payment = wire.payment()

    assert payment["card_id"] is None
    wire.refused("GET", f"/v1/payments/{payment['id']}/card")
    assert NO_ID == wire.refused("GET", f"/v1/payments/{NOWHERE}/card")["description"]
    assert NO_ID == wire.refused("GET", "/v1/cards/card_0000000000000000")["description"]
    assert NO_ID == wire.refused("GET", "/v1/cards/x")["description"]


def test_lists_and_expansion(wire: Wire) -> None:
    """Newest first; what a payment has not is empty, and what it cannot have is refused."""
    payment = wire.payment()
    query = "expand[]=card&expand[]=emi&expand[]=offers&expand[]=upi&expand[]=token"
    shown = wire.get(f"/v1/payments/{payment['id']}?{query}")

    assert {"vpa": "success@bank"} == shown["upi"]
    assert shown["emi"] is None
    assert [] == shown["offers"]["items"]
    listed = wire.get("/v1/payments?count=100&expand[expand]=card")
    assert payment["id"] in [each["id"] for each in listed["items"]]
    assert "expand" == wire.refused("GET", "/v1/payments?expand[]=money")["field"]


def test_no_downtimes(wire: Wire) -> None:
    """None is announced, and none can be fetched."""
    assert [] == wire.get("/v1/payments/downtimes")["items"]
    assert NO_ID == wire.refused("GET", "/v1/payments/downtimes/down_1")["description"]


@pytest.mark.parametrize(
    "body",
    [
        {"amount": 50_000, "currency": "INR"},
        {"amount": "50000"},
        {"amount": {"amount": 50_000, "currency": "INR"}},
    ],
)
def test_captures(wire: Wire, body: dict[str, Any]) -> None:
    """The whole amount, also as the Python library's README says; a second time is refused."""
    path = f"/v1/payments/{wire.payment()['id']}/capture"
    payment = wire.post(path, body)

    assert ("captured", True) == (payment["status"], payment["captured"])
    error = wire.refused("POST", path, body)
    assert "Payment already captured" == error["description"]
    assert ("payment_capture", "business") == (error["step"], error["source"])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "amount"),
        ({"amount": 100}, "amount"),
        ({"amount": 50_001}, "amount"),
        ({"amount": 0}, "amount"),
        ({"amount": "x"}, "amount"),
        ({"amount": {"amount": {}}}, "amount"),
        ({"amount": 50_000, "currency": "USD"}, "currency"),
        ({"amount": 50_000, "x": 1}, "x"),
    ],
)
def test_captures_that_cannot_be(wire: Wire, body: dict[str, Any], field: str) -> None:
    """Nothing but the whole amount in the payment's currency."""
    payment = wire.payment()

    assert field == wire.refused("POST", f"/v1/payments/{payment['id']}/capture", body)["field"]
    assert "authorized" == wire.get(f"/v1/payments/{payment['id']}")["status"]


def test_a_part_is_captured_for_who_asks_for_it(wire: Wire) -> None:
    """`partial_capture` is the gateway's own, and has to be said."""
    payment = wire.payment()
    body = {"amount": 20_000, "currency": "INR", "partial_capture": 1}
    part = wire.post(f"/v1/payments/{payment['id']}/capture", body)

    assert part["captured"]
    order = wire.get(f"/v1/orders/{payment['order_id']}")
    assert (20_000, 30_000) == (order["amount_paid"], order["amount_due"])


def test_notes_of_payments_and_refunds(wire: Wire) -> None:
    """PATCH changes them, and only them."""
    payment = captured(wire)
    refund = wire.post("/v1/refunds", {"payment_id": payment["id"], "amount": 100})
    for path in (f"/v1/payments/{payment['id']}", f"/v1/refunds/{refund['id']}"):
        changed = wire.call("PATCH", path, {"notes": {"k": "v"}})
        assert (200, {"k": "v"}) == (changed.status, changed.json["notes"])
        assert {"k": "v"} == wire.get(path)["notes"]
        assert [] == wire.call("PATCH", path, {"notes": []}).json["notes"]
        assert "amount" == wire.refused("PATCH", path, {"notes": {}, "amount": 1})["field"]
    for path in (f"/v1/payments/{NOWHERE}", "/v1/refunds/rfnd_0000000000000000"):
        assert NO_ID == wire.refused("PATCH", path, {"notes": {}})["description"]


def test_refunds(wire: Wire) -> None:
    """By both paths, in parts and in whole; the payment tells how much went back."""
    payment = captured(wire)
    path = f"/v1/payments/{payment['id']}"
    body = {"amount": "20000", "receipt": "r-1", "notes": {"a": "b"}, "speed": "optimum"}
    part = wire.post(f"{path}/refund", body)

    assert {
        "entity": "refund",
        "amount": 20_000,
        "currency": "INR",
        "payment_id": payment["id"],
        "notes": {"a": "b"},
        "receipt": "r-1",
        "acquirer_data": {"arn": None},
        "batch_id": None,
        "speed_processed": "normal",
    }.items() <= part.items()
    rest = wire.post("/v1/refunds/", data=f"payment_id={payment['id']}".encode())
    assert 30_000 == rest["amount"]
    assert [rest["id"], part["id"]] == [each["id"] for each in wire.get(f"{path}/refunds")["items"]]
    assert part["id"] in [each["id"] for each in wire.get("/v1/refunds?count=100")["items"]]
    one = wire.get(f"{path}/refunds/{part['id']}")
    assert one == wire.get(f"/v1/refunds/{part['id']}")
    assert "r-1" == one["receipt"]
    deadline = time.monotonic() + 20
    while wire.get(path)["refund_status"] != "full":
        assert time.monotonic() < deadline
    assert "refunded" == wire.get(path)["status"]
    assert "paid" == wire.get(f"/v1/orders/{payment['order_id']}")["status"]


def test_refunds_that_cannot_be(wire: Wire) -> None:
    """More than was captured, of nothing, of another payment, with what nobody asked for."""
    payment = captured(wire)
    path = f"/v1/payments/{payment['id']}"

    assert "amount" == wire.refused("POST", f"{path}/refund", {"amount": 50_001})["field"]
    assert "amount" == wire.refused("POST", f"{path}/refund", {"amount": 0})["field"]
    assert "speed" == wire.refused("POST", f"{path}/refund", {"speed": "fast"})["field"]
    assert "reason" == wire.refused("POST", f"{path}/refund", {"reason": "x"})["field"]
    assert "payment_id" == wire.refused("POST", "/v1/refunds", {"amount": 1})["field"]
    for id_ in (NOWHERE, "x", ""):
        error = wire.refused("POST", "/v1/refunds", {"payment_id": id_})
        assert NO_ID == error["description"]
    refund = wire.post(f"{path}/refund", {"amount": 100})
    other = wire.payment()
    assert (
        NO_ID
        == wire.refused("GET", f"/v1/payments/{other['id']}/refunds/{refund['id']}")["description"]
    )
    assert NO_ID == wire.refused("GET", f"{path}/refunds/x")["description"]
    assert NO_ID == wire.refused("GET", f"/v1/payments/{NOWHERE}/refunds")["description"]


def test_the_key_of_a_refund(wire: Wire) -> None:
    """Same key and body: the same refund. Another body: 409 in Razorpay's words."""
    path = f"/v1/payments/{captured(wire)['id']}/refund"
    headers = [("X-Refund-Idempotency", f"refund-{time.time_ns()}")]
    first = wire.post(path, {"amount": 100}, headers=headers)

    assert first == wire.post(path, {"amount": 100}, headers=headers)
    other = wire.call("POST", path, {"amount": 200}, headers=headers)
    assert 409 == other.status
    assert (
        "Different request with the same idempotency key has already been processed."
        == other.error["description"]
    )
    assert 1 == wire.get(f"{path}s")["count"]


@pytest.mark.parametrize("key", ["short", "with space in it", "x" * 256, "", "ä" * 12])
def test_keys_of_refunds_that_cannot_be(wire: Wire, key: str) -> None:
    """Ten letters, digits, hyphens or underscores at least; and only one key a request."""
    path = f"/v1/payments/{NOWHERE}/refund"
    headers = [("X-Refund-Idempotency", key)]

    assert "X-Refund-Idempotency" == wire.refused("POST", path, {}, headers=headers)["field"]
    two = [("X-Refund-Idempotency", "0123456789"), ("Idempotency-Key", "0123456789")]
    assert "X-Refund-Idempotency" == wire.refused("POST", path, {}, headers=two)["field"]


def test_a_server_pays_by_card(wire: Wire) -> None:
    """The answer leads to the page that shows how the payment goes on."""
    order = wire.order(payment_capture=1)
    card = {"number": "4242424242424242", "name": "A", "expiry_month": "12", "cvv": 123}
    browser = {"ip": "10.0.0.1", "referer": "https://shop.example", "user_agent": "x"}
    answer = made(
        wire, order, method="card", card={**card, "expiry_year": 31}, email="a@b.example", **browser
    )
    [step] = answer["next"]

    assert "redirect" == step["action"]
    page = f"{wire.base_url}/checkout?order_id={order['id']}&payment_id=pay_"
    assert step["url"].startswith(page)
    with urlopen(step["url"]) as response:  # noqa: S310 - the test's own gateway
        assert order["id"].encode() in response.read()
    payment = wire.settled(answer["razorpay_payment_id"])
    assert ("card", "a@b.example") == (payment["method"], payment["email"])


def test_a_payment_that_the_shopper_confirms(wire: Wire) -> None:
    """One-time passwords are the bank's: the calls for them lead to its page."""
    order = wire.order()
    answer = made(wire, order, method="card", card={**CARD, "number": CHALLENGE})
    path = f"/v1/payments/{answer['razorpay_payment_id']}"
    deadline = time.monotonic() + 20
    while (asked := wire.call("POST", f"{path}/otp_generate")).status != 200:
        assert time.monotonic() < deadline, asked

    assert answer == asked.json == wire.post(f"{path}/otp/resend")
    error = wire.refused("POST", f"{path}/otp/submit", {"otp": "123456"})
    assert ("otp", "payment_authentication") == (error["field"], error["step"])
    for call in ("otp_generate", "otp/resend", "otp/submit"):
        error = wire.refused("POST", f"/v1/payments/{NOWHERE}/{call}", {})
        assert NO_ID == error["description"]


def test_a_card_that_is_declined(wire: Wire) -> None:
    """The payment fails with Razorpay's members of an error."""
    answer = made(wire, wire.order(), method="card", card={**CARD, "number": DECLINED})
    payment = wire.settled(answer["razorpay_payment_id"])

    assert ("failed", "BAD_REQUEST_ERROR") == (payment["status"], payment["error_code"])
    assert ("card_declined", "payment_authorization") == (
        payment["error_reason"],
        payment["error_step"],
    )


def test_a_server_pays_by_upi(wire: Wire) -> None:
    """The VPA stands in `upi` or beside it; the shopper's app is asked."""
    for fields in (
        {"method": "upi", "upi": {"flow": "collect", "vpa": "success@bank", "expiry_time": 5}},
        {"vpa": "success@bank"},
    ):
        order = wire.order()
        body = {"amount": 50_000, "currency": "INR", "order_id": order["id"], **fields}
        answer = wire.post("/v1/payments/create/upi", body)
        assert {"razorpay_payment_id"} == answer.keys()
        assert "success@bank" == wire.settled(answer["razorpay_payment_id"])["vpa"]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"amount": 49_999}, "amount"),
        ({"currency": "USD"}, "amount"),
        ({"order_id": "order_0000000000000000"}, "order_id"),
        ({"order_id": "x"}, "order_id"),
        ({"method": "cash"}, "method"),
        ({"method": "card"}, "card"),
        ({"method": "card", "card": {**CARD, "number": "4242424242424241"}}, "card.number"),
        ({"method": "card", "card": {**CARD, "expiry_year": 20}}, "card.expiry_year"),
        ({"method": "card", "card": {"number": "1"}}, "card.expiry_month"),
        ({"vpa": "nobody"}, "vpa"),
        ({"vpa": None}, "vpa"),
        ({"upi": {"flow": "intent"}}, "upi.flow"),
        ({"method": "netbanking"}, "bank"),
        ({"save": 1}, "save"),
        ({"callback_url": "https://x.example"}, "callback_url"),
    ],
)
def test_payments_that_cannot_be(wire: Wire, fields: dict[str, Any], field: str) -> None:
    """The field at fault is named, and the order keeps waiting."""
    order = wire.order()
    body = {
        "amount": 50_000,
        "currency": "INR",
        "order_id": order["id"],
        "method": "upi",
        "vpa": "success@bank",
        **fields,
    }
    error = wire.refused("POST", "/v1/payments/create/json", body)

    assert field == error["field"]
    assert 0 == wire.get(f"/v1/orders/{order['id']}")["attempts"]


def test_an_order_takes_one_payment(wire: Wire) -> None:
    """A second one is refused in the gateway's words."""
    order = wire.get(f"/v1/orders/{captured(wire)['order_id']}")
    body = {"amount": 50_000, "currency": "INR", "order_id": order["id"], "vpa": "success@bank"}
    error = wire.refused("POST", "/v1/payments/create/upi", body)

    assert "Order already paid" == error["description"]


def test_vpas(wire: Wire) -> None:
    """The form is checked; nobody's name is known."""
    right = wire.post("/v1/payments/validate/vpa", {"vpa": "a.b@bank"})
    assert {"vpa": "a.b@bank", "success": True, "customer_name": None} == right
    for vpa in ("nobody", "", 5, None, "a@b@c"):
        assert "vpa" == wire.refused("POST", "/v1/payments/validate/vpa", {"vpa": vpa})["field"]


@pytest.mark.parametrize("path", ["/v1/methods", "/methods", "/methods/"])
def test_methods(base_url: str, path: str) -> None:
    """The key alone is enough, as from a browser; a key that is none is not."""
    methods = Wire(base_url, credentials(TEST_KEY, "")).get(path)

    assert (True, True, "HDFC Bank") == (
        methods["card"],
        methods["upi"],
        methods["netbanking"]["HDFC"],
    )
    for authorization in (None, credentials("key_test_0", ""), credentials("", "x"), "Basic ä"):
        answer = Wire(base_url, authorization).call("GET", path)
        assert (401, "Authentication failed") == (answer.status, answer.error["description"])
