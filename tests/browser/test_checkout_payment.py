"""Paying on the checkout: each method, what is wrong beside its field, once, and by keyboard."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from urllib.parse import quote

import pytest
from playwright.async_api import Request, Route, expect

from tests.browser.checkouts import CARD, NO_MONEY, Checkout


async def test_upi(checkout: Checkout) -> None:
    """From the order to the receipt: every text and test id of the contract."""
    await checkout.open()
    await expect(checkout.page.locator("h1:visible")).to_have_text("Complete Payment")
    await expect(checkout.by("order-amount")).to_have_text("₹500.00")
    await expect(checkout.by("order-id")).to_have_text(checkout.order_id)
    await expect(checkout.by("pay-button")).to_have_text("Pay ₹500.00")
    await expect(checkout.by("card-form")).to_be_hidden()
    await checkout.pay_with_upi()

    await expect(checkout.by("processing-message")).to_have_text("Processing payment...")
    await checkout.shows("success-state")
    await expect(checkout.page.locator("h1:visible")).to_have_text("Payment Successful!")
    await expect(checkout.by("success-message")).to_contain_text("₹500.00")
    (payment,) = await checkout.payments()
    await expect(checkout.by("payment-id")).to_have_text(payment["id"])
    assert "success" == payment["status"]


@pytest.mark.parametrize("method", ["card", "netbanking", "wallet"])
async def test_other_methods(checkout: Checkout, method: str) -> None:
    """The receipt names what was paid with."""
    await checkout.open()
    if method == "card":
        await checkout.pay_with_card()
    else:
        await checkout.by(f"method-{method}").click()
        if method == "netbanking":
            await checkout.by("bank-select").select_option("HDFC")
        else:
            await checkout.by("wallet-paytm").click()
        await checkout.by("pay-button").click()

    await checkout.shows("success-state")
    named = {"card": "Visa •••• 4242", "netbanking": "HDFC Bank", "wallet": "Paytm"}[method]
    await expect(checkout.by("success-state")).to_contain_text(named)


async def test_the_button_stands_in_the_chosen_form(checkout: Checkout) -> None:
    """There is one button, always behind the fields that it is for."""
    await checkout.open()
    for method, form in (("card", "card-form"), ("upi", "upi-form"), ("card", "card-form")):
        await checkout.by(f"method-{method}").click()
        await expect(checkout.by(form).locator('[data-test-id="pay-button"]')).to_be_visible()
        await expect(checkout.by("pay-button")).to_have_count(1)


async def test_a_failure_and_another_try(checkout: Checkout) -> None:
    """The shopper reads why, tries again with nothing left of the card, and pays."""
    await checkout.open()
    await checkout.pay_with_card(NO_MONEY)
    await checkout.shows("error-state")
    await expect(checkout.page.locator("h1:visible")).to_have_text("Payment Failed")
    await expect(checkout.by("error-message")).to_contain_text("not enough money")
    await expect(checkout.by("retry-button")).to_have_text("Try Again")
    assert "Payment Failed · Test Merchant" == await checkout.page.title()
    await checkout.by("retry-button").press(" ")

    await expect(checkout.by("pay-button")).to_be_visible()
    assert "payment_id" not in checkout.page.url
    await expect(checkout.by("card-number-input")).to_be_focused()
    for field in ("card-number-input", "expiry-input", "cvv-input"):
        await expect(checkout.by(field)).to_have_value("")
    await checkout.pay_with_card()
    await checkout.shows("success-state")
    assert ["failed", "success"] == sorted(each["status"] for each in await checkout.payments())


async def test_trying_again_from_another_address(checkout: Checkout) -> None:
    """The page of `/failure` goes on like the checkout's own, also when it loads anew."""
    checkout.order_id = (await checkout.api.order())["id"]
    failed = await checkout.api.payment(checkout.order_id, method="upi", vpa="failure@bank")
    await checkout.api.settled(failed["id"])
    await checkout.page.goto(f"{checkout.url}/failure?payment_id={failed['id']}")
    await checkout.shows("error-state")
    await checkout.by("retry-button").click()
    await checkout.pay_with_upi()
    await checkout.shows("success-state")

    await checkout.page.reload()
    await checkout.shows("success-state")
    assert checkout.page.url.startswith(f"{checkout.url}/checkout?")


async def test_typing_a_card(checkout: Checkout) -> None:
    """Digits are grouped as on the card, the network shows, dates get their slash."""
    await checkout.open()
    await checkout.by("method-card").click()
    number, expiry, cvv = (
        checkout.by(name) for name in ("card-number-input", "expiry-input", "cvv-input")
    )
    for digits, grouped, brand, code in (
        ("4242424242424242", "4242 4242 4242 4242", "Visa", "3 digits"),
        ("378282246310005", "3782 822463 10005", "American Express", "4 digits"),
        ("5555-5555-5555-4444", "5555 5555 5555 4444", "Mastercard", "3 digits"),
        ("6521 1111 1111 1117", "6521 1111 1111 1117", "RuPay", "3 digits"),
    ):
        await number.fill("")
        await number.press_sequentially(digits)
        await expect(number).to_have_value(grouped)
        await expect(checkout.page.locator("#brand-name")).to_have_text(brand)
        await expect(checkout.page.locator("#card_cvv-hint")).to_contain_text(code)
    for typed, written in (("1230", "12/30"), ("930", "09/30"), ("12/2031", "12/31")):
        await expiry.fill("")
        await expiry.press_sequentially(typed)
        await expect(expiry).to_have_value(written)
    await expiry.press("Backspace")
    await expiry.press("Backspace")
    await expect(expiry).to_have_value("12")
    await cvv.press_sequentially("12a34")
    await expect(cvv).to_have_value("123")


async def test_the_caret_stays_where_it_is_typed(checkout: Checkout) -> None:
    """A digit put into the middle of a number does not send the caret to its end."""
    await checkout.open()
    await checkout.by("method-card").click()
    number = checkout.by("card-number-input")
    await number.fill("424242424242424")
    await number.evaluate("input => input.setSelectionRange(4, 4)")
    await number.press_sequentially("1")

    await expect(number).to_have_value("4242 1424 2424 2424")
    assert 6 == await number.evaluate("input => input.selectionStart")


async def test_how_fields_ask_for_what_they_want(checkout: Checkout) -> None:
    """Browsers can fill the card in, phones show digits, and nothing is spell-checked."""
    await checkout.open()
    for field, filled, keyboard in (
        ("card-number-input", "cc-number", "numeric"),
        ("expiry-input", "cc-exp", "numeric"),
        ("cvv-input", "cc-csc", "numeric"),
        ("cardholder-name-input", "cc-name", None),
        ("vpa-input", None, "email"),
    ):
        element = checkout.by(field)
        if filled is not None:
            await expect(element).to_have_attribute("autocomplete", filled)
        if keyboard is not None:
            await expect(element).to_have_attribute("inputmode", keyboard)
        await expect(element).to_have_attribute("spellcheck", "false")


async def test_errors_come_late_and_go_early(checkout: Checkout) -> None:
    """Nothing while it is typed for the first time, a sentence when left, none when mended."""
    await checkout.open()
    field, error = checkout.by("vpa-input"), checkout.page.locator("#vpa-error")
    await field.press_sequentially("nobody")
    await expect(error).to_be_empty()
    await field.blur()
    await expect(error).to_have_text("Enter your UPI ID, such as name@bank")
    await expect(field).to_have_attribute("aria-invalid", "true")
    assert "vpa-error" in (await field.get_attribute("aria-describedby") or "")
    await expect(error).to_have_attribute("aria-live", "polite")
    await field.press("End")
    await field.press_sequentially("@bank")
    await expect(error).to_be_empty()
    await expect(field).not_to_have_attribute("aria-invalid", "true")


async def test_an_empty_field_that_was_passed_by_is_left_in_peace(checkout: Checkout) -> None:
    """Tabbing through the form accuses nobody; the button does, and leads to the first fault."""
    await checkout.open()
    await checkout.by("method-card").click()
    for field in ("card-number-input", "expiry-input", "cvv-input"):
        await checkout.by(field).focus()
    await checkout.by("cardholder-name-input").focus()
    await expect(checkout.page.locator(".error:visible")).to_have_count(0)

    await checkout.by("pay-button").click()
    await expect(checkout.page.locator(".error:visible")).to_have_count(3)
    await expect(checkout.by("card-number-input")).to_be_focused()
    assert [] == await checkout.payments()


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("card-number-input", "4242424242424241", "Check the card number"),
        ("card-number-input", "42424242", "not complete"),
        ("expiry-input", "12/20", "expired"),
        ("expiry-input", "13/30", "Check the expiry date"),
        ("cvv-input", "12", "Check the security code"),
    ],
)
async def test_wrong_cards(checkout: Checkout, field: str, value: str, text: str) -> None:
    """Each fault is said beside its field before anything is sent."""
    await checkout.open()
    await checkout.choose_card()
    await checkout.by(field).fill(value)
    await checkout.by("pay-button").click()

    await expect(checkout.page.locator(".error:visible")).to_contain_text([re.compile(text)])
    await expect(checkout.by(field)).to_be_focused()
    assert [] == await checkout.payments()


async def test_what_only_the_server_finds_wrong(checkout: Checkout) -> None:
    """Its refusal comes back to the field, and the form is still filled in."""
    await checkout.open()
    await checkout.choose_card()
    await checkout.page.clock.set_fixed_time("2020-01-01T00:00:00Z")  # a device that is wrong
    await checkout.by("expiry-input").fill("12/21")
    await checkout.by("pay-button").click()

    await expect(checkout.page.locator("#card_expiry-error")).to_have_text("Check the expiry date")
    await expect(checkout.by("expiry-input")).to_be_focused()
    await expect(checkout.by("card-number-input")).to_have_value("4242 4242 4242 4242")


async def test_by_keyboard_alone(checkout: Checkout) -> None:
    """Tab, arrows, digits and Enter: from the top of the page to the receipt."""
    await checkout.open()
    keyboard = checkout.page.keyboard

    async def tab_to(test_id: str) -> None:
        for _ in range(20):
            if await checkout.by(test_id).evaluate("e => e.contains(document.activeElement)"):
                return
            await keyboard.press("Tab")
        raise AssertionError(f"{test_id} is not reached")

    await tab_to("method-upi")
    await keyboard.press("ArrowRight")
    for field, text in (
        ("card-number-input", CARD),
        ("expiry-input", "1235"),
        ("cvv-input", "123"),
        ("cardholder-name-input", "Asha Rao"),
    ):
        await tab_to(field)
        await keyboard.type(text)
    await tab_to("pay-button")
    await keyboard.press("Enter")

    await checkout.shows("success-state")
    focused = await checkout.page.evaluate("document.activeElement.textContent")
    assert "Payment Successful!" == focused


async def test_card_data_goes_into_one_request_only(checkout: Checkout) -> None:
    """Number and code are in the body of the payment: in no address, no storage, no field after."""
    seen: list[Request] = []
    # A function of our own: playwright writes on its handlers.
    checkout.page.on("request", lambda each: seen.append(each))  # noqa: PLW0108 - see above
    await checkout.open()
    await checkout.pay_with_card()
    await checkout.shows("success-state")

    with_card = [each.url for each in seen if CARD in (each.post_data or "")]
    assert [f"{checkout.url}/api/v1/payments/public"] == with_card
    assert all(CARD not in each.url for each in seen)
    stored = await checkout.page.evaluate(
        "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, history.state])"
    )
    assert '[{},{},"",null]' == stored
    for field in ("card-number-input", "expiry-input", "cvv-input"):
        assert "" == await checkout.by(field).input_value()


async def test_a_double_click_pays_once(checkout: Checkout) -> None:
    """However often the button is hit, there is one request and one payment."""
    sent: list[Request] = []
    checkout.page.on("request", lambda each: sent.append(each) if each.method == "POST" else None)
    await checkout.open()
    await checkout.choose_card()
    await checkout.by("pay-button").dblclick()

    await checkout.shows("success-state")
    assert 1 == len(sent)
    assert 1 == len(await checkout.payments())


async def test_an_answer_that_got_lost(checkout: Checkout) -> None:
    """The request arrived, its answer did not: it is sent again, and the shopper pays once."""
    keys: list[str | None] = []

    async def lose_the_first(route: Route) -> None:
        keys.append(await route.request.header_value("Idempotency-Key"))
        if len(keys) > 1:
            await route.continue_()
            return
        await route.fetch()
        await route.abort("connectionreset")

    await checkout.page.route("**/payments/public", lose_the_first)
    await checkout.open()
    await checkout.pay_with_card()

    await checkout.shows("success-state")
    assert 2 == len(keys)
    assert 1 == len(set(keys))
    assert 1 == len(await checkout.payments())


async def test_a_fault_of_ours_after_the_payment_was_accepted(checkout: Checkout) -> None:
    """The next try is the same attempt: whatever is typed by then, the first payment is shown."""

    async def break_after(route: Route) -> None:
        await route.fetch()
        await route.fulfill(status=500, json={"error": {}})

    await checkout.page.route("**/payments/public", break_after, times=1)
    await checkout.open()
    await checkout.pay_with_upi()
    await expect(checkout.page.locator("#form-error")).to_contain_text("right now")
    await checkout.pay_with_card()

    await expect(checkout.page.locator("main section:visible")).to_have_count(1)
    await expect(checkout.by("pay-button")).to_be_hidden()
    assert 1 == len(await checkout.payments())


async def test_paying_without_a_connection(checkout: Checkout) -> None:
    """The page says that it is offline, and pays by itself when it is connected again."""
    await checkout.open()
    await checkout.choose_card()
    await checkout.page.context.set_offline(True)
    await checkout.by("pay-button").click()
    await expect(checkout.page.locator("#waiting-note")).to_contain_text("You are offline")
    await checkout.page.context.set_offline(False)

    await checkout.shows("success-state")
    assert 1 == len(await checkout.payments())


async def test_an_order_that_expires_under_the_form(checkout: Checkout) -> None:
    """Until when it can be paid is said; when that is over the page says so by itself."""
    late = checkout.gateway.clock.now() + timedelta(hours=1)
    await checkout.page.clock.install()
    await checkout.open(await checkout.api.order(expires_at=late.isoformat()))
    await expect(checkout.by("order-expires")).to_be_visible()
    checkout.gateway.clock.advance(3601)
    await checkout.page.clock.run_for(3_700_000)

    await checkout.shows("expired-state")


async def test_nobody_answers(checkout: Checkout) -> None:
    """After some tries the form is back, with the card in it, and says that it is safe to retry."""
    await checkout.page.clock.install()
    await checkout.page.route("**/payments/public", lambda route: route.abort("failed"))
    await checkout.open()
    await checkout.pay_with_card()
    await checkout.page.clock.run_for(60_000)

    alert = checkout.page.locator("#form-error")
    await expect(alert).to_contain_text("you will not be charged twice")
    await expect(checkout.by("card-number-input")).to_have_value("4242 4242 4242 4242")
    await checkout.page.unroute("**/payments/public")
    await checkout.by("pay-button").click()
    await checkout.page.clock.resume()
    await checkout.shows("success-state")
    assert 1 == len(await checkout.payments())


async def test_prefilled(checkout: Checkout) -> None:
    """What the shop knows is filled in from the fragment, which then goes away."""
    order = await checkout.api.order()
    checkout.order_id = order["id"]
    known = {"name": "Asha", "email": "a@b.example", "method": "card"}
    await checkout.page.goto(f"{checkout.address()}#prefill={quote(json.dumps(known))}")

    await expect(checkout.by("cardholder-name-input")).to_have_value("Asha")
    await expect(checkout.by("card-form")).to_be_visible()
    assert "#" not in checkout.page.url
    await checkout.pay_with_card()
    await checkout.shows("success-state")
    (payment,) = await checkout.payments()
    assert "a@b.example" == payment["customer"]["email"]
