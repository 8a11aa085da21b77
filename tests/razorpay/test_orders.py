"""`/v1/orders`, as the libraries send and read it."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.razorpay.wire import Wire


def test_an_order_is_made_and_read(wire: Wire) -> None:
    """The entity has all members of the documentation, and is the same when it is fetched."""
    made = wire.order(receipt="r-1", notes={"a": "b"})

    assert {
        "entity": "order",
        "amount": 50_000,
        "amount_paid": 0,
        "amount_due": 50_000,
        "currency": "INR",
        "receipt": "r-1",
        "offer_id": None,
        "status": "created",
        "attempts": 0,
        "notes": {"a": "b"},
    }.items() <= made.items()
    assert abs(time.time() - made["created_at"]) < 60
    assert made == wire.get(f"/v1/orders/{made['id']}")
    assert [] == wire.order(notes=[])["notes"] == wire.order()["notes"]


def test_notes_are_replaced(wire: Wire) -> None:
    """PATCH changes the notes, and refuses anything else."""
    order = wire.order(notes={"a": "b"})
    path = f"/v1/orders/{order['id']}"
    changed = wire.call("PATCH", path, {"notes": {"c": "d"}})

    assert (200, {"c": "d"}) == (changed.status, changed.json["notes"])
    error = wire.refused("PATCH", path, {"notes": {}, "amount": 1})
    assert "amount is/are not required and should not be sent" == error["description"]
    assert "notes" == wire.refused("PATCH", path, {})["field"]
    wire.refused("PATCH", "/v1/orders/order_0000000000000000", {"notes": {}})


@pytest.mark.parametrize(
    ("fields", "captured"),
    [
        ({"payment_capture": 1}, True),
        ({"payment_capture": "1"}, True),
        ({"payment_capture": True}, True),
        ({"payment_capture": 0}, False),
        ({"payment": {"capture": "automatic"}}, True),
        (
            {
                "payment": {
                    "capture": "manual",
                    "capture_options": {
                        "automatic_expiry_period": 12,
                        "manual_expiry_period": "7200",
                        "refund_speed": "optimum",
                    },
                }
            },
            False,
        ),
        ({"payment": {"capture": "manual"}, "payment_capture": 1}, False),
        ({}, False),
    ],
)
def test_capture_settings(wire: Wire, fields: dict[str, Any], captured: bool) -> None:
    """Both ways to ask for capture, and the merchant's setting without one."""
    payment = wire.payment(wire.order(**fields))
    wanted = "captured" if captured else "authorized"
    deadline = time.monotonic() + 20
    while payment["status"] != wanted and time.monotonic() < deadline:
        payment = wire.get(f"/v1/payments/{payment['id']}")

    assert (wanted, captured) == (payment["status"], payment["captured"])


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"amount": 99}, "amount"),
        ({"amount": "ten"}, "amount"),
        ({"amount": None}, "amount"),
        ({"amount": 10**12}, "amount"),
        ({"currency": "XXX"}, "currency"),
        ({"currency": "KWD", "amount": 999}, "amount"),
        ({"receipt": "x" * 41}, "receipt"),
        ({"notes": {str(n): "x" for n in range(16)}}, "notes"),
        ({"notes": {"a": "x" * 257}}, "notes"),
        ({"notes": {"x" * 257: "a"}}, "notes"),
        ({"notes": "text"}, "notes"),
        ({"notes": ["a"]}, "notes"),
        ({"notes": {"a": {"b": "c"}}}, "notes"),
        ({"partial_payment": True}, "partial_payment"),
        ({"payment_capture": 2}, "payment_capture"),
        ({"payment": {"capture": "later"}}, "payment.capture"),
        ({"transfers": []}, "transfers"),
        ({"customer_id": "cust_x"}, "customer_id"),
    ],
)
def test_orders_that_cannot_be(wire: Wire, fields: dict[str, Any], field: str) -> None:
    """The field at fault is named."""
    error = wire.refused("POST", "/v1/orders", {"amount": 100, "currency": "INR", **fields})

    assert field == error["field"]
    assert "input_validation_failed" == error["reason"]


def test_lists(wire: Wire) -> None:
    """Newest first, in pages, by time, by receipt, by what was authorized."""
    receipt = f"list-{time.time_ns()}"
    orders = [wire.order(receipt=receipt) for _ in range(3)]
    paid = wire.payment(orders[0])["order_id"]

    def listed(query: str) -> list[str]:
        answer = wire.get(f"/v1/orders?receipt={receipt}&{query}")
        assert ("collection", len(answer["items"])) == (answer["entity"], answer["count"])
        return [order["id"] for order in answer["items"]]

    newest_first = [order["id"] for order in reversed(orders)]
    assert newest_first == listed("")
    assert newest_first[1:2] == listed("count=1&skip=1")
    assert [paid] == listed("authorized=1")
    assert newest_first[:2] == listed("authorized=0")
    assert newest_first == listed(f"from={orders[0]['created_at']}&to={int(time.time()) + 1}")
    assert [] == listed(f"to={orders[0]['created_at'] - 60}")


@pytest.mark.parametrize(
    "query",
    [
        "expand[]=payments",
        "expand=payments",
        "expand[expand]=payments.card",
        "expand%5B0%5D=payments",
    ],
)
def test_orders_with_their_payments(wire: Wire, query: str) -> None:
    """Every way to write `expand` shows the payments, one by one and in lists."""
    payment = wire.payment()
    order = wire.get(f"/v1/orders/{payment['order_id']}/?{query}")

    assert [payment["id"]] == [each["id"] for each in order["payments"]["items"]]
    assert "payments" in wire.get(f"/v1/orders?count=1&{query}")["items"][0]
    assert order["payments"] == wire.get(f"/v1/orders/{order['id']}/payments")


def test_what_orders_do_not_have(wire: Wire) -> None:
    """Transfers and virtual accounts are there to be read, and empty."""
    order = wire.order()
    query = "expand[]=transfers&expand[]=virtual_account&status"
    shown = wire.get(f"/v1/orders/{order['id']}/?{query}")

    assert {"entity": "collection", "count": 0, "items": []} == shown["transfers"]
    assert shown["virtual_account"] is None


def test_the_same_key_makes_one_order(wire: Wire) -> None:
    """`Idempotency-Key` works as in `/api/v1`, and answers in this format."""
    headers = [("Idempotency-Key", f"key-{time.time_ns()}")]
    first = wire.call("POST", "/v1/orders", {"amount": 100}, headers=headers)
    again = wire.call("POST", "/v1/orders", {"amount": 100}, headers=headers)

    assert first.json == again.json
    assert "true" == again.headers["Idempotent-Replayed"]
    assert 422 == wire.call("POST", "/v1/orders", {"amount": 200}, headers=headers).status
