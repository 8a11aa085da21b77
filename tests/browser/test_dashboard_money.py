"""Overview, transactions, orders and refunds in a real browser."""

from __future__ import annotations

import re

import aiohttp
import pytest
from playwright.async_api import Browser, Page, expect

from gateway.app import Gateway
from gateway.storage.pool import Pool
from tests.browser.test_dashboard import HOSTILE, Scheme, at, screen, serious, sign_in
from tests.web.client import ApiClient

LISTS = (
    "/dashboard/transactions",
    "/dashboard/orders",
    "/dashboard/refunds",
    "/dashboard/customers",
)


@pytest.fixture
def url(gateway: Gateway) -> str:
    return f"http://127.0.0.1:{gateway.port}"


@pytest.fixture
async def shop(url: str):
    """The test merchant's server."""
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        yield ApiClient(session, url)


async def some_money(shop: ApiClient) -> dict[str, str]:
    """A payment of each kind, with texts that are as long as they may be."""
    order = await shop.order(receipt="R" * 40, notes={"a long name " * 4: "x" * 200})
    card = {"number": "4242424242424242", "expiry_month": 12, "expiry_year": 2031, "cvv": "123"}
    authorized = await shop.authorized(
        method="card", card=card, customer={"email": f"{'a' * 60}@b.example"}
    )
    failed = await shop.settled((await shop.payment(method="upi", vpa="failure@bank"))["id"])
    refunded = await shop.captured(method="upi", vpa="success@bank")
    answer = await shop.post(
        f"/payments/{refunded['id']}/refunds", {"amount": 100, "reason": "Broken on arrival " * 8}
    )
    assert 201 == answer.status, answer.body
    customer = await shop.post("/customers", {"name": "N" * 200, "email": f"{'a' * 60}@b.example"})
    owner = customer.json["id"]
    await shop.authorized(method="card", card=card, save=True, customer_id=owner)
    yen = await shop.order(amount=700, currency="JPY")
    await shop.settled((await shop.payment(yen["id"]))["id"])
    return {
        "authorized": f"/dashboard/transactions/{authorized['id']}",
        "failed": f"/dashboard/transactions/{failed['id']}",
        "refunded": f"/dashboard/transactions/{refunded['id']}",
        "customer": f"/dashboard/customers/{owner}",
        "order": f"/dashboard/orders/{order['id']}",
        "paid": f"/dashboard/orders/{refunded['order_id']}",
    }


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
async def test_nothing_serious_and_nothing_too_wide(
    chromium: Browser, url: str, shop: ApiClient, scheme: Scheme, width: int
) -> None:
    """Empty and full, right and wrong, with everything open: nothing serious for axe-core."""
    size = {"width": width, "height": 844}
    async with screen(chromium, viewport=size, color_scheme=scheme) as (_, page):
        await sign_in(page, url)
        found = await serious(page)
        for path in LISTS:
            await page.goto(url + path)
            found += await serious(page)
        paths = await some_money(shop)
        for path in (
            "/dashboard?range=7d",
            "/dashboard?range=24h",
            *LISTS,
            f"{LISTS[0]}?status=failed&min=1",
            f"{LISTS[0]}?q=nothing",
            f"{LISTS[0]}?min=abc",
            *paths.values(),
        ):
            await page.goto(url + path)
            await page.evaluate(
                "document.querySelectorAll('details').forEach((d) => d.open = true)"
            )
            found += await serious(page)

            assert width >= await page.evaluate("document.documentElement.scrollWidth"), path

        assert [] == found


async def test_a_payment_is_found_captured_and_refunded_without_script(
    chromium: Browser, url: str, shop: ApiClient
) -> None:
    """On a phone and without script: search, open, capture a part, refund it."""
    payment = await shop.authorized()
    size = {"width": 390, "height": 844}
    async with screen(chromium, viewport=size, java_script_enabled=False) as (_, page):
        await sign_in(page, url)
        await page.goto(f"{url}/dashboard/transactions")
        await at(page, "search-input").fill(payment["order_id"])
        await page.keyboard.press("Enter")
        await at(page, "payment-id").get_by_role("link").click()
        await at(page, "capture-button").click()
        await at(page, "capture-form").get_by_label("Amount in INR").fill("123.45")
        await at(page, "capture-confirm").click()
        await expect(at(page, "notice")).to_have_text("The payment was captured.")
        await expect(at(page, "amount-captured")).to_have_text("₹123.45")
        await at(page, "refund-button").click()
        await at(page, "refund-form").get_by_label("Amount in INR").fill("200")
        await at(page, "refund-confirm").click()
        await expect(at(page, "action-error")).to_contain_text("exceeds")
        await at(page, "refund-form").get_by_label("Amount in INR").fill("23.45")
        await at(page, "refund-confirm").click()
        await expect(at(page, "notice")).to_have_text("The refund is on its way.")
        await expect(at(page, "refund-row")).to_contain_text("₹23.45")


async def test_two_clicks_refund_once(page: Page, url: str, shop: ApiClient) -> None:
    """However fast somebody clicks."""
    payment = await shop.captured(method="upi", vpa="success@bank")
    await sign_in(page, url)
    await page.goto(f"{url}/dashboard/transactions/{payment['id']}")
    await at(page, "refund-button").click()
    await at(page, "refund-form").get_by_label("Amount in INR").fill("10")
    await at(page, "refund-confirm").dblclick()
    await expect(at(page, "notice")).to_have_text("The refund is on its way.")

    assert 1 == (await shop.get(f"/payments/{payment['id']}/refunds")).json["total"]


async def test_the_overview_keeps_up_by_itself(page: Page, url: str, shop: ApiClient) -> None:
    """New payments are counted without a reload, but not while somebody has a table open."""
    await page.clock.install()
    await sign_in(page, url)
    await page.evaluate("window.same = true")
    await expect(at(page, "total-transactions")).to_have_text("0")
    await shop.authorized()
    await page.clock.fast_forward(21_000)
    await expect(at(page, "total-transactions")).to_have_text("1")
    await (
        page.locator("#chart-volume-table")
        .locator("xpath=ancestor::details")
        .locator("summary")
        .click()
    )
    await shop.authorized()
    await page.clock.fast_forward(21_000)
    await expect(at(page, "total-transactions")).to_have_text("1")
    await page.locator("details[open] > summary").click()
    await page.get_by_role("heading", name="Overview").click()
    await page.clock.fast_forward(21_000)
    await expect(at(page, "total-transactions")).to_have_text("2")

    assert await page.evaluate("window.same")


async def test_a_chart_tells_what_the_pointer_is_on(page: Page, url: str, shop: ApiClient) -> None:
    """The values of the bar, as the table has them."""
    await shop.authorized()
    await sign_in(page, url)
    plot = page.locator("[data-chart=chart-payments] .chart-plot")
    await plot.scroll_into_view_if_needed()
    box = await plot.bounding_box()
    assert box is not None
    await plot.hover(position={"x": box["width"] - 3, "y": box["height"] / 2})
    await expect(page.locator(".chart-tip")).to_contain_text(re.compile(r"Approved\s*1"))
    await page.mouse.move(5, 5)
    await expect(page.locator(".chart-tip")).to_have_count(0)


async def test_times_are_the_viewers_from_the_first_page_on(
    chromium: Browser, url: str, shop: ApiClient, pool: Pool
) -> None:
    """The browser's zone is known when somebody signs in, and when the cookie was lost."""
    payment = await shop.authorized()
    await pool.execute("UPDATE payments SET created_at = '2026-03-01 20:00Z'")
    async with screen(chromium, timezone_id="Asia/Tokyo", locale="en-GB") as (context, page):
        await sign_in(page, url)
        await expect(page.locator("#when")).to_contain_text("Asia/Tokyo")
        await context.clear_cookies(name="zone")
        await page.goto(f"{url}/dashboard/transactions?from=2026-03-01&to=2026-03-02")
        made = at(page, "created-at").locator("time")
        await expect(made).to_have_text(re.compile(r"2 Mar 2026, 05:00|2 Mar 2026, 5:00"))
        await expect(made).to_have_attribute("title", "2026-03-01T20:00:00Z")
        await expect(at(page, "transaction-row")).to_have_attribute(
            "data-payment-id", payment["id"]
        )


async def test_nothing_hostile_runs_and_nothing_comes_from_elsewhere(
    page: Page, url: str, shop: ApiClient, pool: Pool
) -> None:
    """Texts of merchants and shoppers stay texts on every page that shows them."""
    order = await shop.order(receipt=HOSTILE[:40], notes={"note": HOSTILE})
    payment = await shop.payment(order["id"])
    await shop.settled(payment["id"])
    await shop.post(f"/payments/{payment['id']}/capture")
    await shop.post(f"/payments/{payment['id']}/refunds", {"amount": 100, "reason": HOSTILE})
    await pool.execute(
        "UPDATE payments SET payer_name = $1, payer_email = $1, payer_contact = $1, vpa = $1,"
        " error_description = $1, error_reason = $1, error_code = $1, processor_reference = $1",
        HOSTILE,
    )
    await pool.execute("UPDATE orders SET receipt = $1, customer_id = $1", HOSTILE)
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: complaints.append(dialog.message))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda message: complaints.append(message.text) if message.type == "error" else None,
    )
    await sign_in(page, url)
    for path in (
        "/dashboard",
        *LISTS,
        f"/dashboard/transactions/{payment['id']}",
        f"/dashboard/orders/{order['id']}",
    ):
        await page.goto(url + path)
        assert await page.evaluate("window.pwned === undefined"), path

    assert [] == complaints
    assert [] == [each for each in asked if not each.startswith(url)]
