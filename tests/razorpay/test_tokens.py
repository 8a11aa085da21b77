"""Saved cards over `/v1`: saved with a payment, shown, charged again, deleted."""

from __future__ import annotations

import hashlib
import hmac
import time
from typing import Any

import pytest

from gateway.domain.outcomes import Declined
from gateway.seeding import TEST_SECRET
from gateway.web.errors import problem_of
from gateway.web.razorpay.errors import in_known_codes
from gateway.web.razorpay.recurring import _failure
from tests.razorpay.wire import CARD, Wire
from tests.unit.scenario import Scenario

NO_ID = "The id provided does not exist"
GOOD = {**CARD, "number": "4242424242424242", "name": "Asha"}


@pytest.fixture
def asha(wire: Wire) -> dict[str, Any]:
    """A customer."""
    return wire.post("/v1/customers", {"email": f"a{time.time_ns()}@b.example"})


def body_of(order: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """What pays the order."""
    return {"amount": order["amount"], "currency": "INR", "order_id": order["id"], **fields}


@pytest.fixture
def token(wire: Wire, asha: dict[str, Any]) -> dict[str, Any]:
    """Her card, saved with a payment."""
    order = wire.order(customer_id=asha["id"])
    body = body_of(order, method="card", card=GOOD, save="1")
    payment = wire.settled(wire.post("/v1/payments/create/json", body)["razorpay_payment_id"])
    assert asha["id"] == payment["customer_id"], payment
    return wire.get(f"/v1/customers/{asha['id']}/tokens/{payment['token_id']}")


def test_a_saved_card(wire: Wire, asha: dict[str, Any], token: dict[str, Any]) -> None:
    """Shown with brand, last four and expiry, by customer and by its id alone."""
    assert ("token", "card", "4242", "Visa", 12, 2031) == (
        token["entity"],
        token["method"],
        token["card"]["last4"],
        token["card"]["network"],
        token["card"]["expiry_month"],
        token["card"]["expiry_year"],
    )
    assert 1956527999 == token["expired_at"]  # 2031-12-31T23:59:59Z
    assert [token] == wire.get(f"/v1/customers/{asha['id']}/tokens/")["items"]
    assert token == wire.post("/v1/tokens/fetch", {"id": token["id"]})
    assert token == wire.post("/v1/tokens//fetch", data=f"id={token['id']}".encode())


def test_it_is_charged_while_she_is_away(
    wire: Wire, asha: dict[str, Any], token: dict[str, Any]
) -> None:
    """The answer comes with the bank's decision, signed with the caller's own secret."""
    order = wire.order(customer_id=asha["id"], payment_capture=1)
    body = body_of(order, token=token["id"], customer_id=asha["id"], recurring="1")
    answer = wire.post("/v1/payments/create/recurring", body)
    message = f"{order['id']}|{answer['razorpay_payment_id']}".encode()

    assert order["id"] == answer["razorpay_order_id"]
    assert (
        hmac.digest(TEST_SECRET.encode(), message, hashlib.sha256).hex()
        == answer["razorpay_signature"]
    )
    payment = wire.get(f"/v1/payments/{answer['razorpay_payment_id']}")
    assert (token["id"], "card") == (payment["token_id"], payment["method"])
    again = wire.order(customer_id=asha["id"])
    body = body_of(again, method="card", token=token["id"], card={"cvv": "123"})
    made = wire.post("/v1/payments/create/json", body)
    assert "authorized" == wire.settled(made["razorpay_payment_id"])["status"]


def test_the_same_key_charges_once(wire: Wire, asha: dict[str, Any], token: dict[str, Any]) -> None:
    """A repeat gets the first one's outcome."""
    order = wire.order(customer_id=asha["id"])
    headers = [("Idempotency-Key", f"recurring-{time.time_ns()}")]
    body = body_of(order, token=token["id"])
    first = wire.post("/v1/payments/create/recurring", body, headers=headers)

    assert first == wire.post("/v1/payments/create/recurring", body, headers=headers)
    assert 1 == wire.get(f"/v1/orders/{order['id']}/payments")["count"]


def test_a_saved_card_that_wants_the_shopper(wire: Wire, asha: dict[str, Any]) -> None:
    """Where the bank asks for a confirmation, the answer leads to its page."""
    order = wire.order(customer_id=asha["id"])
    card = {**GOOD, "number": "4000000000003220"}
    made = wire.post(
        "/v1/payments/create/json", body_of(order, method="card", card=card, save=True)
    )

    assert "redirect" == made["next"][0]["action"]
    assert [] == wire.get(f"/v1/customers/{asha['id']}/tokens")["items"]


@pytest.mark.parametrize("by_id", [True, False])
def test_it_is_deleted(
    wire: Wire, asha: dict[str, Any], token: dict[str, Any], by_id: bool
) -> None:
    """Nobody sees it any more, and nothing is charged by it."""
    path = f"/v1/customers/{asha['id']}/tokens/{token['id']}"
    if by_id:
        assert [] == wire.post("/v1/tokens/delete", {"id": token["id"]})
    else:
        assert {"deleted": True} == wire.call("DELETE", path, {}).json

    assert NO_ID == wire.refused("GET", path)["description"]
    assert NO_ID == wire.refused("DELETE", path, {})["description"]
    assert [] == wire.get(f"/v1/customers/{asha['id']}/tokens")["items"]
    body = body_of(wire.order(customer_id=asha["id"]), token=token["id"])
    assert "token_id" == wire.refused("POST", "/v1/payments/create/recurring", body)["field"]


def test_cards_of_others(wire: Wire, token: dict[str, Any]) -> None:
    """An order of another customer, or of none, is not charged; another's path shows nothing."""
    other = wire.post("/v1/customers", {"email": f"b{time.time_ns()}@b.example"})
    for order in (wire.order(customer_id=other["id"]), wire.order()):
        body = body_of(order, token=token["id"])
        assert NO_ID == wire.refused("POST", "/v1/payments/create/recurring", body)["description"]
    path = f"/v1/customers/{other['id']}/tokens/{token['id']}"
    for method in ("GET", "DELETE"):
        assert NO_ID == wire.refused(method, path, {})["description"]
    for call in ("fetch", "delete"):
        body = {"id": token["id"], "customer_id": other["id"]}
        assert NO_ID == wire.refused("POST", f"/v1/tokens/{call}", body)["description"]


def test_what_cannot_be(wire: Wire, asha: dict[str, Any]) -> None:
    """Cards are saved with payments alone; ids that do not exist are named as such."""
    assert "save" == wire.refused("POST", "/v1/tokens", {"customer_id": asha["id"]})["field"]
    for id_ in ("tok_0000000000000000", "x", ""):
        assert NO_ID == wire.refused("POST", "/v1/tokens/fetch", {"id": id_})["description"]
    assert "id" == wire.refused("POST", "/v1/tokens/fetch", {})["field"]
    order = wire.order()
    for fields, field in (
        ({"method": "upi", "token": "tok_0000000000000000"}, "token"),
        ({"method": "upi", "vpa": "a@bank", "save": 1}, "save"),
        ({"method": "card", "card": {"cvv": "123"}}, "card.number"),
    ):
        error = wire.refused("POST", "/v1/payments/create/json", body_of(order, **fields))
        assert field == error["field"]
    body = {**body_of(order, token="x"), "amount": 1}
    assert "amount" == wire.refused("POST", "/v1/payments/create/recurring", body)["field"]


def test_a_saved_card_that_is_declined() -> None:
    """The error is one that the libraries know, and names the payment that failed."""
    scenario = Scenario()
    scenario.pay()
    scenario.carry_out(Declined(reason="insufficient_funds", description="Not enough"))
    problem = problem_of(_failure(scenario.payment))
    assert problem is not None
    shown = in_known_codes(problem)

    assert (400, "BAD_REQUEST_ERROR") == (shown.status, shown.code)
    assert ("Not enough", "insufficient_funds") == (shown.description, shown.reason)
    assert scenario.payment.id == shown.metadata["payment_id"]
