"""checkout.js while its frame is on the way, when it never comes, and on guarded pages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from playwright.async_api import expect

from tests.browser.sites import READY, SILENT, SUCCESS, Shop


@pytest.fixture
async def gate() -> AsyncIterator[asyncio.Event]:
    """What a page that takes its time waits for; opened at the end in any case."""
    event = asyncio.Event()
    yield event
    event.set()


def page(text: str, status: int = 200) -> web.Response:
    return web.Response(text=text, content_type="text/html", charset="utf-8", status=status)


async def test_a_sign_shows_until_the_page_works(shop: Shop) -> None:
    """The waiting sign covers the frame until the page itself says that it works."""
    shop.gateway.pages["/checkout"] = SILENT
    await shop.page.click("#pay")
    await shop.inside.locator("#first").wait_for()
    await expect(shop.loading).to_be_visible()
    await expect(shop.loading).to_have_role("status")
    await shop.say("checkout_ready")

    await expect(shop.loading).to_be_hidden()
    await expect(shop.error).to_be_hidden()


async def test_a_page_that_never_comes_is_told_of(shop: Shop, gate: asyncio.Event) -> None:
    """After twenty seconds the shopper reads what happened and can try again."""

    async def wait(_request: web.Request) -> web.Response:
        await gate.wait()
        return page(READY)

    shop.gateway.pages["/checkout"] = wait
    await shop.stop_clock()
    await shop.page.click("#pay")
    await shop.page.clock.run_for(19_500)
    await expect(shop.error).to_be_hidden()
    await shop.page.clock.run_for(1_000)
    await expect(shop.error).to_be_visible()
    await expect(shop.error).to_have_role("alert")
    await expect(shop.by("modal-retry-button")).to_be_focused()
    shop.gateway.pages["/checkout"] = READY
    await shop.page.keyboard.press("Enter")
    await expect(shop.loading).to_be_hidden()

    await shop.say("payment_success", SUCCESS)
    assert [["onSuccess", SUCCESS]] == await shop.calls()


@pytest.mark.parametrize("how", ["refused to be framed", "error page", "no connection"])
async def test_a_page_that_cannot_work_is_told_of(shop: Shop, how: str) -> None:
    """A frame that loads something else than a checkout is given five seconds."""
    if how == "refused to be framed":
        shop.gateway.headers = {"Content-Security-Policy": "frame-ancestors 'none'"}
    elif how == "error page":
        shop.gateway.pages.pop("/checkout")
    else:
        await shop.gateway.stop()
    await shop.stop_clock()
    await shop.page.click("#pay")
    await shop.page.wait_for_function("document.querySelector('iframe').contentDocument === null")
    await shop.page.clock.run_for(5_500)

    await expect(shop.error).to_be_visible()
    await expect(shop.error).to_contain_text("You have not been charged")


async def test_a_page_that_is_late_is_welcome(shop: Shop) -> None:
    """A page that works after it was given up takes the place of the error."""
    shop.gateway.pages["/checkout"] = SILENT
    await shop.stop_clock()
    await shop.page.click("#pay")
    await shop.inside.locator("#first").wait_for()
    await shop.page.clock.run_for(21_000)
    await expect(shop.error).to_be_visible()
    await shop.say("checkout_ready")

    await expect(shop.error).to_be_hidden()
    await expect(shop.inside.locator("#first")).to_be_visible()


async def test_an_error_can_be_closed(shop: Shop) -> None:
    """Tab goes between the two buttons, and closing tells the shop."""
    shop.gateway.pages.pop("/checkout")
    await shop.stop_clock()
    await shop.page.click("#pay")
    await shop.page.wait_for_function("document.querySelector('iframe').contentDocument === null")
    await shop.page.clock.run_for(21_000)
    await expect(shop.by("modal-retry-button")).to_be_focused()
    await shop.page.keyboard.press("Tab")
    await expect(shop.by("close-modal-button")).to_be_focused()
    await shop.page.keyboard.press("Shift+Tab")
    await expect(shop.by("modal-retry-button")).to_be_focused()
    await shop.page.keyboard.press("Escape")

    await expect(shop.modal).to_have_count(0)
    assert [["onClose"]] == await shop.calls()


async def test_a_later_page_in_the_frame_is_not_waited_for(shop: Shop) -> None:
    """Once the checkout has worked, a bank's page in its frame may take as long as it takes."""
    frame = await shop.open()
    shop.gateway.pages["/bank"] = "<!doctype html><title>bank</title><p>Enter your code"
    await shop.stop_clock()
    await frame.evaluate("location.assign('/bank')")
    await shop.inside.get_by_text("Enter your code").wait_for()
    await shop.page.clock.run_for(60_000)

    await expect(shop.error).to_be_hidden()


async def test_a_strict_policy_of_the_shop_is_kept(shop: Shop) -> None:
    """With the two permissions of the documentation everything works, styles included."""
    gateway = shop.gateway.url
    shop.site.headers = {
        "Content-Security-Policy": f"default-src 'none'; script-src 'self' {gateway};"
        f" frame-src {gateway}; base-uri 'none'; require-trusted-types-for 'script'"
    }
    await shop.visit()
    await shop.open()
    assert "fixed" == await shop.modal.evaluate("modal => getComputedStyle(modal).position")
    assert 440 == await shop.modal.evaluate("modal => modal.offsetWidth")
    await shop.say("payment_success", SUCCESS)
    await shop.by("close-modal-button").click()
    await expect(shop.modal).to_have_count(0)

    assert [["onSuccess", SUCCESS], ["onClose"]] == await shop.calls()
    violations: list[str] = await shop.page.evaluate("violations")
    assert [] == [each for each in violations if "favicon" not in each]


async def test_a_browser_without_dialogs_pays_on_the_full_page(shop: Shop) -> None:
    """Where the modal cannot be shown the whole page goes to the checkout."""
    await shop.page.evaluate("delete window.HTMLDialogElement; checkout.open()")
    await shop.page.wait_for_url(f"{shop.gateway.url}/checkout?**")

    assert "embedded" not in shop.page.url
    assert "order_id=order_0123456789abcdef" in shop.page.url
