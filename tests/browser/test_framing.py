"""Who may frame the checkout and hear from it: the merchant's origins, in test mode loopback."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable

import pytest
from playwright.async_api import Page, expect

from gateway.app import Gateway
from gateway.seeding import TEST_MERCHANT_ID
from tests.browser.sites import Shop, Site, running
from tests.web.client import ApiClient
from tests.web.merchants import Administrator

SHOP = "https://shop.example"


@pytest.fixture
async def live(administrator: Administrator, client_for: Callable[..., ApiClient]) -> ApiClient:
    """The test merchant with a live key."""
    made = await administrator.key(TEST_MERCHANT_ID, mode="live")
    return client_for(made.key, made.secret)


@pytest.fixture
async def stall(page: Page, gateway: Gateway) -> AsyncIterator[Shop]:
    """A page of another origin with the real gateway's script."""
    real = Site()
    real.url = f"http://127.0.0.1:{gateway.port}"
    site = Site()
    async with running(site):
        shop = Shop(page, site, real)
        await shop.visit()
        yield shop


async def ancestors(api: ApiClient, path: str) -> list[str]:
    """The sources of `frame-ancestors` of a page; there must be exactly one such directive."""
    async with api.session.get(f"{api.url}{path}") as response:
        policy = response.headers["Content-Security-Policy"]
    (found,) = re.findall(r"frame-ancestors ([^;]+)", policy)
    return found.split()


async def open_at(shop: Shop, order: str, key: str) -> None:
    await shop.page.evaluate(
        "([orderId, key]) => new PaymentGateway(options({orderId, key})).open()", [order, key]
    )


async def test_a_test_order_is_for_loopback(api: ApiClient) -> None:
    """In test mode any page on this machine may frame it, and no page from anywhere else."""
    order = await api.order()
    found = await ancestors(api, f"/checkout?order_id={order['id']}")

    assert {"'self'"} < set(found)
    assert [] == [each for each in found if not re.search(r"self|//(127\.0\.0\.1|localhost)", each)]
    assert "*" not in found


async def test_a_live_order_is_for_the_merchants_origins(live: ApiClient) -> None:
    """In live mode the origins that the merchant named, and not even loopback."""
    order = await live.order()
    path = f"/checkout?order_id={order['id']}&origin={SHOP}&embedded=true"
    assert ["'self'"] == await ancestors(live, path)
    changed = await live.call("PATCH", "/merchant", {"allowed_origins": [SHOP]})
    assert 200 == changed.status, changed.body

    assert ["'self'", SHOP] == await ancestors(live, path)


@pytest.mark.parametrize("path", ["/login", "/dashboard", "/checkout", "/nowhere"])
async def test_no_other_page_may_be_framed(api: ApiClient, path: str) -> None:
    """The sign-in, the dashboard and pages of errors are shown in nobody's frame."""
    async with api.session.get(f"{api.url}{path}", headers={"Accept": "text/html"}) as response:
        policy = response.headers.get("Content-Security-Policy", "")
        assert "frame-ancestors 'none'" in policy or "frame-ancestors 'self'" in policy


async def test_a_strangers_page_shows_no_live_checkout(stall: Shop, live: ApiClient) -> None:
    """On a page that the merchant did not name the browser refuses, and the script says so."""
    order = await live.order()
    await stall.stop_clock()
    await open_at(stall, order["id"], live.credentials["X-Api-Key"])
    await stall.page.wait_for_function("document.querySelector('iframe').contentDocument === null")
    await stall.page.clock.run_for(21_000)

    await expect(stall.error).to_be_visible()


async def test_a_named_page_shows_the_live_checkout(stall: Shop, live: ApiClient) -> None:
    """Once the merchant has named the origin, the same page works."""
    origins = {"allowed_origins": [stall.site.url]}
    assert 200 == (await live.call("PATCH", "/merchant", origins)).status
    order = await live.order()
    await open_at(stall, order["id"], live.credentials["X-Api-Key"])

    await expect(stall.loading).to_be_hidden()
    await expect(stall.inside.locator('[data-test-id="order-id"]')).to_have_text(order["id"])


async def test_a_frame_tells_only_whom_it_was_told_to(
    page: Page, gateway: Gateway, api: ApiClient
) -> None:
    """A page that frames the checkout under another's origin hears nothing of the payment."""
    order = await api.order()
    url = f"http://127.0.0.1:{gateway.port}/checkout?order_id={order['id']}&embedded=true"
    site = Site()
    async with running(site):
        for named, hears in ((site.url, True), ("http://127.0.0.1:1", False), (SHOP, False)):
            site.pages["/"] = (
                "<!doctype html><script>const heard = [];"
                "addEventListener('message', (event) => heard.push(event.data.type))</script>"
                f"<iframe data-test-id=payment-iframe src='{url}&origin={named}'></iframe>"
            )
            await page.goto(f"{site.url}/")
            frame = page.frame_locator("iframe")
            await frame.locator('[data-test-id="pay-button"]').wait_for()
            await page.wait_for_load_state("networkidle")
            assert hears == ("checkout_ready" in await page.evaluate("heard"))


async def test_looks_and_names_reach_the_page(stall: Shop, api: ApiClient) -> None:
    """The shop says theme, colour and prefill; frame and modal are of one paper."""
    order = await api.order()
    await stall.page.evaluate(
        "orderId => new PaymentGateway(options({orderId, theme: {mode: 'dark', color: '#00aa77'},"
        " prefill: {name: 'Asha Rao', method: 'card'}})).open()",
        order["id"],
    )
    await expect(stall.loading).to_be_hidden()
    inside = stall.inside.locator
    paper = "element => getComputedStyle(element).backgroundColor"

    await expect(inside('[data-test-id="cardholder-name-input"]')).to_have_value("Asha Rao")
    assert await stall.modal.evaluate(paper) == await inside("body").evaluate(paper)
    button = await inside('[data-test-id="pay-button"]').evaluate(paper)
    assert "rgb(0, 170, 119)" == button
