"""The routing pages in a real browser: by keyboard, narrow, dark, with many rules, under attack."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, Page, expect

from gateway.app import Gateway
from tests.browser.test_dashboard import HOSTILE, Scheme, at, screen, serious, sign_in
from tests.web.client import ApiClient

PATH = "/dashboard/routing"


@pytest.fixture
def url(gateway: Gateway) -> str:
    return f"http://127.0.0.1:{gateway.port}"


async def filled(api: ApiClient) -> list[str]:
    """The pages of a merchant with many rules, some with hostile and endless names."""
    currencies = ["AUD", "CAD", "CHF", "CNY", "DKK", "EUR", "GBP", "HKD", "INR", "JPY", "NOK"]
    paths = [PATH, f"{PATH}?amount=12.50&currency=USD&method=card&card_network=visa", f"{PATH}/new"]
    for number, name in enumerate((HOSTILE, "long-" * 50, *map(str, range(12)))):
        body = {
            "name": name,
            "currencies": currencies if number % 2 else [],
            "methods": ["netbanking", "wallet"],
            "processors": ["authorizenet", "simulator"],
            "active": number % 3 != 0,
        }
        rule = (await api.post("/routing-rules", body)).json
        paths.append(f"{PATH}/rules/{rule['id']}")
    return paths[:5]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
async def test_nothing_serious_nothing_too_wide_and_nothing_hostile_runs(
    chromium: Browser, url: str, api: ApiClient, scheme: Scheme, width: int
) -> None:
    """axe-core finds nothing serious; pages fit; what people wrote is text; the policy holds."""
    size = {"width": width, "height": 844}
    async with screen(chromium, viewport=size, color_scheme=scheme) as (_, page):
        found: list[str] = []
        complaints: list[str] = []
        page.on(
            "console",
            lambda said: complaints.append(said.text) if "Content Security" in said.text else None,
        )
        await sign_in(page, url)
        for path in [PATH, *(await filled(api))]:
            response = await page.goto(url + path)
            assert response is not None
            assert 200 == response.status, path
            found.extend(await serious(page))
            assert width >= await page.evaluate("document.documentElement.scrollWidth"), path
            assert await page.evaluate("window.pwned === undefined"), path

        assert ([], []) == (found, complaints)


async def test_an_owner_makes_and_orders_rules_by_keyboard(
    page: Page, url: str, api: ApiClient
) -> None:
    """A mistake stands beside its field; then the rule is there, moves up, and explains itself."""
    await sign_in(page, url)
    await page.goto(url + PATH)
    await expect(at(page, "otherwise")).to_contain_text("simulated bank")
    for name in ("Cards", "Large"):
        await at(page, "add-rule").focus()
        await page.keyboard.press("Enter")
        await page.get_by_label("Name").focus()
        await page.keyboard.type(name)
        await page.get_by_label("Amount from").focus()
        await page.keyboard.type("1000")
        await at(page, "rule-processor").first.focus()
        await page.keyboard.type("sim")
        await at(page, "save-rule").focus()
        await page.keyboard.press("Enter")
        await expect(at(page, "error-amount_min")).to_contain_text("exactly one currency")
        await page.get_by_label("Currencies").focus()
        await page.keyboard.type("inr")
        await page.keyboard.press("Enter")
        await expect(at(page, "notice")).to_contain_text("The rule was added")
    await at(page, "move-up").nth(1).focus()
    await page.keyboard.press("Enter")
    await expect(at(page, "notice")).to_contain_text("Large is now number 1")
    await expect(at(page, "rule-link")).to_have_text(["Large", "Cards"])
    await at(page, "try-amount").fill("5000")
    await page.keyboard.press("Enter")
    await expect(at(page, "answer")).to_contain_text("goes to simulator")
    await expect(at(page, "step").first).to_contain_text("Large")

    await at(page, "rule-link").first.click()
    await at(page, "delete-rule").click()
    await page.keyboard.press("Escape")
    await expect(at(page, "delete-rule")).to_be_focused()
    await page.keyboard.press("Enter")
    await at(page, "confirm-delete").click()
    await expect(at(page, "notice")).to_contain_text("deleted")
    assert ["Cards"] == [each["name"] for each in (await api.get("/routing-rules")).json["data"]]
