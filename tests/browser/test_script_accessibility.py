"""The modal and the example shop, looked at with axe-core."""

from __future__ import annotations

from typing import Literal

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, expect

from tests.browser.sites import Shop

Scheme = Literal["light", "dark"]


async def faults(page: Page, context: str | None = None) -> list[str]:
    """What axe-core finds, with where it found it."""
    results = await Axe().run(page, context=context)
    return [
        f"{each['id']}: {node['html']}"
        for each in results.response["violations"]
        for node in each["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_modal_is_accessible(shop: Shop, scheme: Scheme) -> None:
    """Waiting, ready and in error, light and dark: nothing to complain of."""
    shop.gateway.pages.pop("/checkout")
    await shop.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    await shop.page.click("#pay")
    await expect(shop.loading).to_be_visible()
    modal = "[data-test-id=payment-modal]"
    assert [] == await faults(shop.page, modal)
    await expect(shop.error).to_be_visible(timeout=10_000)

    assert [] == await faults(shop.page, modal)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 320])
async def test_the_example_shop_is_accessible(
    chromium: Browser, example_url: str, scheme: Scheme, width: int
) -> None:
    """Its pages, wide and narrow, light and dark; and nothing is cut off at the side."""
    page = await chromium.new_page(
        viewport={"width": width, "height": 640}, color_scheme=scheme, reduced_motion="reduce"
    )
    order = await page.request.post(f"{example_url}/orders", data={"quantity": 2})
    for path in ("/", f"/orders/{(await order.json())['orderId']}"):
        await page.goto(example_url + path)
        assert [] == await faults(page)
        assert width >= await page.evaluate("document.documentElement.scrollWidth")
