"""The pages of processors in a real browser: by hand, by keyboard, narrow, dark, under attack."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, expect

from gateway.app import Gateway
from gateway.settings import Settings
from tests.browser.test_dashboard import HOSTILE, Scheme, at, screen, serious, sign_in
from tests.web.banks import CREDENTIALS, KEY, LOGIN, BankWithAccounts, gateway_with
from tests.web.client import ApiClient

PATH = "/dashboard/processors"


@pytest.fixture
def bank() -> BankWithAccounts:
    """The only processor there is."""
    return BankWithAccounts()


@pytest.fixture
async def gateway(
    settings: Settings, bank: BankWithAccounts, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Gateway]:
    """A running gateway with that bank."""
    async with gateway_with(bank, settings, monkeypatch) as running:
        yield running


@pytest.fixture
def url(gateway: Gateway) -> str:
    return f"http://127.0.0.1:{gateway.port}"


async def filled(api: ApiClient, bank: BankWithAccounts) -> list[str]:
    """The pages of a merchant with many accounts, some with hostile and endless names."""
    paths = [PATH, f"{PATH}/new?processor=simulator"]
    for number, name in enumerate((HOSTILE, "long-" * 50, *map(str, range(8)))):
        bank.reachable = number % 2 == 0
        body = {"processor": "simulator", "name": name, "credentials": CREDENTIALS}
        account = (await api.post("/processor-accounts", {**body, "active": number == 0})).json
        paths.append(f"{PATH}/accounts/{account['id']}")
    return paths[:4]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
async def test_nothing_serious_nothing_too_wide_and_nothing_hostile_runs(
    chromium: Browser, url: str, api: ApiClient, bank: BankWithAccounts, scheme: Scheme, width: int
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
        for path in [PATH, *(await filled(api, bank))]:
            response = await page.goto(url + path)
            assert response is not None
            assert 200 == response.status, path
            found.extend(await serious(page))
            assert width >= await page.evaluate("document.documentElement.scrollWidth"), path
            assert await page.evaluate("window.pwned === undefined"), path

        assert ([], []) == (found, complaints)


async def test_an_owner_adds_an_account_by_keyboard(
    page: Page, url: str, api: ApiClient, bank: BankWithAccounts
) -> None:
    """Errors stand beside their fields; what is secret is empty again; then it is used."""
    await sign_in(page, url)
    await page.goto(url + PATH)
    await at(page, "add-account").focus()
    await page.keyboard.press("Enter")
    await page.get_by_label("Name").focus()
    for text in ("Main", LOGIN, "wrong"):
        await page.keyboard.type(text)
        await page.keyboard.press("Tab")
    await page.keyboard.press("Shift+Tab")
    await page.keyboard.press("Enter")
    await expect(at(page, "form-error")).to_contain_text("Login or key are wrong")
    await expect(page.get_by_label("Login")).to_have_value(LOGIN)
    await expect(page.get_by_label("Key")).to_have_value("")
    await page.get_by_label("Key").fill(KEY)
    await page.keyboard.press("Enter")
    await expect(at(page, "notice")).to_contain_text("The processor takes its credentials")
    await expect(at(page, "account-state")).to_have_text("In use")
    await api.authorized()
    assert ("authorize", CREDENTIALS) == bank.calls[-1]

    await at(page, "account-link").click()
    await at(page, "switch-account").click()
    await expect(at(page, "account-state")).to_have_text("Not in use")
    await at(page, "check-account").click()
    await expect(at(page, "notice")).to_contain_text("takes its credentials")
    await at(page, "delete-account").click()
    await page.keyboard.press("Escape")
    await expect(at(page, "confirm-delete")).to_be_hidden()
    await expect(at(page, "delete-account")).to_be_focused()
    await page.keyboard.press("Enter")
    await at(page, "confirm-delete").click()
    await expect(at(page, "notice")).to_contain_text("kept for the payments made with it")
