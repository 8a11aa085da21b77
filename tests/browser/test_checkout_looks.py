"""How the checkout looks and is read: accessible in every state, narrow, dark, calm, translated."""

from __future__ import annotations

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, Route, expect

from gateway.app import Gateway
from tests.browser.checkouts import CHALLENGED, NO_MONEY, Checkout
from tests.web.client import ApiClient

EVIL = "<img src=x onerror=\"document.title='run'\"><script>document.title='run'</script>"
SERIOUS = ("serious", "critical")


async def violations(page: Page) -> list[str]:
    """What axe-core finds that keeps people out."""
    found = await Axe().run(page)
    return [
        f"{each['id']}: {node['html'][:120]} {node.get('failureSummary', '')[:200]}"
        for each in found.response["violations"]
        if each["impact"] in SERIOUS
        for node in each["nodes"]
    ]


async def fits(page: Page) -> bool:
    """Whether nothing sticks out at the side."""
    wide: bool = await page.evaluate(
        "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    )
    return wide


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_state_can_be_used_by_everybody(
    chromium: Browser, api: ApiClient, gateway: Gateway, scheme: str
) -> None:
    """No serious finding of axe-core in any state, by day and by night, at 320 pixels."""
    page = await chromium.new_page(
        viewport={"width": 320, "height": 640}, color_scheme=scheme, reduced_motion="reduce"
    )
    checkout = Checkout(page, api, gateway)
    found: dict[str, list[str]] = {}

    async def look(state: str) -> None:
        found[state] = await violations(page)
        assert await fits(page), state

    await checkout.open()
    await look("upi")
    for method in ("card", "netbanking", "wallet"):
        await checkout.by(f"method-{method}").click()
        await look(method)
        await checkout.by("pay-button").click()
        await look(f"{method} with errors")
    await checkout.pay_with_card(NO_MONEY)
    await checkout.shows("error-state")
    await look("failure")
    await checkout.by("retry-button").click()
    await checkout.pay_with_card(CHALLENGED)
    await checkout.shows("challenge-state")
    await checkout.bank.locator('[data-test-id="challenge-pass"]').wait_for()
    await look("challenge")
    await checkout.bank.locator('[data-test-id="challenge-pass"]').click()
    await checkout.shows("success-state")
    await look("success")
    await page.goto(checkout.address())
    await checkout.shows("paid-state")
    await look("paid")
    await checkout.open()
    await checkout.pay_with_upi("timeout@bank")
    await expect(page.locator("#unknown-note")).to_be_visible()
    await look("unknown")
    for path in ("/checkout?order_id=nope", "/failure", "/nowhere"):
        await page.goto(checkout.url + path)
        await look(path)

    assert {} == {state: wrong for state, wrong in found.items() if wrong}
    assert [] == checkout.faults


@pytest.mark.parametrize("width", [320, 390, 440, 768, 1280])
async def test_it_fits_every_width(checkout: Checkout, width: int) -> None:
    """Also with the largest amount and a long name without blanks."""
    await checkout.api.call("PATCH", "/merchant", {"name": "Donaudampfschiffahrtsgesellschaft" * 4})
    await checkout.page.set_viewport_size({"width": width, "height": 700})
    await checkout.open(await checkout.api.order(amount=999_999_999_999))
    for method in ("upi", "card", "netbanking", "wallet"):
        await checkout.by(f"method-{method}").click()
        assert await fits(checkout.page), method
        box = await checkout.by("pay-button").bounding_box()
        assert box is not None
        assert 44 <= box["height"], "large enough for a thumb"


async def test_in_hindi(checkout: Checkout) -> None:
    """Every word of the page and its script, chosen by a link that keeps everything else."""
    await checkout.open()
    await checkout.by("method-card").click()
    await checkout.page.locator('a[data-language="hi"]').click()
    await expect(checkout.page.locator("h1:visible")).to_have_text("भुगतान पूरा करें")
    await expect(checkout.page.locator("html")).to_have_attribute("lang", "hi")
    await checkout.by("pay-button").click()
    await expect(checkout.page.locator("#vpa-error")).to_contain_text("UPI आईडी")
    await checkout.pay_with_card(NO_MONEY)

    await checkout.shows("error-state")
    await expect(checkout.by("error-message")).to_contain_text("पर्याप्त राशि नहीं")
    await checkout.by("retry-button").click()
    await checkout.pay_with_card()
    await checkout.shows("success-state")
    await expect(checkout.page.locator('[data-fill="date"]')).to_contain_text("20")
    await expect(checkout.page.locator('[data-fill="date"]')).not_to_contain_text("AM")
    await expect(checkout.page.locator('[data-fill="date"]')).not_to_contain_text("PM")


async def test_first_paint_does_not_wait_for_scripts(checkout: Checkout) -> None:
    """With scripts that never arrive the order and the form are there, and can be filled in."""

    async def never(route: Route) -> None:
        del route

    await checkout.page.route("**/*.js", never)
    checkout.order_id = (await checkout.api.order())["id"]
    await checkout.page.goto(checkout.address(), wait_until="commit")
    await expect(checkout.by("order-amount")).to_have_text("₹500.00")
    await checkout.by("method-card").click()
    await expect(checkout.by("card-number-input")).to_be_visible()


async def test_the_browser_runs_only_what_is_listed(checkout: Checkout) -> None:
    """The scripts that Chromium loaded are those of the published inventory, and no others."""
    await checkout.open()
    loaded = await checkout.page.evaluate(
        "performance.getEntriesByType('resource').filter(e => e.initiatorType === 'script')"
        ".map(e => new URL(e.name).pathname)"
    )
    listed = (await checkout.api.get("//checkout/scripts.json")).json["scripts"]

    assert sorted(each["url"] for each in listed) == sorted(loaded)
    hosts = await checkout.page.evaluate(
        "performance.getEntriesByType('resource').map(e => new URL(e.name).origin)"
    )
    assert {checkout.url} == set(hosts)


async def test_strangers_texts_stay_texts(checkout: Checkout) -> None:
    """Markup in the merchant's name, in the address and in what is prefilled is never run."""
    await checkout.api.call("PATCH", "/merchant", {"name": EVIL})
    order = await checkout.api.order()
    checkout.order_id = order["id"]
    fragment = '#prefill={"name":"<img src=x onerror=alert(1)>","method":"card"}'
    await checkout.page.goto(checkout.address(lang="%3Cimg%3E", theme="x%22%3E") + fragment)

    await expect(checkout.by("merchant-name")).to_have_text(EVIL)
    await checkout.by("card-number-input").fill("4242424242424242")
    await checkout.by("expiry-input").fill("12/35")
    await checkout.by("cvv-input").fill("123")
    await checkout.by("pay-button").click()
    await checkout.shows("success-state")
    await expect(checkout.by("success-message")).to_contain_text(EVIL)
    assert "run" != await checkout.page.title()


async def test_a_logo_that_does_not_load(checkout: Checkout) -> None:
    """The initials stand where it would be."""
    logo = "https://cdn.shop.example/logo.png"
    await checkout.api.call("PATCH", "/merchant", {"branding": {"logo_url": logo}})
    await checkout.page.route(logo, lambda route: route.abort())
    await checkout.open()

    await expect(checkout.page.locator("#logo")).to_have_count(0)
    await expect(checkout.by("order-summary")).to_contain_text("TM")
