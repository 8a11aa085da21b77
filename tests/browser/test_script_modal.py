"""checkout.js as people meet it: focus, keys, scrolling, size, darkness, motion, closing."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.sites import Shop, Site, running

FOCUSED = """() => {
  const at = document.activeElement;
  return at.dataset.testId || at.id || at.tagName;
}"""


async def background(shop: Shop) -> str:
    colour: str = await shop.modal.evaluate("modal => getComputedStyle(modal).backgroundColor")
    return colour


async def test_the_modal_covers_the_page(shop: Shop) -> None:
    """It has a name for screen readers, its frame too, and stands above all."""
    await shop.open()

    await expect(shop.modal).to_have_id("payment-gateway-modal")
    await expect(shop.modal).to_have_role("dialog")
    await expect(shop.modal).to_have_accessible_name("Payment")
    await expect(shop.by("close-modal-button")).to_have_accessible_name("Close")
    await expect(shop.by("payment-iframe")).to_have_attribute("title", "Payment")
    await expect(shop.by("close-modal-button").locator("path")).to_be_visible()
    assert await shop.modal.evaluate("modal => modal.matches(':modal')")


async def test_the_page_behind_is_out_of_reach(shop: Shop) -> None:
    """Neither the mouse nor a script's focus gets behind the modal, and nothing scrolls there."""
    box = await shop.page.locator("#elsewhere").bounding_box()
    assert box is not None
    await shop.open()
    await shop.page.mouse.click(box["x"] + 2, box["y"] + 2)
    await shop.page.evaluate("document.getElementById('elsewhere').focus()")
    await shop.page.mouse.move(5, 5)
    await shop.page.mouse.wheel(0, 600)

    assert "#elsewhere" not in shop.page.url
    assert "payment-modal" == await shop.page.evaluate(FOCUSED)
    assert "hidden" == await overflow(shop)
    assert 0 == await shop.page.evaluate("scrollY")


async def overflow(shop: Shop) -> str:
    style: str = await shop.page.evaluate("getComputedStyle(document.documentElement).overflowY")
    return style


@pytest.mark.parametrize("own", ["", "overflow: scroll !important", "overflow: clip"])
async def test_scrolling_is_given_back(shop: Shop, own: str) -> None:
    """The page's own style is as it was before, and its width has not jumped meanwhile."""
    await shop.page.evaluate("css => { document.documentElement.style.cssText = css }", own)
    before = await shop.page.evaluate("document.documentElement.style.cssText")
    width = await shop.page.evaluate("document.body.getBoundingClientRect().width")
    await shop.open()
    assert width == await shop.page.evaluate("document.body.getBoundingClientRect().width")
    assert "hidden" == await overflow(shop)
    await shop.by("close-modal-button").click()
    await shop.modal.wait_for(state="detached")

    assert before == await shop.page.evaluate("document.documentElement.style.cssText")


async def test_focus_goes_in_round_and_back(shop: Shop) -> None:
    """Focus enters the frame, Tab goes round inside both ways, and closing returns it."""
    await shop.page.focus("#pay")
    await shop.page.keyboard.press("Enter")
    await shop.loading.wait_for(state="hidden")
    assert "payment-iframe" == await shop.page.evaluate(FOCUSED)
    for keys in (["Tab"] * 7, ["Shift+Tab"] * 7):
        visited = []
        for key in keys:
            await shop.page.keyboard.press(key)
            visited.append(await shop.page.evaluate(FOCUSED))
        assert {"payment-iframe", "close-modal-button"} == set(visited)
    await shop.by("close-modal-button").focus()
    await shop.page.keyboard.press("Enter")
    await shop.modal.wait_for(state="detached")

    assert "pay" == await shop.page.evaluate(FOCUSED)


async def test_tab_visits_what_is_in_the_frame(shop: Shop) -> None:
    """From the close button through the frame's own fields and on to the button again."""
    frame = await shop.open()
    await shop.by("close-modal-button").focus()
    inside = []
    for _ in range(2):
        await shop.page.keyboard.press("Tab")
        inside.append(await frame.evaluate("document.activeElement.id"))
    await shop.page.keyboard.press("Tab")

    assert ["first", "last"] == inside
    assert "close-modal-button" == await shop.page.evaluate(FOCUSED)


async def test_escape_closes(shop: Shop) -> None:
    """Escape outside the frame closes, once, and the focus is where it was."""
    await shop.open()
    await shop.by("close-modal-button").focus()
    await shop.page.keyboard.press("Escape")
    await shop.modal.wait_for(state="detached")
    await shop.page.keyboard.press("Escape")

    assert [["onClose"]] == await shop.calls()
    assert "pay" == await shop.page.evaluate(FOCUSED)


async def test_open_and_close_may_be_called_twice(shop: Shop) -> None:
    """A second open shows no second modal, a second close calls nobody, and it opens again."""
    await shop.page.evaluate("checkout.open(); checkout.open()")
    await expect(shop.modal).to_have_count(1)
    await shop.page.evaluate("checkout.close(); checkout.close()")
    await expect(shop.modal).to_have_count(0)
    assert [["onClose"]] == await shop.calls()
    await shop.open()
    await shop.page.evaluate("checkout.close()")

    assert [["onClose"], ["onClose"]] == await shop.calls()
    assert "hidden" != await overflow(shop)


async def test_on_close_may_open_again(shop: Shop) -> None:
    """When the shop is told, the modal is gone and everything is as before."""
    await shop.page.evaluate(
        """() => {
          let times = 0;
          const eager = new PaymentGateway(options({ onClose: () => {
            calls.push(document.documentElement.style.overflow);
            times += 1;
            if (times < 2) eager.open();
          }}));
          eager.open();
          eager.close();
        }"""
    )

    await expect(shop.modal).to_have_count(1)
    assert [""] == await shop.calls()


async def test_two_modals_share_the_page(shop: Shop) -> None:
    """The page stays locked until the last is closed, and each close concerns one."""
    await shop.open()
    await shop.page.evaluate(
        "window.second = new PaymentGateway(options({onClose: () => calls.push('second')}));"
        "second.open()"
    )
    await expect(shop.modal).to_have_count(2)
    await shop.page.evaluate("second.close()")
    assert "hidden" == await overflow(shop)
    await shop.page.evaluate("checkout.close()")

    await expect(shop.modal).to_have_count(0)
    assert ["second", ["onClose"]] == await shop.calls()
    assert "hidden" != await overflow(shop)


async def test_a_modal_that_the_page_removed_is_over(shop: Shop) -> None:
    """A page that throws its whole body away can open the checkout again."""
    await shop.open()
    await shop.page.evaluate("document.body.replaceChildren()")
    await shop.page.evaluate("checkout.open()")

    await expect(shop.modal).to_have_count(1)
    assert [["onClose"]] == await shop.calls()


async def test_it_stands_above_a_dialog_of_the_shop(shop: Shop) -> None:
    """A shop that opens the checkout from its own dialog sees it on top, and usable."""
    await shop.page.evaluate(
        "document.body.append(Object.assign(document.createElement('dialog'), {id: 'own'}));"
        "document.getElementById('own').showModal(); checkout.open()"
    )
    await shop.loading.wait_for(state="hidden")
    await shop.by("close-modal-button").click()

    await expect(shop.modal).to_have_count(0)
    assert await shop.page.evaluate("document.getElementById('own').open")


@pytest.mark.parametrize(("width", "height"), [(390, 844), (320, 568), (844, 390)])
async def test_it_fills_a_small_screen(shop: Shop, width: int, height: int) -> None:
    """On a telephone, upright or not, the checkout has the whole screen."""
    await shop.page.set_viewport_size({"width": width, "height": height})
    await shop.open()

    assert {"x": 0, "y": 0, "width": width, "height": height} == await shop.modal.bounding_box()


async def test_it_is_a_card_on_a_large_screen(shop: Shop) -> None:
    """On a laptop it stands in the middle with room around it."""
    await shop.open()
    box = await shop.modal.bounding_box()

    assert box is not None
    assert 440 == box["width"]
    assert (1280 - 440) / 2 == box["x"]
    assert 16 <= box["y"]
    assert box["height"] + 2 * box["y"] == pytest.approx(800, abs=1)


@pytest.mark.parametrize(
    ("scheme", "mode", "is_dark"),
    [("light", "", False), ("dark", "", True), ("dark", "light", False), ("light", "dark", True)],
)
async def test_it_is_dark_where_it_should_be(
    shop: Shop, scheme: Any, mode: str, is_dark: bool
) -> None:
    """The device decides, unless the shop does."""
    await shop.page.emulate_media(color_scheme=scheme)
    theme = f"'{mode}'" if mode else "undefined"
    await shop.page.evaluate(f"new PaymentGateway(options({{theme: {theme}}})).open()")

    assert ("rgb(20, 25, 34)" if is_dark else "rgb(255, 255, 255)") == await background(shop)


async def test_nothing_moves_for_those_who_asked(shop: Shop) -> None:
    """With reduced motion nothing slides, fades or turns."""
    count = "document.getAnimations().length"
    await shop.page.emulate_media(reduced_motion="reduce")
    await shop.page.evaluate("checkout.open()")
    assert 0 == await shop.page.evaluate(count)
    await shop.page.evaluate("checkout.close()")
    await shop.page.emulate_media(reduced_motion="no-preference")
    await shop.page.evaluate("checkout.open()")

    assert 0 < await shop.page.evaluate(count)


async def test_the_shops_styles_stay_outside(shop: Shop) -> None:
    """Rules that a shop has for all buttons, frames and dialogs do not change the modal."""
    await shop.open()
    plain = await looks(shop)
    await shop.page.add_style_tag(
        content="* { letter-spacing: 9px; text-transform: uppercase } .shop button, button"
        " { background: red; position: fixed; padding: 40px } dialog { background: red;"
        " padding: 3em; width: 90% } iframe { border: 9px solid red; max-width: 10px }"
        " svg { display: none } div { margin: 20px; float: right } span { font-size: 50px }"
    )

    assert plain == await looks(shop)


async def looks(shop: Shop) -> list[Any]:
    found: list[Any] = await shop.modal.evaluate(
        """modal => [modal, ...modal.querySelectorAll('*:not(path)')].map((each) => {
          const {x, y, width, height} = each.getBoundingClientRect();
          const style = getComputedStyle(each);
          return [x, y, width, height, style.backgroundColor, style.letterSpacing, style.fontSize];
        })"""
    )
    return found


async def test_it_speaks_the_shoppers_language(chromium: Browser, stand_in: Site) -> None:
    """A browser that prefers Hindi gets Hindi, any other gets English."""
    for locale, expected in (("hi-IN", "बंद करें"), ("fr-FR", "Close"), ("en-IN", "Close")):
        page: Page = await chromium.new_page(locale=locale)
        site = Site()
        async with running(site):
            shop = Shop(page, site, stand_in)
            await shop.visit()
            await shop.open()
            await expect(shop.by("close-modal-button")).to_have_accessible_name(expected)
            await expect(shop.modal).to_have_attribute("lang", "hi" if "hi" in locale else "en")
        await page.close()
