"""Orders over HTTP."""

from __future__ import annotations

from tests.web.client import ApiClient


async def test_an_order_is_made_and_read(api: ApiClient) -> None:
    """POST answers 201 with the whole order, and GET gives the same."""
    made = await api.post(
        "/orders", {"amount": 50_000, "currency": "INR", "receipt": "r-1", "notes": {"a": "b"}}
    )

    assert 201 == made.status
    order = made.json
    assert {
        "amount": 50_000,
        "amount_paid": 0,
        "amount_due": 50_000,
        "attempts": 0,
        "currency": "INR",
        "receipt": "r-1",
        "notes": {"a": "b"},
        "status": "created",
        "capture": "manual",
        "merchant_id": "550e8400-e29b-41d4-a716-446655440000",
    }.items() <= order.items()
    assert order == (await api.get(f"/orders/{order['id']}")).json


async def test_defaults_and_other_currencies(api: ApiClient) -> None:
    """INR is the default, and each currency has its own smallest amount."""
    assert "INR" == (await api.order(amount=100))["currency"]
    assert 1 == (await api.order(amount=1, currency="JPY"))["amount"]
    assert "automatic" == (await api.order(capture="automatic"))["capture"]
    refused = await api.post("/orders", {"amount": 999, "currency": "KWD"})

    assert 400 == refused.status
    assert "amount must be at least 1000" == refused.error["description"]


async def test_all_that_is_wrong_is_named(api: ApiClient) -> None:
    """Several invalid fields: the first in `error`, all in `metadata.errors`."""
    refused = await api.post("/orders", {"amount": 50, "receipt": 7, "colour": "red"})

    assert 400 == refused.status
    assert "amount must be at least 100" == refused.error["description"]
    assert "amount" == refused.error["field"]
    assert [
        {"field": "amount", "description": "amount must be at least 100"},
        {"field": "receipt", "description": "receipt must be a string"},
        {"field": "colour", "description": "colour is not a known field"},
    ] == refused.error["metadata"]["errors"]


async def test_an_order_that_expires(api: ApiClient) -> None:
    """`expires_at` is RFC 3339 or unix seconds, and lies in the future."""
    order = await api.order(expires_at="2030-01-02T03:04:05+05:30")
    assert "2030-01-01T21:34:05.000Z" == order["expires_at"]
    assert "2030-01-01T00:00:00.000Z" == (await api.order(expires_at=1_893_456_000))["expires_at"]
    for value in (
        "2020-01-01T00:00:00Z",
        5,
        "soon",
        True,
        1.5,
        -1,
        10**18,
        "9999-12-31T23:59:59-23:00",
    ):
        refused = await api.post("/orders", {"amount": 500, "expires_at": value})

        assert 400 == refused.status, value
        assert "expires_at" == refused.error["field"]


async def test_notes_are_replaced(api: ApiClient) -> None:
    """PATCH changes the notes and nothing else."""
    order = await api.order(notes={"a": "b"})
    changed = await api.call("PATCH", f"/orders/{order['id']}", {"notes": {"c": "ü"}})

    assert 200 == changed.status
    assert {"c": "ü"} == changed.json["notes"]
    assert changed.json == (await api.get(f"/orders/{order['id']}")).json
    assert 400 == (await api.call("PATCH", f"/orders/{order['id']}", {"amount": 5})).status


async def test_lists_are_paged(api: ApiClient) -> None:
    """`limit` and `offset`, or `starting_after`, walk through all orders, newest first."""
    ids = [(await api.order())["id"] for _ in range(5)][::-1]
    first = (await api.get("/orders?limit=2")).json
    second = (await api.get("/orders?limit=2&offset=2")).json
    after = (await api.get(f"/orders?limit=3&starting_after={ids[1]}")).json

    assert ids[:2] == [order["id"] for order in first["data"]]
    assert {"total": 5, "limit": 2, "offset": 0, "has_more": True}.items() <= first.items()
    assert ids[2:4] == [order["id"] for order in second["data"]]
    assert ids[2:] == [order["id"] for order in after["data"]]
    assert not after["has_more"]
    assert 0 == (await api.get("/orders?status=paid")).json["total"]
    assert 5 == (await api.get("/orders?from=2020-01-01T00:00:00Z&to=4102444800")).json["total"]
    assert 0 == (await api.get("/orders?to=2020-01-01T00:00:00Z")).json["total"]


async def test_bad_parameters_are_named(api: ApiClient) -> None:
    """Whatever is wrong with a parameter of a list is a 400 that names it."""
    for name, value in (
        ("limit", "-1"),
        ("limit", "0"),
        ("limit", "101"),
        ("limit", "ten"),
        ("limit", "1.5"),
        ("limit", "9" * 40),
        ("offset", "-1"),
        ("offset", "99999999999999"),
        ("status", "open"),
        ("status", "paid' OR 1=1 --"),
        ("from", "yesterday"),
        ("to", "2024-13-01T00:00:00Z"),
        ("starting_after", "order_doesnotexist00"),
        ("starting_after", "x%00y"),
    ):
        refused = await api.get(f"/orders?{name}={value}")

        assert 400 == refused.status, (name, value)
        assert name == refused.error["field"]
    assert "limit" == (await api.get("/orders?limit=1&limit=2")).error["field"]


async def test_an_order_without_payment_is_cancelled(api: ApiClient) -> None:
    """Cancelling answers 200 with the order; a second time it is refused."""
    order = await api.order()
    cancelled = await api.post(f"/orders/{order['id']}/cancel")

    assert 200 == cancelled.status
    assert "cancelled" == cancelled.json["status"]
    assert 400 == (await api.post(f"/orders/{order['id']}/cancel")).status
    refused = await api.post("/payments", {"order_id": order["id"], "method": "upi", "vpa": "a@b"})
    assert 400 == refused.status


async def test_cancelling_voids_an_authorization_first(api: ApiClient) -> None:
    """An order whose payment is authorized is cancelled once the void is through."""
    payment = await api.authorized()
    cancelled = await api.post(f"/orders/{payment['order_id']}/cancel")

    assert 200 == cancelled.status, cancelled.body
    assert "cancelled" == cancelled.json["status"]
    assert "cancelled" == (await api.get(f"/payments/{payment['id']}")).json["status"]


async def test_the_payments_of_an_order(api: ApiClient) -> None:
    """An order lists its own payments, and only these."""
    failed = await api.settled((await api.payment(method="upi", vpa="failure@bank"))["id"])
    order_id = failed["order_id"]
    again = await api.payment(order_id)
    await api.payment()
    listed = (await api.get(f"/orders/{order_id}/payments")).json

    assert "failed" == failed["status"]
    assert [again["id"], failed["id"]] == [payment["id"] for payment in listed["data"]]
    assert 2 == listed["total"]
