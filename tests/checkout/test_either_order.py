"""The shopper's return and the webhook come in either order, or at once: one delivery, one charge.

What users of other gateways ask for most: no lost order, no double capture.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest

from gateway.app import Gateway
from tests.checkout.shop import Shop
from tests.checkout.shopper import CHALLENGED, Shopper
from tests.support import eventually
from tests.web.client import ApiClient


@pytest.fixture
async def shop(api: ApiClient) -> AsyncIterator[Shop]:
    async with Shop(api) as opened:
        yield opened


async def back_at_the_shop(
    shopper: Shopper, session: aiohttp.ClientSession, payment_id: str
) -> None:
    """What the checkout does with a success: send the shopper to the shop's page."""
    address = (await shopper.result(payment_id))["returnUrl"]
    async with session.get(address) as response:
        assert 200 == response.status, await response.text()


async def moved(api: ApiClient) -> list[str]:
    """What the bank did."""
    rows = (await api.get("/test/bank/ledger")).json["data"]
    return [row["kind"] for row in rows]


async def test_the_webhook_comes_first(
    api: ApiClient, shopper: Shopper, session: aiohttp.ClientSession, shop: Shop
) -> None:
    """The shopper's tab was slow: what it brings is known, and still verifies."""
    order = await shop.order()
    payment = await shopper.pay(order["id"])
    await eventually(lambda: ("webhook", order["id"]) in shop.told and shop.captures)
    await back_at_the_shop(shopper, session, payment["id"])

    assert [("webhook", order["id"]), ("return", order["id"])] == shop.told
    assert {order["id"]: 1} == shop.delivered
    assert [200, 400] == shop.captures
    assert ["authorize", "capture"] == await moved(api)


async def test_the_shopper_comes_first(
    api: ApiClient,
    shopper: Shopper,
    session: aiohttp.ClientSession,
    shop: Shop,
    gateway: Gateway,
) -> None:
    """The shop's server was away for the webhook: its repeat finds everything done."""
    shop.refuses = True
    order = await shop.order()
    payment, address = await shopper.challenged(order["id"])
    await shopper.come_back(await shopper.answer(address, "pass"))
    await shopper.reached(payment["id"], "success")
    await back_at_the_shop(shopper, session, payment["id"])
    assert [("return", order["id"])] == shop.told
    shop.refuses = False

    async def refused_once() -> bool:
        logs = (await api.get("/webhooks?limit=100")).json["data"]
        return bool(logs) and all(each["attempts"] for each in logs)

    await eventually(refused_once)
    gateway.clock.advance(60)
    await eventually(lambda: len(shop.told) == 2 and len(shop.captures) == 2)

    assert [("return", order["id"]), ("webhook", order["id"])] == shop.told
    assert {order["id"]: 1} == shop.delivered
    assert [200, 400] == shop.captures
    assert ["authorize", "capture"] == await moved(api)


async def test_both_come_at_once(
    api: ApiClient, shopper: Shopper, session: aiohttp.ClientSession, shop: Shop
) -> None:
    """Ten shoppers return the moment their payments succeed: each is captured once."""
    orders = [await shop.order() for _ in range(10)]

    async def buy(order_id: str) -> None:
        payment = await shopper.pay(order_id)
        async with shopper.stream(payment["id"]) as stream:
            await stream.until("success")
        await back_at_the_shop(shopper, session, payment["id"])

    await asyncio.gather(*(buy(order["id"]) for order in orders))
    await eventually(lambda: len(shop.captures) == 20)

    ids = {order["id"] for order in orders}
    assert {(way, order_id) for way in ("webhook", "return") for order_id in ids} == set(shop.told)
    assert dict.fromkeys(ids, 1) == shop.delivered
    assert 10 == (await moved(api)).count("capture")
    for order in orders:
        assert "paid" == (await api.get(f"/orders/{order['id']}")).json["status"]


async def test_a_forged_return_delivers_nothing(
    api: ApiClient, shopper: Shopper, session: aiohttp.ClientSession, shop: Shop
) -> None:
    """The signature of one order does not fit another, and an unfinished payment has none."""
    paid = await shopper.pay((await shop.order())["id"])
    await shopper.reached(paid["id"], "success")
    other = await shop.order()
    waiting = await shopper.pay(other["id"], **CHALLENGED)
    await shopper.reached(waiting["id"], "requires_action")
    address = (await shopper.result(paid["id"]))["returnUrl"]
    forged = address.replace(paid["order_id"], other["id"]).replace(paid["id"], waiting["id"])
    async with session.get(forged) as response:
        assert 400 == response.status

    assert (await shopper.result(waiting["id"]))["returnUrl"] is None
    assert 0 == shop.delivered[other["id"]]
