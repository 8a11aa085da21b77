"""The checkout's page in a real browser, and what a shopper does there."""

from __future__ import annotations

from typing import Any

from playwright.async_api import ConsoleMessage, FrameLocator, Locator, Page, expect

from gateway.app import Gateway
from tests.web.client import ApiClient

CARD = "4242424242424242"
CHALLENGED = "4000000000003220"
NO_MONEY = "4000000000009995"
PATIENCE_MS = 30_000  # the machine may be busy; a test that passes never waits so long

expect.set_options(timeout=PATIENCE_MS)


class Checkout:
    """One page. `faults` are errors of scripts and of the policy; there must be none."""

    def __init__(self, page: Page, api: ApiClient, gateway: Gateway) -> None:
        self.page = page
        self.api = api
        self.gateway = gateway
        self.url = f"http://127.0.0.1:{gateway.port}"
        self.order_id = ""
        self.faults: list[str] = []
        page.set_default_timeout(PATIENCE_MS)
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("console", self._note)

    def _note(self, message: ConsoleMessage) -> None:
        # What a server refuses is logged as well, and some tests are about that.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.faults.append(message.text)

    def by(self, test_id: str) -> Locator:
        return self.page.locator(f'[data-test-id="{test_id}"]')

    def address(self, **query: str) -> str:
        parts = "".join(f"&{name}={value}" for name, value in query.items())
        return f"{self.url}/checkout?order_id={self.order_id}{parts}"

    async def open(self, order: dict[str, Any] | None = None, **query: str) -> None:
        """Open the page of the order, of a new one if none is given."""
        self.order_id = (order or await self.api.order())["id"]
        await self.page.goto(self.address(**query))
        await expect(self.by("pay-button")).to_be_visible()

    async def choose_card(self, number: str = CARD) -> None:
        """Choose the card and fill in everything."""
        await self.by("method-card").click()
        await self.by("card-number-input").fill(number)
        await self.by("expiry-input").fill("12/35")
        await self.by("cvv-input").fill("123")
        await self.by("cardholder-name-input").fill("Asha Rao")

    async def pay_with_card(self, number: str = CARD) -> None:
        await self.choose_card(number)
        await self.by("pay-button").click()

    async def pay_with_upi(self, vpa: str = "success@bank") -> None:
        await self.by("method-upi").click()
        await self.by("vpa-input").fill(vpa)
        await self.by("pay-button").click()

    async def shows(self, state: str) -> None:
        """Wait for a state, and see that it is the only one."""
        await expect(self.by(state)).to_be_visible()
        await expect(self.page.locator("main section:visible")).to_have_count(1)

    async def payments(self) -> list[dict[str, Any]]:
        """The payments of the order, as the merchant sees them."""
        answer = await self.api.get(f"/orders/{self.order_id}/payments")
        found: list[dict[str, Any]] = answer.json["data"]
        return found

    @property
    def bank(self) -> FrameLocator:
        """The bank's page in its frame."""
        return self.page.frame_locator('[data-test-id="challenge-frame"]')
