"""The pages of webhooks and of operators in a real browser: by hand, narrow, dark, under attack."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from aiohttp import web
from playwright.async_api import Browser, Page, expect

from gateway.app import Gateway
from gateway.seeding import TEST_EMAIL, TEST_MERCHANT_ID
from gateway.storage.pool import Pool
from tests.browser.test_dashboard import HOSTILE, Scheme, at, screen, serious, sign_in
from tests.support import eventually
from tests.web.client import ApiClient
from tests.webhooks.receivers import Receiver

PATH = "/dashboard/webhooks"
OPERATORS = "/dashboard/operators"


@pytest.fixture
def url(gateway: Gateway) -> str:
    return f"http://127.0.0.1:{gateway.port}"


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A merchant's server that answers with markup and a 500."""

    async def refuse(_request: web.Request) -> web.Response:
        return web.Response(status=500, text=HOSTILE, content_type="text/html")

    made = Receiver(answer=refuse)
    await made.start()
    yield made
    await made.stop()


async def become_operator(page: Page, url: str, pool: Pool) -> None:
    """Whoever is the seeded owner signs in as an operator instead."""
    await pool.execute(
        "UPDATE users SET role = 'operator', merchant_id = NULL WHERE email = $1", TEST_EMAIL
    )
    await page.context.clear_cookies()
    await page.goto(f"{url}/login")
    await at(page, "email-input").fill(TEST_EMAIL)
    await at(page, "password-input").fill("test-password")
    await at(page, "login-button").click()
    await page.wait_for_url(f"**{OPERATORS}")


async def filled(api: ApiClient, pool: Pool, receiver: Receiver) -> list[str]:
    """Pages of a merchant with hostile endpoints, answers and reasons."""
    made = await api.post(
        "/webhook-endpoints",
        {"url": f"{receiver.url}?{'long-' * 60}", "description": HOSTILE, "format": "razorpay"},
    )
    endpoint_id = made.json["id"]
    await api.post(f"/webhook-endpoints/{endpoint_id}/test")
    attempt = await eventually(lambda: pool.fetchrow("SELECT * FROM webhook_attempts"))
    off = (await api.post("/webhook-endpoints", {"url": receiver.url})).json["id"]
    await pool.execute(
        "UPDATE webhook_endpoints SET active = false, disabled_reason = $2 WHERE id = $1",
        off,
        HOSTILE,
    )
    return [
        PATH,
        f"{PATH}?status=failed",
        f"{PATH}?from=nonsense",
        f"{PATH}/replay?status=pending",
        f"{PATH}/endpoints/new",
        f"{PATH}/endpoints/{endpoint_id}",
        f"{PATH}/endpoints/{off}",
        f"{PATH}/deliveries/{attempt['delivery_id']}",
    ]


async def bury(pool: Pool) -> None:
    await pool.execute(
        "INSERT INTO dead_letters (id, kind, subject_id, merchant_id, mode, reason, created_at)"
        " VALUES ($1, 'job', 'op_0000000000000000', $2, 'test', $3, now())",
        uuid4(),
        TEST_MERCHANT_ID,
        HOSTILE,
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
async def test_nothing_serious_nothing_too_wide_and_nothing_hostile_runs(
    chromium: Browser,
    url: str,
    api: ApiClient,
    pool: Pool,
    receiver: Receiver,
    scheme: Scheme,
    width: int,
) -> None:
    """axe-core finds nothing serious; pages fit; what strangers wrote is text."""
    size = {"width": width, "height": 844}
    async with screen(chromium, viewport=size, color_scheme=scheme) as (_, page):
        found: list[str] = []
        complaints: list[str] = []
        page.on(
            "console",
            lambda said: complaints.append(said.text) if "Content Security" in said.text else None,
        )

        async def look(path: str) -> None:
            await page.goto(url + path)
            found.extend(await serious(page))
            assert width >= await page.evaluate("document.documentElement.scrollWidth"), path
            assert await page.evaluate("window.pwned === undefined"), path

        await sign_in(page, url)
        await look(PATH)
        for path in await filled(api, pool, receiver):
            await look(path)
        order = (await api.post("/orders", {"amount": 50_000})).json
        payment = {"order_id": order["id"], "method": "upi", "vpa": "timeout@bank"}
        await api.post("/payments", payment)
        await eventually(lambda: pool.fetchval("SELECT id FROM operations WHERE state = 'unknown'"))
        await bury(pool)
        await become_operator(page, url, pool)
        for path in (
            OPERATORS,
            f"{OPERATORS}/unknown",
            f"{OPERATORS}/dead-letters",
            f"{OPERATORS}/settings",
        ):
            await look(path)

        assert [] == found
        assert [] == complaints


async def test_a_merchant_sets_up_webhooks_by_hand(
    page: Page, url: str, receiver: Receiver
) -> None:
    """URL, test, new secret, the delivery that follows by itself, its detail, sending again."""
    await sign_in(page, url)
    await page.goto(url + PATH)
    await at(page, "webhook-url-input").fill(receiver.url)
    await page.keyboard.press("Enter")
    await expect(at(page, "notice")).to_contain_text("Webhooks are sent there")
    before = await at(page, "webhook-secret").inner_text()
    await at(page, "regenerate-secret-button").click()
    await expect(at(page, "webhook-secret")).not_to_have_text(before)
    await at(page, "test-webhook-button").click()
    row = at(page, "webhook-log-item")
    await expect(at(row, "webhook-response-code")).to_have_text("500", timeout=20_000)
    await expect(at(row, "webhook-event")).to_have_text("webhook.test")
    delivery_id = await row.get_attribute("data-webhook-id")
    button = at(row, "retry-webhook-button")
    await expect(button).to_have_attribute("data-webhook-id", str(delivery_id))
    await button.click()
    await page.wait_for_url(f"**{PATH}/deliveries/{delivery_id}")
    await expect(at(page, "attempt")).to_have_count(2, timeout=20_000)
    await expect(at(page, "attempt-response").first).to_have_text(HOSTILE)


async def test_events_are_chosen_by_keyboard(page: Page, url: str, receiver: Receiver) -> None:
    """Those of the format that is chosen are there to be ticked, and no others."""
    await sign_in(page, url)
    await page.goto(f"{url}{PATH}/endpoints/new")
    await page.get_by_label("Address").fill(receiver.url)
    await expect(page.get_by_label("success")).to_be_hidden()
    await page.get_by_label("Only these").focus()
    await page.keyboard.press("Space")
    await page.get_by_label("success").focus()
    await page.keyboard.press("Space")
    await expect(page.get_by_label("payment.authorized")).to_be_hidden()
    await at(page, "save-endpoint-button").focus()
    await page.keyboard.press("Enter")
    await expect(at(page, "webhook-secret")).to_contain_text("whsec_")
    await expect(page.get_by_label("success")).to_be_checked()
    await page.get_by_label("Razorpay").check()
    await expect(page.get_by_label("payment.authorized")).to_be_visible()
    await expect(page.get_by_label("success")).to_be_hidden()
    await at(page, "delete-endpoint-button").click()
    await page.keyboard.press("Escape")
    await expect(at(page, "confirm-delete")).to_be_hidden()
    await expect(at(page, "delete-endpoint-button")).to_be_focused()
