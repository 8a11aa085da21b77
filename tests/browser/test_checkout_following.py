"""Following a payment: live, by asking, after a reload, offline, in two tabs, at the bank.

A payment to `timeout@bank` has no outcome until the bank is asked, which the clock decides.
"""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, Route, expect

from tests.browser.checkouts import CHALLENGED, Checkout

LOOKUP_SECONDS = 11  # the bank is asked for the first time after ten


async def start_silent_payment(checkout: Checkout) -> None:
    """A payment that stays without an outcome until the clock is moved."""
    await checkout.open()
    await checkout.pay_with_upi("timeout@bank")
    await expect(checkout.page.locator("#unknown-note")).to_be_visible()


async def test_an_outcome_comes_live(checkout: Checkout) -> None:
    """While nobody knows, the page says not to pay again; then it changes by itself."""
    await start_silent_payment(checkout)
    await checkout.shows("processing-state")
    await expect(checkout.by("processing-message")).to_have_text("Processing payment...")
    checkout.gateway.clock.advance(LOOKUP_SECONDS)

    await checkout.shows("success-state")


async def test_without_the_live_channel(checkout: Checkout) -> None:
    """A network that lets no stream through: the page asks, and the card payment works."""
    await checkout.page.route("**/checkout/payments/*/events", lambda route: route.abort())
    await checkout.open()
    await checkout.pay_with_card()

    await checkout.shows("success-state")


async def test_a_stream_that_stays_silent(checkout: Checkout) -> None:
    """A proxy that holds events back: the page asks when it has heard nothing for a while."""

    async def hold(route: Route) -> None:
        del route  # never answered

    await checkout.page.route("**/checkout/payments/*/events", hold)
    await checkout.open()
    await checkout.pay_with_card()

    await checkout.shows("success-state")


async def test_a_reload_in_between(checkout: Checkout) -> None:
    """The payment is in the address: after a reload the page goes on where it was."""
    await start_silent_payment(checkout)
    (payment,) = await checkout.payments()
    assert f"payment_id={payment['id']}" in checkout.page.url
    await checkout.page.reload()
    await checkout.shows("processing-state")
    checkout.gateway.clock.advance(LOOKUP_SECONDS)

    await checkout.shows("success-state")
    await checkout.page.reload()
    await checkout.shows("success-state")
    await expect(checkout.by("payment-id")).to_have_text(payment["id"])


async def test_a_lost_connection(checkout: Checkout) -> None:
    """The page says that it is offline, and goes on by itself when it is connected again."""
    await start_silent_payment(checkout)
    await checkout.page.context.set_offline(True)
    await expect(checkout.page.locator("#waiting-note")).to_contain_text("You are offline")
    checkout.gateway.clock.advance(LOOKUP_SECONDS)
    await checkout.page.context.set_offline(False)

    await checkout.shows("success-state")


async def test_two_tabs_pay_one_order(chromium: Browser, checkout: Checkout) -> None:
    """The second tab, filled in before the first one paid, learns that it is paid: one charge.

    The outcome of the first payment is unknown, so the bank is asked before the second is decided.
    """
    await checkout.open()
    second = Checkout(await chromium.new_page(), checkout.api, checkout.gateway)
    await second.open({"id": checkout.order_id})
    await second.choose_card()
    await checkout.pay_with_upi("timeout@bank")
    await expect(checkout.page.locator("#unknown-note")).to_be_visible()
    await second.by("pay-button").click()

    await second.shows("paid-state")
    await checkout.shows("success-state")
    assert 1 == len(await checkout.payments())
    assert [] == second.faults


async def test_a_tab_that_comes_back_to_a_paid_order(checkout: Checkout) -> None:
    """Who returns to a form that another tab has paid meanwhile sees that, before paying again."""
    await checkout.open()
    paid = await checkout.api.payment(checkout.order_id)
    await checkout.api.settled(paid["id"])
    await checkout.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

    await checkout.shows("paid-state")


@pytest.mark.parametrize("answer", ["pass", "fail"])
async def test_the_banks_challenge(checkout: Checkout, answer: str) -> None:
    """The bank's page stands in a frame; the answer ends in one state, and at most one charge."""
    await checkout.open()
    await checkout.pay_with_card(CHALLENGED)
    await checkout.shows("challenge-state")
    await checkout.bank.locator(f'[data-test-id="challenge-{answer}"]').click()

    await checkout.shows("success-state" if answer == "pass" else "error-state")
    await expect(checkout.by("challenge-frame")).to_have_count(0)
    (payment,) = await checkout.payments()
    assert {"pass": "success", "fail": "failed"}[answer] == payment["status"]


async def test_a_challenge_survives_a_reload(checkout: Checkout) -> None:
    """The shopper reloads instead of answering, answers then, and has paid."""
    await checkout.open()
    await checkout.pay_with_card(CHALLENGED)
    await checkout.shows("challenge-state")
    await checkout.page.reload()
    await checkout.bank.locator('[data-test-id="challenge-pass"]').click()

    await checkout.shows("success-state")


async def test_an_abandoned_challenge(checkout: Checkout) -> None:
    """The deadline ends it while the page is open: why, and another try."""
    await checkout.open()
    await checkout.pay_with_card(CHALLENGED)
    await checkout.shows("challenge-state")
    checkout.gateway.clock.advance(checkout.gateway.settings.action_seconds + 1)

    await checkout.shows("error-state")
    await expect(checkout.by("error-message")).to_contain_text("could not confirm that it is you")
    await checkout.by("retry-button").click()
    await checkout.pay_with_upi()
    await checkout.shows("success-state")


async def test_back_to_the_shop(checkout: Checkout) -> None:
    """After the receipt the shopper is led to the merchant's page, with what its server checks."""
    await checkout.page.route(
        "https://shop.example/**",
        lambda route: route.fulfill(body="<h1>Thanks</h1>", content_type="text/html"),
    )
    await checkout.open(await checkout.api.order(return_url="https://shop.example/thanks"))
    await checkout.pay_with_upi()
    await checkout.shows("success-state")
    await expect(checkout.by("return-link")).to_have_text("Back to Test Merchant")
    await checkout.page.wait_for_url("https://shop.example/thanks?*")

    (payment,) = await checkout.payments()
    assert f"paymentId={payment['id']}&orderId={checkout.order_id}&signature=" in checkout.page.url


async def test_without_script(chromium: Browser, checkout: Checkout) -> None:
    """The plain form pays, the page reloads itself until there is a receipt."""
    context = await chromium.new_context(java_script_enabled=False)
    plain = Checkout(await context.new_page(), checkout.api, checkout.gateway)
    await plain.open()
    await plain.by("method-card").click()
    await expect(plain.by("card-form")).to_be_visible()
    await expect(plain.by("upi-form")).to_be_hidden()
    await plain.choose_card()
    await plain.by("pay-button").click()

    await plain.shows("success-state")
    await context.close()
