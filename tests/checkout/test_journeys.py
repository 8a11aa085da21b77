"""Whole journeys of a shopper with a card whose bank asks back: from the checkout to the end.

In a real browser, on the real pages, with the simulated bank's page in the checkout's frame.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from playwright.async_api import Browser, FrameLocator, Locator, Page, expect

from gateway.app import Gateway
from gateway.security.signatures import verify_checkout_signature
from gateway.seeding import TEST_KEY, TEST_SECRET
from gateway.settings import Settings
from tests.browser.sites import Site, running
from tests.checkout.gateways import running as started
from tests.checkout.shopper import Shopper
from tests.operations.processes import free_port
from tests.support import eventually
from tests.web.client import ApiClient

NUMBER = "4000 0000 0000 3220"


class Checkout:
    """The checkout's page, or its frame, as the shopper uses it."""

    def __init__(self, page: Page, within: FrameLocator | None = None) -> None:
        self.page = page
        self._within = within or page

    def by(self, test_id: str) -> Locator:
        return self._within.locator(f'[data-test-id="{test_id}"]')

    @property
    def bank(self) -> FrameLocator:
        """The bank's page in the checkout."""
        return self._within.frame_locator('[data-test-id="challenge-frame"]')

    async def pay_by_card(self) -> None:
        """Fill in the card and pay; the bank's page is there afterwards."""
        await self.by("method-card").click()
        await self.by("card-number-input").fill(NUMBER)
        await self.by("expiry-input").fill("12/35")
        await self.by("cvv-input").fill("123")
        await self.by("cardholder-name-input").fill("A Shopper")
        await self.by("pay-button").click()
        await expect(self.bank.locator('[data-test-id="challenge-page"]')).to_be_visible()

    async def answer(self, button: str) -> None:
        await self.bank.locator(f'[data-test-id="{button}"]').click()


@pytest.fixture
async def page(chromium: Browser) -> AsyncIterator[Page]:
    """A page of a shopper; nothing may go wrong on it."""
    opened = await chromium.new_page()
    faults: list[str] = []
    opened.on("pageerror", lambda error: faults.append(str(error)))
    yield opened
    assert [] == faults


async def payment_of(api: ApiClient, order_id: str) -> dict[str, Any]:
    """The only payment of the order, or its newest."""
    payments = (await api.get(f"/orders/{order_id}/payments")).json["data"]
    found: dict[str, Any] = payments[0]
    return found


async def charged(api: ApiClient) -> list[str]:
    rows = (await api.get("/test/bank/ledger")).json["data"]
    return [row["payment_id"] for row in rows]


async def test_passed(api: ApiClient, page: Page) -> None:
    """The bank confirms in the checkout's frame, and the shop gets a signature that verifies."""
    site = Site()
    site.pages["/thanks"] = "<h1>Thank you</h1>"
    async with running(site):
        order = await api.order(return_url=f"{site.url}/thanks")
        await page.goto(f"{api.url}/checkout?order_id={order['id']}")
        checkout = Checkout(page)
        await checkout.pay_by_card()
        await checkout.answer("challenge-pass")
        await expect(checkout.by("success-state")).to_be_visible()
        payment = await payment_of(api, order["id"])
        await expect(checkout.by("payment-id")).to_have_text(payment["id"])
        await page.wait_for_url("**/thanks?**")
        query = dict(each.split("=") for each in page.url.partition("?")[2].split("&"))

    assert ("success", [payment["id"]]) == (payment["status"], await charged(api))
    assert (order["id"], payment["id"]) == (query["orderId"], query["paymentId"])
    assert verify_checkout_signature(
        order["id"], payment["id"], signature=query["signature"], secret=TEST_SECRET
    )


async def test_failed_and_paid_in_another_way(api: ApiClient, page: Page) -> None:
    """The bank refuses, the checkout says so and takes another try, which is charged alone."""
    order = await api.order()
    await page.goto(f"{api.url}/checkout?order_id={order['id']}")
    checkout = Checkout(page)
    await checkout.pay_by_card()
    await checkout.answer("challenge-fail")
    await expect(checkout.by("error-state")).to_be_visible()
    await expect(checkout.by("error-message")).to_contain_text("Nothing was charged")
    assert [] == await charged(api)
    await checkout.by("retry-button").click()
    await checkout.by("method-upi").click()
    await checkout.by("vpa-input").fill("success@bank")
    await checkout.by("pay-button").click()
    await expect(checkout.by("success-state")).to_be_visible()

    shown = await checkout.by("payment-id").text_content()
    assert [shown] == await charged(api)


async def test_abandoned(api: ApiClient, page: Page, gateway: Gateway, shopper: Shopper) -> None:
    """Nobody answers: the page follows the payment to its end, and nothing is charged."""
    order = await api.order()
    await page.goto(f"{api.url}/checkout?order_id={order['id']}")
    checkout = Checkout(page)
    await checkout.pay_by_card()
    payment = await payment_of(api, order["id"])
    gateway.clock.advance(901)
    await shopper.reached(payment["id"], "failed")
    await expect(checkout.by("error-state")).to_be_visible()
    await expect(checkout.by("error-message")).to_contain_text("Nothing was charged")

    assert [] == await charged(api)


async def test_a_reload_comes_back_to_the_bank(api: ApiClient, page: Page) -> None:
    """Whoever reloads in the middle is at the bank's page again, and pays once."""
    order = await api.order()
    await page.goto(f"{api.url}/checkout?order_id={order['id']}")
    checkout = Checkout(page)
    await checkout.pay_by_card()
    await page.reload()
    await expect(checkout.bank.locator('[data-test-id="challenge-page"]')).to_be_visible()
    await checkout.answer("challenge-pass")
    await expect(checkout.by("success-state")).to_be_visible()
    await page.reload()
    await expect(checkout.by("success-state")).to_be_visible()

    assert 1 == len(await charged(api))


async def test_two_tabs_at_one_bank(
    api: ApiClient,
    page: Page,
    chromium: Browser,
) -> None:
    """Answered in one tab, both show how it ended; the other tab's answer changes nothing."""
    order = await api.order()
    address = f"{api.url}/checkout?order_id={order['id']}"
    await page.goto(address)
    first, second = Checkout(page), Checkout(await chromium.new_page())
    await first.pay_by_card()
    await second.page.goto(address)
    await expect(second.bank.locator('[data-test-id="challenge-page"]')).to_be_visible()
    await first.answer("challenge-pass")
    for tab in (first, second):
        await expect(tab.by("success-state")).to_be_visible()

    assert 1 == len(await charged(api))


async def test_by_redirect_and_back(api: ApiClient, page: Page) -> None:
    """Who goes to the bank's page itself comes back to the checkout; the back button shows it."""
    order = await api.order()
    await page.goto(f"{api.url}/checkout?order_id={order['id']}")
    checkout = Checkout(page)
    await checkout.pay_by_card()
    payment = await payment_of(api, order["id"])
    await page.goto(api.url + payment["next_action"]["url"])
    await page.locator('[data-test-id="challenge-pass"]').click()
    await expect(checkout.by("success-state")).to_be_visible()
    await page.go_back()
    await expect(page.locator('[data-test-id="challenge-page"]')).to_have_attribute(
        "data-state", "passed"
    )
    await page.locator('[data-test-id="challenge-back"]').click()
    await expect(checkout.by("success-state")).to_be_visible()

    assert [payment["id"]] == await charged(api)


@pytest.mark.parametrize(
    ("button", "kind"),
    [("challenge-pass", "payment_success"), ("challenge-fail", "payment_failed")],
)
async def test_embedded_in_a_shops_page(api: ApiClient, page: Page, button: str, kind: str) -> None:
    """Shop, checkout and bank, each in a frame of the other: the shop hears how it ended, once."""
    order = await api.order()
    site = Site()
    async with running(site):
        site.pages["/"] = (
            "<script>const heard = [];"
            "addEventListener('message', (event) => heard.push([event.origin, event.data]));"
            f"</script><iframe width=420 height=700 src='{api.url}/checkout?order_id={order['id']}"
            f"&embedded=true&key={TEST_KEY}&origin={site.url}'></iframe>"
        )
        await page.goto(site.url)
        checkout = Checkout(page, page.frame_locator("iframe"))
        await checkout.pay_by_card()
        await checkout.answer(button)
        ended = "success-state" if button == "challenge-pass" else "error-state"
        await expect(checkout.by(ended)).to_be_visible()
        payment = await payment_of(api, order["id"])

        async def heard() -> list[Any]:
            said = await page.evaluate("heard")
            return [each for each in said if each[1]["type"] == kind]

        [(origin, message)] = await eventually(heard)

    assert api.url == origin
    assert (order["id"], payment["id"]) == (
        message["data"]["orderId"],
        message["data"]["paymentId"],
    )
    if kind == "payment_success":
        assert verify_checkout_signature(
            order["id"],
            payment["id"],
            signature=message["data"]["signature"],
            secret=TEST_SECRET,
        )


async def test_without_scripts(
    api: ApiClient,
    chromium: Browser,
) -> None:
    """The form, the bank and the receipt are pages; links and forms lead from one to the next."""
    order = await api.order()
    context = await chromium.new_context(java_script_enabled=False)
    page = await context.new_page()
    await page.goto(f"{api.url}/checkout?order_id={order['id']}")
    checkout = Checkout(page)
    await checkout.by("method-card").click()
    await checkout.by("card-number-input").fill(NUMBER)
    await checkout.by("expiry-input").fill("12/35")
    await checkout.by("cvv-input").fill("123")
    await checkout.by("pay-button").click()
    await checkout.by("challenge-link").click(timeout=30_000)
    await checkout.by("challenge-pass").click()
    await expect(checkout.by("success-state")).to_be_visible(timeout=30_000)
    await context.close()

    assert [(await payment_of(api, order["id"]))["id"]] == await charged(api)


async def test_the_network_is_lost_at_the_bank(
    api: ApiClient, page: Page, shopper: Shopper
) -> None:
    """Answered on another device meanwhile: back on the network the page shows how it ended."""
    order = await api.order()
    await page.goto(f"{api.url}/checkout?order_id={order['id']}")
    checkout = Checkout(page)
    await checkout.pay_by_card()
    payment = await payment_of(api, order["id"])
    await page.context.set_offline(True)
    await shopper.come_back(await shopper.answer(payment["next_action"]["url"], "pass"))
    await shopper.reached(payment["id"], "success")
    await page.context.set_offline(False)
    await expect(checkout.by("success-state")).to_be_visible(timeout=30_000)


async def test_the_gateway_restarts_meanwhile(
    settings: Settings, session: aiohttp.ClientSession, page: Page
) -> None:
    """The page stays as it is, finds the new process by itself, and shows how it ended."""
    port = free_port()
    async with started(settings, session, port=port) as (_, api, _):
        order = await api.order()
        await page.goto(f"{api.url}/checkout?order_id={order['id']}")
        checkout = Checkout(page)
        await checkout.pay_by_card()
        payment = await payment_of(api, order["id"])
    async with started(settings, session, port=port) as (_, api, shopper):
        await shopper.come_back(await shopper.answer(payment["next_action"]["url"], "pass"))
        await expect(checkout.by("success-state")).to_be_visible(timeout=30_000)

        assert [payment["id"]] == await charged(api)
