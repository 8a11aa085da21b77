"""Saved cards at the checkout: for the customer whom the shop vouches for, and nobody else."""

from __future__ import annotations

import gzip
import hmac
import re
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest

from gateway.seeding import TEST_MERCHANT_ID, TEST_SECRET
from gateway.storage.pool import Pool
from tests.checkout.shopper import Shopper
from tests.support import eventually
from tests.web.client import ApiClient
from tests.web.merchants import Administrator

GOOD = {"number": "4242424242424242", "expiry_month": 12, "expiry_year": 2039, "cvv": "737"}
FLAT = {"card_number": "5555 5555 5555 4444", "card_expiry": "12/39", "card_cvv": "737"}


def sign(order: dict[str, Any], secret: str = TEST_SECRET) -> str:
    """What the shop's server makes."""
    message = f"{order['id']}|{order['customer_id']}".encode()
    return hmac.digest(secret.encode(), message, "sha256").hex()


@pytest.fixture
async def asha(api: ApiClient) -> str:
    """A customer with one saved card."""
    customer_id = str((await api.post("/customers", {"email": "asha@example.com"})).json["id"])
    order = await api.order(customer_id=customer_id)
    await api.authorized(order_id=order["id"], method="card", card=GOOD, save=True)
    return customer_id


async def tokens(api: ApiClient, customer_id: str) -> list[dict[str, Any]]:
    """The customer's saved cards, as the merchant sees them."""
    found: list[dict[str, Any]] = (await api.get(f"/customers/{customer_id}/tokens")).json["data"]
    return found


async def page(shopper: Shopper, order: dict[str, Any], signature: str | None = None) -> str:
    """The checkout's page."""
    query = {"order_id": order["id"]} | ({"customer_signature": signature} if signature else {})
    answer = await shopper.get("/checkout", **query)
    assert 200 == answer.status
    return gzip.decompress(answer.body).decode()


async def test_the_signed_customer_sees_the_cards(
    api: ApiClient, shopper: Shopper, asha: str
) -> None:
    """First the saved card, chosen already, then the other ways, and a box to save another."""
    order = await api.order(customer_id=asha)
    [token] = await tokens(api, asha)
    shown = await page(shopper, order, sign(order))

    assert re.search(rf'value="{token["id"]}" checked', shown)
    assert "•••• 4242" in shown
    assert "12/39" in shown
    assert shown.index("saved-cards") < shown.index("payment-methods")
    assert "Another card" in shown
    assert 'data-test-id="save-card-checkbox"' in shown
    assert "checked" not in shown.partition('data-test-id="save-card-checkbox"')[2][:80]
    assert "424242424242" not in shown


@pytest.mark.parametrize("how", ["none", "another order", "another secret", "nonsense", "payment"])
async def test_nobody_else_does(api: ApiClient, shopper: Shopper, asha: str, how: str) -> None:
    """Knowing the order is not enough, nor is any other signature; paying goes on without."""
    order, other = await api.order(customer_id=asha), await api.order(customer_id=asha)
    [token] = await tokens(api, asha)
    paid = await api.authorized()
    signature = {
        "none": None,
        "another order": sign(other),
        "another secret": sign(order, "secret_test_of_somebody"),
        "nonsense": "0" * 64,
        "payment": hmac.digest(
            TEST_SECRET.encode(), f"{order['id']}|{paid['id']}".encode(), "sha256"
        ).hex(),
    }[how]
    shown = await page(shopper, order, signature)
    for word in (token["id"], "4242", "saved-card", "save-card-checkbox"):
        assert word not in shown
    asked: tuple[dict[str, Any], ...] = (
        {"method": "token", "token_id": token["id"]},
        {"method": "card", **FLAT, "save": True},
    )
    for fields in asked:
        members = fields | ({"customer_signature": signature} if signature else {})
        refused = await shopper.api.post("/payments/public", {"order_id": order["id"], **members})
        assert (400, "customer_signature") == (refused.status, refused.error["field"])
    assert 0 == (await api.get(f"/orders/{order['id']}/payments")).json["total"]
    assert (
        201
        == (
            await shopper.api.post(
                "/payments/public", {"order_id": order["id"], "method": "card", **FLAT}
            )
        ).status
    )


async def test_any_key_that_holds_signs(
    api: ApiClient, shopper: Shopper, administrator: Administrator, pool: Pool, asha: str
) -> None:
    """Each of the merchant's keys, until it is revoked; never one of another mode."""
    second = await administrator.key(TEST_MERCHANT_ID)
    live = await administrator.key(TEST_MERCHANT_ID, mode="live")
    order = await api.order(customer_id=asha)

    assert "saved-cards" in await page(shopper, order, sign(order, second.secret))
    assert "saved-cards" not in await page(shopper, order, sign(order, live.secret))
    await pool.execute("UPDATE api_keys SET revoked_at = now() WHERE id = $1", second.key)
    assert "saved-cards" not in await page(shopper, order, sign(order, second.secret))


async def test_a_customers_cards_are_their_own(api: ApiClient, shopper: Shopper, asha: str) -> None:
    """A signed customer cannot pay with somebody else's card."""
    other = str((await api.post("/customers", {})).json["id"])
    order = await api.order(customer_id=other)
    [token] = await tokens(api, asha)
    refused = await shopper.api.post(
        "/payments/public",
        {
            "order_id": order["id"],
            "method": "token",
            "token_id": token["id"],
            "customer_signature": sign(order),
        },
    )

    assert (404, "Token not found") == (refused.status, refused.error["description"])
    assert token["id"] not in await page(shopper, order, sign(order))


class Browser:
    """One without script: it sends the form and follows where it is led."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self.session = session
        self.url = url

    async def send(self, order: dict[str, Any], **fields: str) -> str:
        """The address that it is led to."""
        target = f"/checkout?order_id={order['id']}&customer_signature={sign(order)}"
        async with self.session.post(
            self.url + target, data=fields, allow_redirects=False
        ) as answer:
            assert 303 == answer.status, await answer.text()
            return answer.headers["Location"]


@pytest.fixture
def browser(session: aiohttp.ClientSession, client_for: Callable[..., ApiClient]) -> Browser:
    """A browser without script."""
    return Browser(session, client_for(None, None).url)


async def test_without_script_a_saved_card_pays(
    api: ApiClient, browser: Browser, shopper: Shopper, asha: str
) -> None:
    """The form alone is enough; the way on keeps the shop's word."""
    order = await api.order(customer_id=asha)
    [token] = await tokens(api, asha)
    address = await browser.send(order, method=token["id"], attempt="first")
    payment_id = re.search(r"payment_id=(pay_\w+)", address)

    assert payment_id is not None
    assert f"customer_signature={sign(order)}" in address
    paid = await api.settled(payment_id[1])
    assert ("success", token["id"]) == (paid["status"], paid["token_id"])


async def test_without_script_a_card_is_saved_and_removed(
    api: ApiClient, browser: Browser, pool: Pool, asha: str
) -> None:
    """The box saves the card; its button has it deleted, here and at the processor."""
    order = await api.order(customer_id=asha)
    await browser.send(order, method="card", save="true", attempt="first", **FLAT)

    async def saved() -> Any:
        found = await tokens(api, asha)
        return found if len(found) == 2 else None

    [newest, oldest] = await eventually(saved)
    assert ("mastercard", "4444") == (newest["card"]["network"], newest["card"]["last4"])
    another = await api.order(customer_id=asha)
    for _ in range(2):  # clicked twice
        assert "payment_id" not in await browser.send(another, remove=newest["id"])
    assert [oldest] == await tokens(api, asha)

    async def forgotten() -> bool:
        return bool(1 == await pool.fetchval("SELECT count(*) FROM simulator_cards"))

    await eventually(forgotten)
    audit = await pool.fetchrow("SELECT actor FROM audit_logs WHERE action = 'token.deleted'")
    assert audit is not None
    assert "shopper" == audit["actor"]


async def test_nobody_removes_cards_without_the_shops_word(
    api: ApiClient, session: aiohttp.ClientSession, shopper: Shopper, asha: str
) -> None:
    """Without it, and for cards of others, nothing happens."""
    order = await api.order(customer_id=asha)
    stranger = await api.order(customer_id=(await api.post("/customers", {})).json["id"])
    [token] = await tokens(api, asha)
    for target in (
        f"/checkout?order_id={order['id']}",
        f"/checkout?order_id={stranger['id']}&customer_signature={sign(stranger)}",
    ):
        async with session.post(
            shopper.api.url + target, data={"remove": token["id"]}, allow_redirects=False
        ) as answer:
            assert 303 == answer.status
    assert [token] == await tokens(api, asha)


async def test_cards_that_cannot_pay_are_not_offered(
    api: ApiClient, shopper: Shopper, pool: Pool, asha: str
) -> None:
    """Expired ones, and all of them where the shop takes no cards."""
    order = await api.order(customer_id=asha)
    await pool.execute("UPDATE tokens SET card_expiry_year = 2020")
    shown = await page(shopper, order, sign(order))
    assert "saved-cards" not in shown
    assert "save-card-checkbox" in shown
    await pool.execute("UPDATE tokens SET card_expiry_year = 2039")
    await api.call("PATCH", "/merchant", {"enabled_methods": ["upi"]})
    assert "saved-card" not in await page(shopper, order, sign(order))
