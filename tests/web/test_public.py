"""What the checkout may see and do without credentials."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support import eventually
from tests.web.client import ApiClient
from tests.web.merchants import Administrator


@pytest.fixture
def shopper(client_for: Callable[..., ApiClient]) -> ApiClient:
    """Somebody without credentials."""
    return client_for(None, None)


async def test_an_order_as_the_shopper_sees_it(api: ApiClient, shopper: ApiClient) -> None:
    """Amount, status and methods; nothing that is the merchant's business."""
    order = await api.order(receipt="internal-7", notes={"margin": "40 %"})
    shown = await shopper.get(f"/orders/{order['id']}/public")

    assert 200 == shown.status
    assert {
        "id",
        "amount",
        "amount_paid",
        "amount_due",
        "currency",
        "status",
        "mode",
        "merchant_name",
        "methods",
        "expires_at",
        "created_at",
    } == shown.json.keys()
    assert 401 == (await shopper.get(f"/orders/{order['id']}")).status


async def test_a_shopper_pays(api: ApiClient, shopper: ApiClient) -> None:
    """A payment is made, followed, and shows neither notes nor processor."""
    order = await api.order()
    body = {"order_id": order["id"], "method": "upi", "vpa": "success@bank"}
    made = await shopper.post("/payments/public", body, key="tab-1")
    again = await shopper.post("/payments/public", body, key="tab-1")

    assert 201 == made.status, made.body
    assert made.body == again.body
    assert ("pending", False) == (made.json["status"], made.json["captured"])

    async def paid() -> bool:
        payment = (await shopper.get(f"/payments/{made.json['id']}/public")).json
        assert not payment.keys() & {"notes", "processor", "processor_reference", "customer"}
        return payment["status"] == "success"

    await eventually(paid)


async def test_what_a_shopper_may_not_decide(api: ApiClient, shopper: ApiClient) -> None:
    """Capture and notes are the merchant's; unknown orders do not exist."""
    order = await api.order()
    body = {"order_id": order["id"], "method": "upi", "vpa": "success@bank"}
    for name, value in (("capture", "automatic"), ("notes", {}), ("amount", 1), ("save", True)):
        refused = await shopper.post("/payments/public", {**body, name: value})
        assert (400, name) == (refused.status, refused.error["field"])
    unknown = await shopper.post("/payments/public", {**body, "order_id": "order_0000000000000000"})
    assert 404 == unknown.status
    assert 404 == (await shopper.get("/orders/order_0000000000000000/public")).status
    assert 404 == (await shopper.get("/payments/pay_0000000000000000/public")).status


async def test_keys_of_shoppers_are_the_orders(api: ApiClient, shopper: ApiClient) -> None:
    """The same key for two orders is two keys."""
    orders = [await api.order() for _ in range(2)]
    made = [
        await shopper.post(
            "/payments/public",
            {"order_id": order["id"], "method": "upi", "vpa": "success@bank"},
            key="same",
        )
        for order in orders
    ]

    assert [201, 201] == [answer.status for answer in made]
    assert made[0].json["order_id"] != made[1].json["order_id"]


async def test_a_disabled_merchants_orders_are_gone(
    api: ApiClient, shopper: ApiClient, administrator: Administrator
) -> None:
    """Nobody can pay a merchant who was switched off."""
    order = await api.order()
    await administrator.pool.execute("UPDATE merchants SET active = false")

    assert 404 == (await shopper.get(f"/orders/{order['id']}/public")).status
    body = {"order_id": order["id"], "method": "upi", "vpa": "success@bank"}
    assert 404 == (await shopper.post("/payments/public", body)).status
