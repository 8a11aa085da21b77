"""The overview as people see it: figures, ranges, currencies, charts and their tables."""

from __future__ import annotations

import re
from html import unescape

import pytest

from tests.dashboard.people import Browser, People
from tests.web.client import ApiClient
from tests.web.merchants import Administrator


async def test_has_its_test_ids_and_true_figures(owner: Browser, api: ApiClient) -> None:
    """What was paid is counted at once, refunds too; what failed is in the rate only."""
    empty = await owner.get("/dashboard")
    assert ("0", "₹0.00", "\N{EN DASH}") == (
        empty.by_test_id("total-transactions"),
        empty.by_test_id("total-amount"),
        empty.by_test_id("success-rate"),
    )
    captured = await api.captured(method="upi", vpa="success@bank")
    await api.authorized()
    await api.settled((await api.payment(method="upi", vpa="failure@bank"))["id"])
    await api.post(f"/payments/{captured['id']}/refunds", {"amount": 1_000})

    page = await owner.get("/dashboard")

    for name in ("dashboard", "api-credentials", "api-key", "api-secret", "stats-container"):
        assert page.has(name)
    assert "3" == page.by_test_id("total-transactions")
    assert "₹1,000.00" == page.by_test_id("total-amount")
    assert "66.6%" == page.by_test_id("success-rate")
    assert "₹10.00" == page.by_test_id("total-refunded")
    assert "failures" in page.text
    assert "2 approved · 1 failed" in unescape(page.text)


async def test_currencies_are_never_added_up(owner: Browser, api: ApiClient) -> None:
    """Each currency has figures of its own, one of them shown at a time."""
    await api.authorized()
    for _ in range(2):
        order = await api.order(amount=700, currency="JPY")
        await api.settled((await api.payment(order["id"]))["id"])

    most = await owner.get("/dashboard")
    rupees = await owner.get("/dashboard?currency=INR")
    unknown = await owner.get("/dashboard?currency=USD")

    assert ("¥1,400", "2") == (
        most.by_test_id("total-amount"),
        most.by_test_id("total-transactions"),
    )
    assert ("₹500.00", "1") == (
        rupees.by_test_id("total-amount"),
        rupees.by_test_id("total-transactions"),
    )
    assert "¥1,400" == unknown.by_test_id("total-amount")
    assert "1,900" not in most.text


@pytest.mark.parametrize(
    ("query", "bars"),
    [
        ("", 30),
        ("?range=24h", 24),
        ("?range=7d", 7),
        ("?range=7d&unit=hour", 168),
        ("?range=90d", 90),
        ("?range=custom&from=2026-01-01&to=2026-01-31", 31),
        ("?range=custom&from=2026-01-01&to=2026-01-01&unit=hour", 24),
    ],
)
async def test_ranges_are_cut_into_bars(
    owner: Browser, api: ApiClient, query: str, bars: int
) -> None:
    """An hour or a day each; the table beside a chart has a row for each bar."""
    payment = await api.authorized()
    # A custom range lies in the past, where nothing was paid: its charts are empty.
    page = await owner.get(f"/dashboard{query}")

    assert 200 == page.status
    rows = re.findall(r"<tr><th scope='row'>", _table(page.text, "chart-payments"))
    assert (0 if "custom" in query else bars) == len(rows)
    assert payment["id"] not in page.text


def _table(text: str, chart: str) -> str:
    found = re.search(rf'id="{chart}-table">(.*?)</table>', text, re.DOTALL)
    return found[1] if found else ""


@pytest.mark.parametrize(
    "query",
    [
        "range=forever",
        "range=7d&unit=second",
        "range=custom",
        "range=custom&from=2026-02-02&to=2026-02-01",
        "range=custom&from=2020-01-01&to=2026-01-01",
        "range=custom&from=1066-10-14&to=1066-10-15",
        "range=custom&from='--&to=2026-01-01",
        "currency=rupees",
        "currency=<b>",
    ],
)
async def test_what_cannot_be_shown_is_refused(owner: Browser, query: str) -> None:
    """As a page with status 400."""
    assert 400 == (await owner.get(f"/dashboard?{query}")).status


async def test_nobody_sees_anothers_figures(
    owner: Browser, people: People, api: ApiClient, administrator: Administrator
) -> None:
    """Neither another merchant nor the same one in the other mode."""
    await api.authorized()
    stranger = await people.signed_in("owner", await administrator.merchant())
    live = await people.signed_in("read_only")
    await live.post("/dashboard/mode", mode="live")

    assert "1" == (await owner.get("/dashboard")).by_test_id("total-transactions")
    for browser in (stranger, live):
        page = await browser.get("/dashboard")
        assert "0" == page.by_test_id("total-transactions")
        assert "₹0.00" == page.by_test_id("total-amount")


async def test_charts_are_drawn_and_described(owner: Browser, api: ApiClient) -> None:
    """Each chart is an image with a title and a description, and nothing in it runs."""
    await api.authorized()

    page = await owner.get("/dashboard?range=7d")

    for chart in ("chart-volume", "chart-payments", "chart-rate"):
        assert f'aria-labelledby="{chart}-title {chart}-desc"' in page.text
        assert f'<title id="{chart}-title">' in page.text
        assert f'<desc id="{chart}-desc">' in page.text
    assert re.search(r'<path class="tone-a" d="M[0-9. hvz-]+"/>', page.text)
    assert not re.search(r"<[^>]+\son[a-z]+=", page.text)
    assert not re.search(r"<[^>]+\sstyle=", page.text)
