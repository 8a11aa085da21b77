"""The real checkout in the real script on the example shop's page: two origins, one payment."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import FrameLocator, Locator, Page, expect

from tests.support import eventually
from tests.web.client import ApiClient


class Counter:
    """The shop's page in a browser, and the checkout over it."""

    def __init__(self, page: Page, url: str, api: ApiClient) -> None:
        self.page = page
        self.url = url
        self.api = api
        self.faults: list[str] = []
        page.on("pageerror", lambda error: self.faults.append(error.message))

    async def open(self) -> None:
        """Click on "Buy now" and wait until the checkout works."""
        await self.page.goto(self.url)
        await self.page.click("#pay")
        await expect(self.by("modal-loading")).to_be_hidden()

    @property
    def inside(self) -> FrameLocator:
        return self.page.frame_locator('[data-test-id="payment-iframe"]')

    def by(self, test_id: str) -> Locator:
        """Something on the shop's page."""
        return self.page.locator(f'[data-test-id="{test_id}"]')

    def of(self, test_id: str) -> Locator:
        """Something in the checkout's frame."""
        return self.inside.locator(f'[data-test-id="{test_id}"]')

    async def pay_by_upi(self, vpa: str) -> None:
        await self.of("method-upi").click()
        await self.of("vpa-input").fill(vpa)
        await self.of("pay-button").click()

    async def pay_by_card(self, number: str) -> None:
        await self.of("method-card").click()
        await self.of("card-number-input").fill(number)
        await self.of("expiry-input").fill("12/35")
        await self.of("cvv-input").fill("123")
        await self.of("cardholder-name-input").fill("Asha Rao")
        await self.of("pay-button").click()

    async def order_id(self) -> str:
        return await self.of("order-id").inner_text()

    async def thanked(self) -> str:
        """The order's id, once the shop has thanked, verified and heard the webhook."""
        await self.page.wait_for_url("**/orders/order_*", timeout=30_000)
        await expect(self.page.locator("#title")).to_have_text("Thank you, it is yours")
        await expect(self.page.locator("#signed")).to_have_class("done")
        await expect(self.page.locator("#confirmed")).to_have_class("done", timeout=20_000)
        return await self.page.locator("#order").inner_text()

    async def payments(self, order_id: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.api.get(f"/orders/{order_id}/payments")).json[
            "data"
        ]
        return found


@pytest.fixture
async def counter(page: Page, example_url: str, api: ApiClient) -> AsyncIterator[Counter]:
    """The example shop, open; nothing may go wrong on its page."""
    opened = Counter(page, f"{example_url}/", api)
    yield opened
    assert [] == opened.faults


async def test_from_click_to_verified_signature(counter: Counter) -> None:
    """Click, pay, receipt, and the shop's server has believed the signature and the webhook."""
    await counter.open()
    assert "₹1,499.00" in await counter.of("order-amount").inner_text()
    order_id = await counter.order_id()
    await counter.pay_by_upi("success@bank")
    await expect(counter.of("success-state")).to_be_visible()

    assert order_id == await counter.thanked()
    order = (await counter.api.get(f"/orders/{order_id}")).json
    assert ("paid", 149_900) == (order["status"], order["amount_paid"])


async def test_failure_and_another_try(counter: Counter) -> None:
    """A declined payment is told to the shop, the second try succeeds, one of them is charged."""
    await counter.open()
    await counter.pay_by_upi("failure@bank")
    await expect(counter.of("error-state")).to_be_visible()
    await expect(counter.page.locator("#message")).not_to_be_empty()
    await counter.of("retry-button").click()
    await counter.pay_by_card("4242 4242 4242 4242")
    order_id = await counter.thanked()
    statuses = sorted(each["status"] for each in await counter.payments(order_id))
    ledger = (await counter.api.get("/test/bank/ledger")).json["data"]

    assert ["failed", "success"] == statuses
    assert [149_900] == [each["amount"] for each in ledger]


async def test_a_challenge_inside_the_frame(counter: Counter) -> None:
    """The bank's own page stands in the checkout; passed, the payment goes on to its receipt."""
    await counter.open()
    await counter.pay_by_card("4000 0000 0000 3220")
    bank = counter.inside.frame_locator('[data-test-id="challenge-frame"]')
    await bank.locator('[data-test-id="challenge-pass"]').click()

    order_id = await counter.thanked()
    assert ["success"] == [each["status"] for each in await counter.payments(order_id)]


async def test_closing_leaves_the_order_open(counter: Counter) -> None:
    """A shopper who closes has paid nothing, is back where they were, and can begin again."""
    await counter.open()
    order_id = await counter.order_id()
    await counter.by("close-modal-button").click()
    await expect(counter.by("payment-modal")).to_have_count(0)
    await expect(counter.page.locator("#pay")).to_be_focused()
    assert "created" == (await counter.api.get(f"/orders/{order_id}")).json["status"]
    await counter.page.click("#pay")
    await expect(counter.of("pay-button")).to_be_visible()

    assert order_id != await counter.order_id()


async def test_escape_inside_the_checkout_closes_it(counter: Counter) -> None:
    """The key works wherever the focus is, the frame included."""
    await counter.open()
    await counter.of("vpa-input").press("Escape")

    await expect(counter.by("payment-modal")).to_have_count(0)


async def test_the_keyboard_is_enough(counter: Counter) -> None:
    """From the shop's button to its thanks without a mouse."""
    await counter.page.goto(counter.url)
    await counter.page.focus("#pay")
    await counter.page.keyboard.press("Enter")
    await expect(counter.by("modal-loading")).to_be_hidden()
    for _ in range(12):
        await counter.page.keyboard.press("Tab")
        if await counter.of("vpa-input").evaluate("field => field === document.activeElement"):
            break
    await counter.page.keyboard.type("success@bank")
    await counter.page.keyboard.press("Enter")

    await counter.thanked()


async def test_prefilled_addresses_reach_no_log(
    counter: Counter, capfd: pytest.CaptureFixture[str]
) -> None:
    """The shopper's e-mail address goes to the payment, and never stands in a line of the log."""
    await counter.open()
    await counter.pay_by_upi("success@bank")
    await counter.thanked()
    output = capfd.readouterr()

    assert "/checkout" in output.out
    assert "asha" not in (output.out + output.err).lower()


async def test_the_full_page_leads_back_to_the_shop(counter: Counter) -> None:
    """Without the script: to the gateway's page, and back with three values that are true."""
    await counter.page.goto(counter.url)
    await counter.page.click("#full-page")
    page = counter.page.locator
    await page('[data-test-id="method-upi"]').click()
    await page('[data-test-id="vpa-input"]').fill("success@bank")
    await page('[data-test-id="pay-button"]').click()

    order_id = await counter.thanked()
    payments = await counter.payments(order_id)
    assert ["success"] == [each["status"] for each in payments]


async def test_a_closed_checkout_is_still_paid(counter: Counter) -> None:
    """A shopper who closes while the bank is asked has paid all the same: the webhook tells."""
    await counter.open()
    order_id = await counter.order_id()
    await counter.pay_by_upi("success@bank")
    await counter.of("processing-state").or_(counter.of("success-state")).first.wait_for()
    await counter.by("close-modal-button").click()

    async def paid() -> bool:
        return "paid" == (await counter.api.get(f"/orders/{order_id}")).json["status"]

    assert await eventually(paid)
    await counter.page.goto(f"{counter.url}orders/{order_id}")
    await expect(counter.page.locator("#confirmed")).to_have_class("done")
