"""The dashboard in a real browser: by keyboard, without script, narrow, dark, and under attack."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, BrowserContext, Dialog, Locator, Page, Request, expect

from gateway.app import Gateway
from gateway.seeding import TEST_EMAIL, TEST_KEY, TEST_PASSWORD
from gateway.storage.pool import Pool
from tests.browser.sites import Site, running

Scheme = Literal["light", "dark"]

PAGES = (
    "/dashboard/account",
    "/dashboard/keys",
    "/dashboard/team",
    "/dashboard/settings",
    "/dashboard/docs?in=python",
    "/dashboard/audit",
    "/dashboard/audit?action=key.revoked",
)
HOSTILE = '<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>\'"{{7*7}}'


@pytest.fixture
def url(gateway: Gateway) -> str:
    return f"http://127.0.0.1:{gateway.port}"


def at(place: Page | Locator, name: str) -> Locator:
    """What has this test id."""
    return place.locator(f"[data-test-id={name}]")


async def sign_in(page: Page, url: str) -> None:
    """The seeded owner, through the form."""
    await page.goto(f"{url}/login")
    await at(page, "email-input").fill(TEST_EMAIL)
    await at(page, "password-input").fill(TEST_PASSWORD)
    await at(page, "login-button").click()
    await page.wait_for_url("**/dashboard")


@asynccontextmanager
async def screen(browser: Browser, **options: Any) -> AsyncIterator[tuple[BrowserContext, Page]]:
    context = await browser.new_context(**options)
    try:
        yield context, await context.new_page()
    finally:
        await context.close()


async def serious(page: Page) -> list[str]:
    """What axe-core calls serious or critical, with where it found it."""
    results = await Axe().run(page)
    return [
        f"{page.url} {each['id']}: {node['html']}"
        for each in results.response["violations"]
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]


async def test_signing_in_by_keyboard(page: Page, url: str) -> None:
    """The address has the focus at once; Tab, Enter; and the first Tab skips the navigation."""
    await page.goto(f"{url}/login?next=/dashboard/team")
    await page.keyboard.type(TEST_EMAIL)
    await page.keyboard.press("Tab")
    await page.keyboard.type(TEST_PASSWORD)
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"{url}/dashboard/team")
    await page.keyboard.press("Tab")
    await expect(page.get_by_text("Skip to content")).to_be_focused()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")

    # The first thing to use in the content, not in the bar or the navigation.
    assert await page.evaluate("document.activeElement.closest('main') !== null")


async def test_a_wrong_password_is_read_out(page: Page, url: str) -> None:
    """The message is an alert, the address is still there, and the password has the focus."""
    await page.goto(f"{url}/login")
    await at(page, "email-input").fill(TEST_EMAIL)
    await at(page, "password-input").fill("wrong password")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("do not belong together")
    await expect(at(page, "email-input")).to_have_value(TEST_EMAIL)
    await expect(at(page, "password-input")).to_be_focused()
    await expect(at(page, "password-input")).to_have_value("")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
async def test_nothing_serious_and_nothing_too_wide(
    chromium: Browser, url: str, scheme: Scheme, width: int
) -> None:
    """axe-core finds nothing serious on any page, and no page is wider than its screen."""
    size = {"width": width, "height": 844}
    async with screen(chromium, viewport=size, color_scheme=scheme) as (_, page):
        await page.goto(f"{url}/login")
        found = await serious(page)
        await sign_in(page, url)
        await page.goto(f"{url}/dashboard/team")
        address = "somebody.with.a.very.long.name@a.very.long.domain.example"
        await page.get_by_label("E-mail").fill(address)
        await at(page, "invite-button").click()
        link = await at(page, "invitation-link").input_value()
        found += await serious(page)
        for path in (*PAGES, link.removeprefix(url), "/invitations/none"):
            await page.goto(url + path)
            found += await serious(page)

            assert width >= await page.evaluate("document.documentElement.scrollWidth"), path

        assert [] == found


async def test_all_of_it_works_without_script(chromium: Browser, url: str) -> None:
    """Narrow and without script: navigation, mode, a new key, a question, signing out."""
    size = {"width": 390, "height": 844}
    async with screen(chromium, viewport=size, java_script_enabled=False) as (_, page):
        await sign_in(page, url)
        navigation = page.get_by_role("navigation", name="Dashboard")
        await expect(navigation).to_be_hidden()
        await page.get_by_role("button", name="Open navigation").click()
        await expect(navigation).to_be_visible()
        await navigation.get_by_role("link", name="API keys").click()
        await page.wait_for_url("**/dashboard/keys")
        await expect(page.get_by_role("link", name="API keys")).to_have_count(0)
        await at(page, "create-key-button").click()
        made = await at(page, "new-key-id").input_value()
        row = page.locator(f"[data-key-id={made}]")
        await at(row, "revoke-button").click()
        await at(row, "confirm-revoke").click()
        await expect(at(page, "notice")).to_contain_text(made)
        await expect(row).to_contain_text("Revoked")
        await page.get_by_role("button", name="Live").click()
        await expect(page.get_by_role("button", name="Live")).to_have_attribute(
            "aria-pressed", "true"
        )
        await expect(page.locator(f"[data-key-id={TEST_KEY}]")).to_have_count(0)
        await at(page, "user-menu-button").click()
        await at(page, "logout-button").click()
        await page.wait_for_url("**/login")


async def test_questions_are_left_by_escape(page: Page, url: str) -> None:
    """Escape keeps the key, and the focus is where it was."""
    await sign_in(page, url)
    await page.goto(f"{url}/dashboard/keys")
    button = at(page, "revoke-button")
    await button.focus()
    await page.keyboard.press("Enter")
    await expect(at(page, "confirm-revoke")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(at(page, "confirm-revoke")).to_be_hidden()
    await expect(button).to_be_focused()


async def test_nothing_comes_from_elsewhere_and_nothing_hostile_runs(
    page: Page, url: str, pool: Pool
) -> None:
    """Names with markup in them are text on every page; no other host is asked for anything."""
    await pool.execute("UPDATE users SET name = $1", HOSTILE)
    await pool.execute("UPDATE merchants SET name = $1", HOSTILE)
    asked: list[str] = []
    complaints: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url)

    async def dismiss(dialog: Dialog) -> None:
        complaints.append(dialog.message)
        await dialog.dismiss()

    page.on("request", note)
    page.on("dialog", dismiss)
    page.on(
        "console",
        lambda message: complaints.append(message.text) if message.type == "error" else None,
    )
    await sign_in(page, url)
    await page.goto(f"{url}/dashboard/team")
    await page.get_by_label("E-mail").fill("new@shop.example")
    await at(page, "invite-button").click()
    link = await at(page, "invitation-link").input_value()
    for path in (*PAGES, link.removeprefix(url)):
        await page.goto(url + path)

        assert await page.evaluate("window.pwned === undefined"), path
        assert "onerror" in await page.inner_text("body"), path

    assert [] == complaints
    assert [] == [each for each in asked if not each.startswith(url)]


FORGERY = """<!doctype html><title>Prizes</title>
<form method=post action="%(gateway)s/dashboard/mode"><input name=mode value=live></form>
<iframe src="%(gateway)s/dashboard/keys"></iframe><iframe src="%(gateway)s/login"></iframe>
<button onclick="document.forms[0].submit()">Win</button>"""


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_hostile_page_neither_frames_nor_posts(page: Page, url: str, host: str) -> None:
    """Neither one of the same site, on another port, nor one of another site."""
    await sign_in(page, url)
    site = Site()
    async with running(site):
        site.pages["/"] = FORGERY % {"gateway": url}
        await page.goto(site.url.replace("127.0.0.1", host))
        texts = [await frame.inner_text("body") for frame in page.frames[1:]]
        await page.get_by_role("button", name="Win").click()
        await page.wait_for_url(lambda address: address.startswith(url))
    shown = await page.inner_text("body")
    await page.goto(f"{url}/dashboard/account")

    assert 2 == len(texts)
    assert not any("API keys" in text or "Sign in" in text for text in texts)
    assert "This page is too old" in shown
    await expect(page.get_by_role("button", name="Test", exact=True)).to_have_attribute(
        "aria-pressed", "true"
    )
