"""The simulated bank's page in a real browser."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, expect

from gateway.app import Gateway
from tests.browser.chromium import launched
from tests.browser.sites import Site, running
from tests.checkout.shopper import Shopper
from tests.support import eventually
from tests.web.client import ApiClient


async def opened(browser: Browser, address: str, **options: object) -> tuple[Page, list[str]]:
    """The page, and everything it complains about."""
    page = await (await browser.new_context(**options)).new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: said.type in ("error", "warning") and faults.append(said.text))
    await page.goto(address)
    return page, faults


@pytest.mark.parametrize(
    ("key", "button", "status"),
    [("Enter", "challenge-pass", "success"), ("Space", "challenge-fail", "failed")],
)
async def test_answered_with_the_keyboard_alone(
    api: ApiClient,
    shopper: Shopper,
    chromium: Browser,
    key: str,
    button: str,
    status: str,
) -> None:
    """Tab leads to the buttons, and the answer back to the checkout of this payment."""
    order = await api.order()
    payment, address = await shopper.challenged(order["id"])
    page, faults = await opened(chromium, api.url + address)
    choice = page.locator(f'[data-test-id="{button}"]')
    for _ in range(2):
        await page.keyboard.press("Tab")
        if await choice.evaluate("each => each === document.activeElement"):
            break
    await expect(choice).to_be_focused()
    assert [] == faults
    await page.keyboard.press(key)
    await page.wait_for_url(f"**/checkout?order_id={order['id']}&payment_id={payment['id']}")

    assert await shopper.reached(payment["id"], status)


async def test_the_back_button_shows_how_it_ended(
    api: ApiClient,
    shopper: Shopper,
    chromium: Browser,
) -> None:
    """Whoever goes back to the bank finds nothing to answer, and a way to the checkout."""
    payment, address = await shopper.challenged((await api.order())["id"])
    page, _ = await opened(chromium, api.url + address)
    await page.locator('[data-test-id="challenge-pass"]').click()
    await page.wait_for_url("**/checkout?**")
    await page.go_back()
    challenge = page.locator('[data-test-id="challenge-page"]')
    await expect(challenge).to_have_attribute("data-state", "passed")
    await expect(page.locator("form")).to_have_count(0)
    await page.locator('[data-test-id="challenge-back"]').click()
    await page.wait_for_url(f"**/checkout?**{payment['id']}")

    assert await shopper.reached(payment["id"], "success")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
async def test_everybody_can_use_it(
    api: ApiClient,
    shopper: Shopper,
    chromium: Browser,
    scheme: str,
    width: int,
) -> None:
    """Open and ended: nothing that axe calls serious, nothing wider than the screen."""
    _, still_open = await shopper.challenged((await api.order())["id"])
    _, ended = await shopper.challenged((await api.order())["id"])
    await shopper.answer(ended, "fail")
    size = {"width": width, "height": 640}
    for address in (still_open, ended):
        page, faults = await opened(chromium, api.url + address, viewport=size, color_scheme=scheme)
        found = await Axe().run(page)
        serious = [
            each["id"]
            for each in found.response["violations"]
            if each["impact"] in ("serious", "critical")
        ]
        assert [] == serious
        assert width >= await page.evaluate("document.documentElement.scrollWidth")
        assert [] == faults


async def test_without_scripts_it_works_too(
    api: ApiClient,
    shopper: Shopper,
    gateway: Gateway,
    chromium: Browser,
) -> None:
    """A form and two buttons: nothing on the page needs a script."""
    payment, address = await shopper.challenged((await api.order())["id"])
    page, _ = await opened(chromium, api.url + address, java_script_enabled=False)
    await page.locator('[data-test-id="challenge-fail"]').click()
    await page.wait_for_url("**/checkout?**")

    assert await shopper.reached(payment["id"], "failed")


@pytest.fixture
async def knowing() -> AsyncIterator[Browser]:
    """A browser for which shop.example is on this machine."""
    async with launched("--host-resolver-rules=MAP shop.example 127.0.0.1") as browser:
        yield browser


@pytest.mark.parametrize("allowed", [True, False])
async def test_framed_by_whom_the_shop_names(
    api: ApiClient, shopper: Shopper, knowing: Browser, allowed: bool
) -> None:
    """A page of an allowed origin shows the bank in a frame; on any other it stays empty."""
    payment, address = await shopper.challenged((await api.order())["id"])
    site = Site()
    async with running(site):
        origin = site.url.replace("127.0.0.1", "shop.example")
        site.pages["/"] = f'<iframe src="{api.url}{address}"></iframe>'
        origins = [origin] if allowed else ["https://other.example"]
        await api.call("PATCH", "/merchant", {"allowed_origins": origins})
        page = await knowing.new_page()
        refusals: list[str] = []
        page.on("console", lambda said: refusals.append(said.text))
        await page.goto(origin)
        choice = page.frame_locator("iframe").locator('[data-test-id="challenge-pass"]')
        if allowed:
            await choice.click()
            assert await shopper.reached(payment["id"], "success")
        else:
            await eventually(lambda: [text for text in refusals if "frame-ancestors" in text])
            await expect(choice).to_have_count(0)
