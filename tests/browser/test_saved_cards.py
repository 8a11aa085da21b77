"""Paying with saved cards in a real browser: saved, offered, charged, removed."""

from __future__ import annotations

import hmac
import os
from pathlib import Path
from typing import Any

from playwright.async_api import expect

from gateway.seeding import TEST_SECRET
from tests.browser.checkouts import CHALLENGED, Checkout
from tests.web.client import ApiClient

GOOD = {"number": "4242424242424242", "expiry_month": 12, "expiry_year": 2039, "cvv": "737"}
MASTERCARD = {**GOOD, "number": "5555555555554444"}


def word(order: dict[str, Any]) -> str:
    """The shop's word for who pays."""
    message = f"{order['id']}|{order['customer_id']}".encode()
    return hmac.digest(TEST_SECRET.encode(), message, "sha256").hex()


async def customer_with(api: ApiClient, *cards: dict[str, Any]) -> str:
    """A customer with these cards saved."""
    customer_id = str((await api.post("/customers", {})).json["id"])
    for card in cards:
        order = await api.order(customer_id=customer_id)
        await api.authorized(order_id=order["id"], method="card", card=card, save=True)
    return customer_id


async def open_signed(checkout: Checkout, customer_id: str, **query: str) -> None:
    """The checkout of a new order, with the shop's word for the customer."""
    order = await checkout.api.order(customer_id=customer_id)
    await checkout.open(order, customer_signature=word(order), **query)


async def test_a_card_is_saved_then_pays(checkout: Checkout, api: ApiClient) -> None:
    """Ticked and paid, the next order offers the card; one click pays, by keyboard alone."""
    asha = await customer_with(api)
    await open_signed(checkout, asha)
    await expect(checkout.by("saved-cards")).to_have_count(0)
    await checkout.choose_card()
    await expect(checkout.by("save-card-checkbox")).not_to_be_checked()
    await checkout.by("save-card-checkbox").check()
    await checkout.by("pay-button").click()
    await checkout.shows("success-state")
    await open_signed(checkout, asha)
    await expect(checkout.by("saved-card")).to_contain_text("Visa •••• 4242")
    await expect(checkout.by("card-form")).to_be_hidden()
    await checkout.by("saved-card").locator("input").focus()
    await checkout.page.keyboard.press("Enter")
    await checkout.shows("success-state")
    [payment] = await checkout.payments()

    assert payment["token_id"]
    assert "success" == payment["status"]


async def test_another_card_and_back(checkout: Checkout, api: ApiClient) -> None:
    """Another card shows its fields, the saved one hides them; arrow keys go through all."""
    asha = await customer_with(api, GOOD, MASTERCARD)
    await open_signed(checkout, asha)
    saved = checkout.by("saved-card")
    await expect(saved).to_have_count(2)
    await checkout.by("method-card").click()
    await expect(checkout.by("card-form")).to_be_visible()
    await saved.nth(1).click()
    await expect(checkout.by("card-form")).to_be_hidden()
    await checkout.page.keyboard.press("ArrowDown")
    await expect(checkout.by("upi-form")).to_be_visible()
    await checkout.page.keyboard.press("ArrowUp")
    await checkout.by("pay-button").click()
    await checkout.shows("success-state")
    [payment] = await checkout.payments()

    assert "4242" == payment["card_last4"]  # the older one stands second


async def test_a_challenge_of_a_saved_card(checkout: Checkout, api: ApiClient) -> None:
    """A bank that asks back asks for a saved card, too; the shopper may try another way after."""
    asha = await customer_with(api)
    await open_signed(checkout, asha)
    await checkout.choose_card(CHALLENGED)
    await checkout.by("save-card-checkbox").check()
    await checkout.by("pay-button").click()
    await checkout.bank.locator('[data-test-id="challenge-pass"]').click()
    await checkout.shows("success-state")
    await open_signed(checkout, asha)
    await checkout.by("pay-button").click()
    await checkout.bank.locator('[data-test-id="challenge-fail"]').click()
    await checkout.shows("error-state")
    await checkout.by("retry-button").click()
    await expect(checkout.by("saved-card")).to_be_visible()


async def test_a_card_is_removed(checkout: Checkout, api: ApiClient) -> None:
    """Asked for twice, the card is gone; Enter in a field never removes one."""
    asha = await customer_with(api, GOOD, MASTERCARD)
    await open_signed(checkout, asha)
    remove = checkout.by("remove-card").first
    await expect(remove.locator("button")).to_be_hidden()
    await remove.locator("summary").click()
    await remove.locator("button").click()
    await expect(checkout.by("saved-card")).to_have_count(1)
    await expect(checkout.by("saved-card")).to_contain_text("4242")
    await checkout.by("method-upi").click()
    await checkout.by("vpa-input").fill("success@bank")
    await checkout.by("vpa-input").press("Enter")
    await checkout.shows("success-state")

    assert 1 == (await api.get(f"/customers/{asha}/tokens")).json["total"]


async def test_how_it_looks(checkout: Checkout, api: ApiClient, tmp_path: Path) -> None:
    """In both languages, on a telephone and a laptop, by day and night: nothing is cut off."""
    asha = await customer_with(api, GOOD, MASTERCARD)
    folder = Path(os.environ.get("SCREENSHOTS", tmp_path))
    for width, lang, theme in ((1280, "en", "light"), (390, "hi", "dark"), (320, "hi", "light")):
        await checkout.page.set_viewport_size({"width": width, "height": 900})
        await open_signed(checkout, asha, lang=lang, theme=theme)
        for chosen in ("saved-card", "method-card"):
            await checkout.by(chosen).first.click()
            too_wide = await checkout.page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            assert 0 == too_wide, (width, lang, chosen)
            image = await checkout.page.screenshot(
                path=folder / f"{width}-{lang}-{theme}-{chosen}.png", full_page=True
            )
            assert image
