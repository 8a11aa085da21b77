"""The developers' docs in a browser: what is copied is what is shown."""

from __future__ import annotations

from playwright.async_api import Browser, expect

from gateway.app import Gateway
from tests.browser.test_dashboard import at, screen, sign_in


async def test_a_snippet_is_copied_as_it_stands(chromium: Browser, gateway: Gateway) -> None:
    """The button puts the whole snippet into the clipboard and says that it did."""
    url = f"http://127.0.0.1:{gateway.port}"
    async with screen(chromium) as (context, page):
        await context.grant_permissions(["clipboard-read", "clipboard-write"], origin=url)
        await sign_in(page, url)
        await page.goto(f"{url}/dashboard/docs")
        section = at(page, "section-create-order")
        await section.get_by_role("link", name="Node").click()
        await page.wait_for_url("**/dashboard/docs?in=node#create-order-section")
        await section.get_by_role("button", name="Copy").click()
        await expect(section.get_by_role("button", name="Copied")).to_be_visible()
        copied = await page.evaluate("navigator.clipboard.readText()")

        assert await at(page, "code-snippet-create-order").text_content() == copied
        assert "createOrder().then(console.log)" in copied


async def test_without_script_there_is_nothing_to_press(
    chromium: Browser, gateway: Gateway
) -> None:
    """A button that could do nothing is not shown; the snippets are."""
    url = f"http://127.0.0.1:{gateway.port}"
    async with screen(chromium, java_script_enabled=False) as (_, page):
        await sign_in(page, url)
        await page.goto(f"{url}/dashboard/docs")

        await expect(page.get_by_role("button", name="Copy")).to_have_count(0)
        await expect(at(page, "code-snippet-webhook")).to_be_visible()
