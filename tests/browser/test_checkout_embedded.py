"""The checkout in a frame of a shop of another origin: who may frame it, and what it tells whom."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import pytest
from playwright.async_api import FrameLocator, Page, expect

from gateway.security.signatures import checkout_signature
from gateway.seeding import TEST_KEY, TEST_SECRET
from tests.browser.checkouts import CHALLENGED, NO_MONEY, Checkout
from tests.browser.sites import Site, running
from tests.support import eventually

SHOP = """<!doctype html><title>shop</title><iframe id=frame width=440 height=708 src="%s"></iframe>
<script>const heard = [];
addEventListener("message", (event) => heard.push([event.origin, event.data]));</script>"""


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    """The shop: another port of loopback, so another origin."""
    shop = Site()
    async with running(shop):
        yield shop


async def embed(checkout: Checkout, site: Site, origin: str | None = None) -> FrameLocator:
    """Open the shop's page with the checkout in it; the frame."""
    checkout.order_id = (await checkout.api.order())["id"]
    told = quote(origin or site.url, safe="")
    address = checkout.address(embedded="true", key=TEST_KEY, origin=told)
    site.pages["/"] = SHOP % address.replace("&", "&amp;")
    await checkout.page.goto(f"{site.url}/")
    return checkout.page.frame_locator("#frame")


async def heard(page: Page, kind: str) -> list[Any]:
    """Wait for a message of this type; all that were heard of it, with their origins."""

    async def look() -> list[Any]:
        messages = await page.evaluate("heard")
        return [each for each in messages if each[1].get("type") == kind]

    return await eventually(look)


def by(frame: FrameLocator, test_id: str) -> Any:
    return frame.locator(f'[data-test-id="{test_id}"]')


async def pay(frame: FrameLocator, number: str = "4242424242424242") -> None:
    await by(frame, "method-card").click()
    for field, text in (
        ("card-number-input", number),
        ("expiry-input", "12/35"),
        ("cvv-input", "123"),
    ):
        await by(frame, field).fill(text)
    await by(frame, "pay-button").click()


async def test_a_success_is_told_once_with_its_signature(checkout: Checkout, site: Site) -> None:
    """The page says that it works, then what was paid, signed with the script's key."""
    frame = await embed(checkout, site)
    assert [[checkout.url, {"type": "checkout_ready"}]] == await heard(
        checkout.page, "checkout_ready"
    )
    await pay(frame)
    await expect(by(frame, "success-state")).to_be_visible()

    ((origin, message),) = await heard(checkout.page, "payment_success")
    (payment,) = await checkout.payments()
    assert checkout.url == origin
    assert {
        "paymentId": payment["id"],
        "orderId": checkout.order_id,
        "signature": checkout_signature(checkout.order_id, payment["id"], TEST_SECRET),
    } == message["data"]


async def test_a_failure_is_told_and_another_try_succeeds(checkout: Checkout, site: Site) -> None:
    """Each attempt is told by itself."""
    frame = await embed(checkout, site)
    await pay(frame, NO_MONEY)
    await expect(by(frame, "error-state")).to_be_visible()
    ((_, message),) = await heard(checkout.page, "payment_failed")
    assert ("PAYMENT_FAILED", "insufficient_funds", checkout.order_id) == tuple(
        message["data"][name] for name in ("code", "reason", "orderId")
    )

    await by(frame, "retry-button").click()
    await pay(frame)
    await expect(by(frame, "success-state")).to_be_visible()
    assert 1 == len(await heard(checkout.page, "payment_success"))


async def test_a_challenge_in_the_frame(checkout: Checkout, site: Site) -> None:
    """Shop, checkout and bank in each other: the bank's page is there, and the success arrives."""
    frame = await embed(checkout, site)
    await pay(frame, CHALLENGED)
    bank = frame.frame_locator('[data-test-id="challenge-frame"]')
    await bank.locator('[data-test-id="challenge-pass"]').click()

    await expect(by(frame, "success-state")).to_be_visible()
    assert 1 == len(await heard(checkout.page, "payment_success"))
    assert 1 == len(await heard(checkout.page, "checkout_ready"))


async def test_escape_asks_to_be_closed(checkout: Checkout, site: Site) -> None:
    """The shop's page sees no keys of the frame, so the frame says it."""
    frame = await embed(checkout, site)
    await by(frame, "vpa-input").press("Escape")

    assert [[checkout.url, {"type": "close_modal"}]] == await heard(checkout.page, "close_modal")


async def test_nothing_is_told_to_another_origin(checkout: Checkout, site: Site) -> None:
    """Messages go to the origin that was named, and only if the merchant allows it."""
    other = Site("127.0.0.1")
    async with running(other):
        frame = await embed(checkout, site, origin=other.url)
        await pay(frame)
        await expect(by(frame, "success-state")).to_be_visible()
    assert [] == await checkout.page.evaluate("heard")
    checkout.faults.clear()  # the browser tells of messages for another page than this one

    frame = await embed(checkout, site, origin="https://evil.example")
    await pay(frame)
    await expect(by(frame, "success-state")).to_be_visible()
    assert [] == await checkout.page.evaluate("heard")


async def test_a_stranger_may_not_frame_it(checkout: Checkout, site: Site) -> None:
    """Clickjacking: in a page that is not the merchant's nothing is shown."""
    evil = "http://evil.example"
    checkout.order_id = (await checkout.api.order())["id"]
    html = SHOP % checkout.address().replace("&", "&amp;")
    await checkout.page.route(
        f"{evil}/", lambda route: route.fulfill(body=html, content_type="text/html")
    )
    await checkout.page.goto(f"{evil}/")

    async def refused() -> bool:
        element = await checkout.page.query_selector("#frame")
        frame = await element.content_frame() if element else None
        return frame is not None and frame.url.startswith("chrome-error:")

    assert await eventually(refused)
    checkout.faults.clear()  # the browser says why
