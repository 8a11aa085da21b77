"""checkout.js believes its own frame, at the gateway's origin, in the right shape: nobody else."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.browser.sites import FAILURE, ORDER, PAYMENT, SIGNATURE, SUCCESS, Shop, Site, running

FORGED = {"type": "payment_success", "data": SUCCESS}
FORGER = """<!doctype html><title>forger</title><script>
  const forge = (message) => parent.postMessage(message, "*");
</script>"""


@pytest.fixture
async def stranger() -> AsyncIterator[Site]:
    """A third origin, of somebody who would like to be paid in words."""
    site = Site()
    site.pages["/"] = FORGER
    async with running(site):
        yield site


async def add_frame(shop: Shop, url: str) -> None:
    """Put a frame of somebody else's into the shop's page and wait for it."""
    await shop.page.evaluate(
        """url => new Promise((loaded) => {
          const frame = document.createElement('iframe');
          frame.name = 'other';
          frame.onload = loaded;
          frame.src = url;
          document.body.append(frame);
        })""",
        url,
    )


async def test_a_success_reaches_the_shop_once(shop: Shop) -> None:
    """The three values are handed over, nothing besides, and a repeated message changes nothing."""
    await shop.open()
    await shop.say("payment_success", {**SUCCESS, "more": "than asked"})
    await shop.say("payment_success", SUCCESS)
    await shop.say("payment_failed", FAILURE)

    assert [["onSuccess", SUCCESS]] == await shop.calls()


async def test_after_a_success_the_modal_goes_by_itself(shop: Shop) -> None:
    """The receipt stays in sight for four seconds, then the page is the shop's again."""
    await shop.stop_clock()
    await shop.open()
    await shop.say("payment_success", SUCCESS)
    await shop.page.clock.run_for(3900)
    assert await shop.modal.is_visible()
    await shop.page.clock.run_for(200)
    await shop.modal.wait_for(state="detached")

    assert [["onSuccess", SUCCESS], ["onClose"]] == await shop.calls()


async def test_a_failure_leaves_room_for_another_try(shop: Shop) -> None:
    """The shop hears of the first failure, the shopper goes on, and the success counts."""
    await shop.open()
    await shop.say("payment_failed", FAILURE)
    await shop.say("payment_failed", {**FAILURE, "reason": "again"})
    assert await shop.modal.is_visible()
    await shop.say("payment_success", SUCCESS)
    await shop.say("close_modal")

    assert [["onFailure", FAILURE], ["onSuccess", SUCCESS], ["onClose"]] == await shop.calls()


async def test_a_failure_may_name_its_payment(shop: Shop) -> None:
    """The payment's id is handed over where there is one, and only if it is text."""
    await shop.open()
    await shop.say("payment_failed", {**FAILURE, "paymentId": PAYMENT, "stack": "trace"})
    await shop.say("close_modal")
    await shop.open()
    await shop.say("payment_failed", {**FAILURE, "paymentId": 7})

    assert [
        ["onFailure", {**FAILURE, "paymentId": PAYMENT}],
        ["onClose"],
        ["onFailure", FAILURE],
    ] == await shop.calls()


async def test_the_frame_can_close(shop: Shop) -> None:
    """`close_modal` takes the modal away, and so does Escape pressed inside the frame."""
    await shop.open()
    await shop.say("close_modal")
    await shop.modal.wait_for(state="detached")
    await shop.open()
    await shop.inside.locator("#first").focus()
    await shop.page.keyboard.press("Escape")
    await shop.modal.wait_for(state="detached")

    assert [["onClose"], ["onClose"]] == await shop.calls()


async def test_messages_of_the_wrong_shape_are_ignored(shop: Shop) -> None:
    """Not text, not complete, of another order, of an unknown type: nothing happens."""
    frame = await shop.open()
    odd = [
        *(None, 7, "payment_success", [], {}, {"type": None}, {"type": "toString"}),
        {"type": "payment_success"},
        {"type": "payment_success", "data": None},
        {"type": "payment_success", "data": [PAYMENT, ORDER, SIGNATURE]},
        {"type": "payment_success", "data": {**SUCCESS, "signature": ""}},
        {"type": "payment_success", "data": {**SUCCESS, "signature": {"toString": 1}}},
        {"type": "payment_success", "data": {**SUCCESS, "paymentId": 7}},
        {"type": "payment_success", "data": {**SUCCESS, "orderId": "order_other"}},
        {"type": "payment_failed", "data": {**FAILURE, "code": None}},
        {"type": "payment_failed", "data": {**FAILURE, "orderId": "order_other"}},
        {"type": "Payment_Success", "data": SUCCESS},
        {"data": SUCCESS},
    ]
    await shop.page.evaluate(
        "() => { window.heard = 0; addEventListener('message', () => heard++) }"
    )
    await frame.evaluate("messages => messages.forEach(say)", odd)
    await shop.page.wait_for_function("count => heard === count", arg=len(odd))

    assert [] == await shop.calls()
    assert await shop.modal.is_visible()


async def test_the_shops_own_page_cannot_forge(shop: Shop) -> None:
    """A script on the shop's page, an advertisement's for example, is not the frame."""
    await shop.open()
    await shop.listen()
    await shop.page.evaluate("m => postMessage(m, '*')", FORGED)
    await shop.heard()

    assert [] == await shop.calls()


async def test_a_frame_of_another_origin_cannot_forge(shop: Shop, stranger: Site) -> None:
    """Neither the sender nor its origin is right."""
    await add_frame(shop, stranger.url)
    await shop.open()
    await shop.listen()
    other = shop.page.frame("other")
    assert other is not None
    await other.evaluate("m => forge(m)", FORGED)
    await shop.heard()

    assert [] == await shop.calls()


async def test_another_frame_of_the_gateway_cannot_forge(shop: Shop) -> None:
    """The origin is right, but it is not the window that this checkout opened."""
    shop.gateway.pages["/other"] = FORGER
    await add_frame(shop, f"{shop.gateway.url}/other")
    await shop.open()
    await shop.listen()
    other = shop.page.frame("other")
    assert other is not None
    await other.evaluate("m => forge(m)", FORGED)
    await shop.heard()

    assert [] == await shop.calls()


async def test_a_frame_that_went_elsewhere_cannot_forge(shop: Shop, stranger: Site) -> None:
    """The window is right, but what it shows has come from another origin."""
    frame = await shop.open()
    await shop.listen()
    await frame.evaluate("url => location.replace(url)", stranger.url)
    await frame.wait_for_function("typeof forge === 'function'")
    await frame.evaluate("m => forge(m)", FORGED)
    await shop.heard()

    assert [] == await shop.calls()


async def test_a_window_that_was_opened_cannot_forge(shop: Shop) -> None:
    """A popup of the gateway's origin is not the frame either."""
    shop.gateway.pages["/popup"] = "<!doctype html><title>popup</title>"
    await shop.open()
    await shop.listen()
    async with shop.page.expect_popup() as opened:
        await shop.page.evaluate("url => void window.open(url)", f"{shop.gateway.url}/popup")
    popup = await opened.value
    await popup.evaluate("m => opener.postMessage(m, '*')", FORGED)
    await shop.heard()

    assert [] == await shop.calls()


async def test_after_closing_nobody_is_heard(shop: Shop) -> None:
    """A message that was on its way when the shopper closed reaches nobody."""
    frame = await shop.open()
    await shop.page.evaluate("() => { window.kept = document.querySelector('iframe') }")
    await frame.evaluate("m => { say(m); say(m) }", {"type": "close_modal"})
    await shop.modal.wait_for(state="detached")
    await shop.page.evaluate("m => postMessage(m, '*')", FORGED)

    assert [["onClose"]] == await shop.calls()


async def test_a_shops_mistake_does_not_break_the_modal(shop: Shop) -> None:
    """A callback that throws is reported to the page as its own error, and all goes on."""
    await shop.page.evaluate(
        """() => {
          const broken = (name) => () => { calls.push([name]); throw new Error(name) };
          const names = ['onSuccess', 'onFailure', 'onClose'];
          window.careless = new PaymentGateway(
            options(Object.fromEntries(names.map((name) => [name, broken(name)]))));
        }"""
    )
    await shop.page.evaluate("careless.open()")
    await shop.loading.wait_for(state="hidden")
    await shop.say("payment_failed", FAILURE)
    await shop.say("payment_success", SUCCESS)
    await shop.by("close-modal-button").click()
    await shop.modal.wait_for(state="detached")
    await shop.page.wait_for_function("new Promise((next) => setTimeout(() => next(true)))")

    assert ["onFailure", "onSuccess", "onClose"] == [call[0] for call in await shop.calls()]
    assert ["onFailure", "onSuccess", "onClose"] == shop.faults
    shop.faults.clear()
    await shop.page.evaluate("careless.open()")
    await shop.modal.wait_for()


async def test_each_instance_hears_its_own_frame(shop: Shop) -> None:
    """Two checkouts open at once: what one frame says concerns one order only."""
    other = "order_fedcba9876543210"
    await shop.open()
    await shop.page.evaluate(
        f"(window.second = new PaymentGateway(options({{orderId: '{other}',"
        " onSuccess: () => calls.push(['second'])}))).open()"
    )
    await shop.loading.nth(1).wait_for(state="hidden")
    await shop.listen()
    await (await shop.frame(1)).evaluate(
        "m => say(m)", {"type": "payment_success", "data": {**SUCCESS, "orderId": other}}
    )
    await shop.heard()
    assert [["second"]] == await shop.calls()
    await shop.say("payment_success", SUCCESS)

    assert [["second"], ["onSuccess", SUCCESS]] == await shop.calls()
    ids = "[...document.querySelectorAll('[data-test-id=payment-modal]')].map((each) => each.id)"
    assert ["payment-gateway-modal", ""] == await shop.page.evaluate(ids)
