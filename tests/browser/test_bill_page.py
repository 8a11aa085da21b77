"""A payment link in a real browser: opened, paid in the checkout, back at the shop, signed."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import aiohttp
import pytest
from playwright.async_api import Browser, Page, expect

from gateway.app import Gateway
from gateway.seeding import TEST_SECRET
from tests.bills.merchant import Merchant
from tests.browser.checkouts import Checkout
from tests.browser.sites import Site
from tests.browser.test_checkout_looks import fits, violations


@pytest.fixture
def merchant(gateway: Gateway, session: aiohttp.ClientSession) -> Merchant:
    """The seeded test merchant, over `/v1`."""
    return Merchant(session, f"http://127.0.0.1:{gateway.port}")


async def test_a_link_is_paid_in_two_parts(
    checkout: Checkout, merchant: Merchant, stand_in: Site
) -> None:
    """By keyboard, through the checkout each time; the shop gets what its library can verify."""
    stand_in.pages["/paid"] = "<!doctype html><title>Shop</title><h1>Thank you</h1>"
    link = await merchant.link(
        accept_partial=True, reference_id="R7", callback_url=f"{stand_in.url}/paid"
    )
    await checkout.page.goto(link["short_url"])
    await checkout.by("bill-amount-input").fill("400")
    await checkout.page.keyboard.press("Enter")
    await checkout.pay_with_upi()
    await checkout.page.wait_for_url(f"{stand_in.url}/paid?*")
    await checkout.page.goto(link["short_url"])
    await expect(checkout.by("bill-amount")).to_have_text("₹600.00")
    await checkout.by("bill-pay").focus()
    await checkout.page.keyboard.press("Enter")
    await checkout.pay_with_upi()
    await checkout.page.wait_for_url(f"{stand_in.url}/paid?*status=paid*")

    query: dict[str, str] = await checkout.page.evaluate(
        "Object.fromEntries(new URLSearchParams(location.search))"
    )
    paid = await merchant.done("GET", f"/payment_links/{link['id']}")
    assert ("paid", [40_000, 60_000]) == (
        paid["status"],
        [payment["amount"] for payment in paid["payments"]],
    )
    signed = "|".join((link["id"], "R7", "paid", paid["payments"][1]["payment_id"]))
    signature = hmac.new(TEST_SECRET.encode(), signed.encode(), hashlib.sha256).hexdigest()
    assert signature == query["razorpay_signature"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_state_can_be_used_by_everybody(
    chromium: Browser, merchant: Merchant, scheme: Any
) -> None:
    """No serious finding of axe-core, at 320 pixels, without script."""
    context = await chromium.new_context(
        viewport={"width": 320, "height": 640}, color_scheme=scheme, reduced_motion="reduce"
    )
    page: Page = await context.new_page()
    part = await merchant.link(accept_partial=True, description="Tea for the whole year")
    over = await merchant.link()
    await merchant.done("POST", f"/payment_links/{over['id']}/cancel")
    lines = [{"name": "Darjeeling, first flush", "amount": 999_999, "quantity": 12}]
    invoice = await merchant.done("POST", "/invoices", {"line_items": lines, "receipt": "I-1"})
    addresses = [each["short_url"] for each in (part, over, invoice)]
    for address in (*addresses, f"{part['short_url']}x", f"{addresses[2]}?lang=hi"):
        await page.goto(address)
        assert [] == await violations(page)
        assert await fits(page), address
    await page.goto(part["short_url"])
    await page.locator('[data-test-id="bill-amount-input"]').fill("0")
    await page.locator('[data-test-id="bill-pay"]').click()
    await expect(page.locator("#amount-error")).to_contain_text("Enter an amount")
    assert [] == await violations(page)
