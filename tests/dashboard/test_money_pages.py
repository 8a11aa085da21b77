"""Transactions, orders and refunds as pages: what they show, to whom, and what they refuse."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from urllib.parse import quote, urlencode

import pytest

from gateway.settings import Settings
from gateway.storage.pool import Pool
from tests.dashboard.people import Browser, Page, People
from tests.support import eventually
from tests.web.client import ApiClient
from tests.web.merchants import Administrator

LISTS = ("/dashboard/transactions", "/dashboard/orders", "/dashboard/refunds")
EVIL = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "{{7*7}}{% raw %}",
    "javascript:alert(1)//",
    "</textarea></title></pre><svg onload=alert(1)>",
)

IMPOSSIBLE = (
    "at=x",
    "at=o1-pay_aaaaaaaaaaaaaaaa%27",
    "at=o999999999999999999-pay_aaaaaaaaaaaaaaaa",
    "at=-1",
    "status=nonsense",
    "status=success%27--",
    "currency=RUPEES",
    "currency=%27OR",
    "from=yesterday",
    "from=2026-02-30",
    "from=0001-01-01",
    "from=2026-02-02&to=2026-02-01",
    "min=abc",
    "max=-5",
    "min=1e9",
    "q=" + "x" * 256,
    "q=%00",
    "q=a&q=b",
    "status=failed&status=success",
)


def texts(page: Page, test_id: str) -> list[str]:
    """The texts of all elements with the test id, tags inside left out."""
    found = re.findall(
        rf'<(\w+)[^>]*data-test-id="{test_id}"[^>]*>(.*?)</\1>', page.text, flags=re.DOTALL
    )
    return [unescape(re.sub(r"<[^>]*>", "", inner)).strip() for _, inner in found]


async def test_a_payment_stands_in_the_list(owner: Browser, api: ApiClient) -> None:
    """With everything that tests and merchants look for, linked to its own page."""
    payment = await api.captured(method="upi", vpa="success@bank")

    page = await owner.get("/dashboard/transactions")

    assert 200 == page.status
    assert page.has("transactions-table")
    assert f'data-test-id="transaction-row" data-payment-id="{payment["id"]}"' in page.text
    assert [payment["id"]] == texts(page, "payment-id")
    assert [payment["order_id"]] == texts(page, "order-id")
    assert ["₹500.00"] == texts(page, "amount")
    assert ["upi"] == texts(page, "method")
    assert ["success"] == texts(page, "status")
    assert f'href="/dashboard/transactions/{payment["id"]}"' in page.text
    assert re.search(r'data-test-id="created-at"><time datetime="2\S+Z" title="2\S+Z">', page.text)


@pytest.mark.parametrize("path", LISTS)
async def test_an_empty_list_says_what_would_fill_it(owner: Browser, path: str) -> None:
    """Nothing yet, nothing found and no such filter are three different things."""
    new = await owner.get(path)
    searched = await owner.get(f"{path}?q=nothing")

    assert "yet</h2>" in new.text
    assert "Nothing found" in searched.text
    assert (200, 200) == (new.status, searched.status)


@pytest.mark.parametrize("path", LISTS)
async def test_what_cannot_be_asked_is_said(owner: Browser, path: str) -> None:
    """A bad filter or a tampered place is a page that says so, with status 400."""
    for query in IMPOSSIBLE:
        page = await owner.get(f"{path}?{query}")

        assert 400 == page.status, query
        assert page.has("list-error")
        assert not page.has("empty")


@pytest.mark.parametrize("path", LISTS)
async def test_every_field_takes_every_text(owner: Browser, path: str) -> None:
    """Statements and markup in any field are an answer of ours, with the text escaped."""
    for field in ("q", "status", "method", "currency", "from", "to", "min", "max", "at"):
        for text in ("' OR 1=1 --", "$1", "\u202e😀\x7f", "%25", "\\", *EVIL):
            page = await owner.get(f"{path}?{field}={quote(text)}")

            assert page.status in (200, 400), (field, text)
            assert text not in page.text or not set(text) & set("<>\"'"), (field, text)


async def test_pages_are_followed_in_both_directions(owner: Browser, api: ApiClient) -> None:
    """Links lead from page to page with the filters kept, and rows that arrive move nothing."""
    made = [(await api.payment())["id"] for _ in range(27)]
    first = await owner.get("/dashboard/transactions?method=upi")
    older = unescape(re.search(r'href="([^"]*)" data-test-id="older"', first.text)[1])
    assert "method=upi" in older
    await api.payment()
    second = await owner.get(older)
    newer = unescape(re.search(r'href="([^"]*)" data-test-id="newer"', second.text)[1])
    back = await owner.get(newer)

    assert 25 == len(texts(first, "payment-id"))
    assert set(made) == {*texts(first, "payment-id"), *texts(second, "payment-id")}
    assert texts(first, "payment-id") == texts(back, "payment-id")
    assert "25 of 27 payments" in texts(first, "total")[0]


async def test_the_search_box_finds(owner: Browser, api: ApiClient) -> None:
    """By whatever a merchant has at hand; what it was taken for is said."""
    order = await api.order(receipt="R #1", amount=123_450)
    payment = await api.payment(
        order["id"],
        method="card",
        card={"number": "4242424242424242", "expiry_month": 12, "expiry_year": 2031, "cvv": "123"},
        customer={"email": "asha@example.com"},
    )
    await api.payment()
    for text in (payment["id"], order["id"], "R #1", "ASHA@example.com", "4242", "1,234.50"):
        page = await owner.get(f"/dashboard/transactions?{urlencode({'q': text})}")
        assert [payment["id"]] == texts(page, "payment-id"), text
    assert "searched as" in texts(page, "total")[0]


async def test_days_are_the_viewers(owner: Browser, api: ApiClient, pool: Pool) -> None:
    """A day of the filter begins at midnight in the zone of the cookie; UTC for a bad one."""
    payment = await api.payment()
    await pool.execute("UPDATE payments SET created_at = '2026-03-01 20:00Z'")

    for zone, day, found in (
        ("Asia/Kolkata", "2026-03-02", True),
        ("Asia%2FKolkata", "2026-03-02", True),
        ("Asia/Kolkata", "2026-03-01", False),
        ("UTC", "2026-03-01", True),
        ("../../etc/passwd", "2026-03-01", True),
        ("Nowhere/City", "2026-03-01", True),
    ):
        owner.set_cookie("zone", zone)
        page = await owner.get(f"/dashboard/transactions?from={day}&to={day}")
        assert ([payment["id"]] if found else []) == texts(page, "payment-id"), zone
    owner.set_cookie("zone", "Asia/Kolkata")
    page = await owner.get("/dashboard/transactions")
    assert 'datetime="2026-03-01T20:00:00Z" title="2026-03-01T20:00:00Z">' in page.text
    assert re.search(r"Mar 2, 2026, 1:30\sAM", page.text)


async def test_a_payments_page_has_everything(owner: Browser, api: ApiClient) -> None:
    """Sums, details, the whole timeline in order, and the API's own JSON."""
    payment = await api.captured(method="upi", vpa="success@bank")
    await api.post(f"/payments/{payment['id']}/refunds", {"amount": 1_000, "reason": "Broken"})
    fresh = (await api.get(f"/payments/{payment['id']}")).json

    page = await owner.get(f"/dashboard/transactions/{payment['id']}")

    assert 200 == page.status
    assert ["₹500.00"] == texts(page, "amount-captured")
    titles = re.findall(r'class="timeline-title">([^<]*)<', page.text)
    expected = ["Payment created", "Payment pending", "Payment success", "Payment captured"]
    assert expected == [title for title in titles if title in expected]
    assert "Authorize of ₹500.00: done" in titles
    assert "Authorize, attempt 1: approved" in titles
    times = re.findall(r'timeline-time"><time datetime="([^"]*)"', page.text)
    assert times == sorted(times)
    raw = texts(page, "raw")[0]
    assert fresh["id"] in raw
    assert '"processor_reference"' in raw


async def test_deliveries_are_in_the_timeline(owner: Browser, api: ApiClient, pool: Pool) -> None:
    """Each webhook of a payment with each attempt to deliver it."""
    endpoint = await api.post("/webhook-endpoints", {"url": "https://127.0.0.1:9/hook"})
    if endpoint.status != 201:
        endpoint = await api.post("/webhook-endpoints", {"url": "http://127.0.0.1:9/hook"})
    assert 201 == endpoint.status, endpoint.body
    payment = await api.authorized()

    async def tried() -> bool:
        return bool(await pool.fetchval("SELECT count(*) FROM webhook_attempts"))

    await eventually(tried)
    page = await owner.get(f"/dashboard/transactions/{payment['id']}")
    titles = re.findall(r'class="timeline-title">([^<]*)<', page.text)

    assert any(title.startswith("Webhook payment.created:") for title in titles)
    assert any(title.startswith("Webhook attempt 1:") for title in titles)


async def test_an_orders_page_shows_its_payments(owner: Browser, api: ApiClient) -> None:
    """Each try to pay it, and what is left to pay."""
    order = await api.order()
    failed = await api.settled(
        (await api.payment(order["id"], method="upi", vpa="failure@bank"))["id"]
    )
    paid = await api.payment(order["id"])

    page = await owner.get(f"/dashboard/orders/{order['id']}")

    assert [failed["id"], paid["id"]] == texts(page, "payment-id")
    assert [order["id"]] == texts(page, "order-id")


async def test_markup_of_strangers_is_text(owner: Browser, api: ApiClient) -> None:
    """Receipts, notes, names and reasons are shown as they were written."""
    for text in EVIL:
        await check_text(owner, api, text)


async def check_text(owner: Browser, api: ApiClient, text: str) -> None:
    """A text wherever a merchant or a shopper can leave one."""
    order = await api.order(receipt=text[:255], notes={"note": text, text[:40]: "name"})
    payment = await api.payment(
        order["id"], method="upi", vpa="success@bank", customer={"name": text}
    )
    await api.settled(payment["id"])
    await api.post(f"/payments/{payment['id']}/capture")
    await api.post(f"/payments/{payment['id']}/refunds", {"amount": 100, "reason": text})

    for path in (
        *LISTS,
        f"/dashboard/transactions/{payment['id']}",
        f"/dashboard/orders/{order['id']}",
        f"/dashboard/transactions?{urlencode({'q': text})}",
    ):
        page = await owner.get(path)
        assert 200 == page.status
        assert text not in page.text or not set(text) & set("<>\"'"), path
    assert [payment["id"]] == texts(page, "payment-id")
    detail = await owner.get(f"/dashboard/transactions/{payment['id']}")
    assert [text] == texts(detail, "receipt")
    assert [text] == texts(detail, "payer-name")


async def test_nobody_sees_anothers_money(
    people: People, owner: Browser, api: ApiClient, administrator: Administrator
) -> None:
    """Another merchant's people find nothing, by no list, search or address; nor the other mode."""
    payment = await api.captured(method="upi", vpa="success@bank")
    await api.post(f"/payments/{payment['id']}/refunds", {"amount": 100})
    stranger = await people.signed_in("owner", await administrator.merchant())
    live = await people.signed_in("owner")
    await live.post("/dashboard/mode", mode="live")

    for browser in (stranger, live):
        for path in (*LISTS, "/dashboard"):
            for query in ("", f"?q={payment['id']}", f"?q={payment['order_id']}", "?q=500"):
                assert payment["id"] not in _without_query((await browser.get(path + query)).text)
        for path in (
            f"/dashboard/transactions/{payment['id']}",
            f"/dashboard/orders/{payment['order_id']}",
        ):
            assert 404 == (await browser.get(path)).status
        export = await browser.get("/dashboard/transactions/export.csv")
        assert 1 == len(export.text.splitlines())
        for action in ("capture", "void", "refund"):
            answer = await browser.post(
                f"/dashboard/transactions/{payment['id']}/{action}", action_key="k" * 20
            )
            assert 404 == answer.status
    assert (await api.get(f"/payments/{payment['id']}")).json["amount_refunded"] in (0, 100)


def _without_query(text: str) -> str:
    """The page without what repeats the search."""
    return re.sub(r'(value|href|action)="[^"]*"', "", text)


@pytest.mark.parametrize(
    "path",
    [
        "/dashboard",
        *LISTS,
        "/dashboard/transactions/export.csv",
        "/dashboard/transactions/pay_aaaaaaaaaaaaaaaa",
        "/dashboard/orders/order_aaaaaaaaaaaaaaaa",
    ],
)
async def test_pages_are_for_people_who_are_signed_in(
    browser_for: Callable[[], Browser], people: People, path: str
) -> None:
    """Others are sent to sign in; operators, who have no merchant, are refused."""
    out = await browser_for().get(path)
    operator = await (await people.signed_in("operator")).get(path)

    assert (303, True) == (out.status, out.location.startswith("/login"))
    assert 403 == operator.status


@pytest.mark.parametrize(
    "path",
    [
        "/dashboard/transactions/pay_aaaaaaaaaaaaaaaa",
        "/dashboard/transactions/order_aaaaaaaaaaaaaaaa",
        "/dashboard/transactions/%27%3B--",
        "/dashboard/orders/order_aaaaaaaaaaaaaaaa",
        "/dashboard/orders/x",
    ],
)
async def test_what_is_not_there_is_a_page(owner: Browser, path: str) -> None:
    """An unknown or impossible id is a designed 404."""
    page = await owner.get(path)

    assert 404 == page.status
    assert page.has("page-error")


class TestSlow:
    """A gateway whose questions may take half a second."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"dashboard_query_seconds": 0.5})

    async def test_a_database_that_is_slow_is_not_waited_for(
        self, owner: Browser, api: ApiClient, pool: Pool
    ) -> None:
        """The page says so with 503, and its connection is good for the next one."""
        payment = await api.authorized()
        paths = (*LISTS, "/dashboard", f"/dashboard/transactions/{payment['id']}")
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute(
                "LOCK TABLE payments, orders, refunds, sums IN ACCESS EXCLUSIVE MODE"
            )
            slow = [await owner.get(path) for path in paths]
        after = [await owner.get(path) for path in paths * 3]

        assert {503} == {page.status for page in slow}
        assert all(page.has("page-error") and page.headers["Retry-After"] for page in slow)
        assert {200} == {page.status for page in after}
