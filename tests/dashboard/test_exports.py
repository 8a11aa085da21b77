"""The export of payments: the whole file, safe to open, bounded."""

from __future__ import annotations

import asyncio
import csv
import io

import pytest

from gateway.settings import Settings
from gateway.storage.pool import Pool
from gateway.web.dashboard import exports
from gateway.web.dashboard.exports import safe_cell
from tests.dashboard.people import Browser, Page
from tests.web.client import ApiClient

PATH = "/dashboard/transactions/export.csv"


def rows_of(page: Page) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(page.text)))


async def test_has_a_row_for_each_payment(owner: Browser, api: ApiClient) -> None:
    """Newest first, amounts in major units with the currency's digits, times in both zones."""
    order = await api.order(receipt="R-1", amount=500, currency="JPY")
    first = await api.settled((await api.payment(order["id"]))["id"])
    second = await api.captured(
        method="upi", vpa="success@bank", customer={"name": "Asha", "email": "asha@example.com"}
    )
    owner.set_cookie("zone", "Asia/Kolkata")

    page = await owner.get(PATH)
    rows = rows_of(page)

    assert "text/csv; charset=utf-8" == page.headers["Content-Type"]
    assert page.headers["Content-Disposition"].startswith(
        'attachment; filename="transactions-test-'
    )
    assert "no-store" == page.headers["Cache-Control"]
    assert [second["id"], first["id"]] == [row["payment_id"] for row in rows]
    assert ("500", "JPY", "R-1") == (rows[1]["amount"], rows[1]["currency"], rows[1]["receipt"])
    assert ("500.00", "500.00", "0.00") == (
        rows[0]["amount"],
        rows[0]["amount_captured"],
        rows[0]["amount_refunded"],
    )
    assert ("Asha", "asha@example.com") == (rows[0]["customer_name"], rows[0]["customer_email"])
    assert second["created_at"] == rows[0]["created_at_utc"]


async def test_follows_the_filters(owner: Browser, api: ApiClient) -> None:
    """The same search and filters as the list; what cannot be asked is refused."""
    wanted = await api.settled((await api.payment(method="upi", vpa="failure@bank"))["id"])
    await api.authorized()

    assert [wanted["id"]] == [
        row["payment_id"] for row in rows_of(await owner.get(f"{PATH}?status=failed"))
    ]
    assert [] == rows_of(await owner.get(f"{PATH}?q=nothing"))
    assert 400 == (await owner.get(f"{PATH}?status=nonsense")).status


async def test_no_card_data_leaves_in_it(owner: Browser, api: ApiClient) -> None:
    """Neither number nor end, network, expiry or holder."""
    await api.authorized(
        method="card",
        card={"number": "4242424242424242", "expiry_month": 12, "expiry_year": 2031, "cvv": "123"},
    )

    text = (await owner.get(PATH)).text

    assert "card" in text
    for secret in ("4242", "visa", "2031"):
        assert secret not in text.lower()


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r"])
async def test_formulas_are_text(owner: Browser, api: ApiClient, pool: Pool, first: str) -> None:
    """A cell that a spreadsheet would calculate begins with an apostrophe."""
    evil = f'{first}HYPERLINK("http://evil.example","x")'
    await api.payment(customer={"name": "x"}, method="upi", vpa="success@bank")
    await pool.execute("UPDATE payments SET payer_name = $1", evil)
    await pool.execute("UPDATE orders SET receipt = $1", evil)

    page = await owner.get(PATH)
    [row] = list(csv.DictReader(io.StringIO(page.text, newline="")))

    assert f"'{evil}" == row["customer_name"] == row["receipt"]
    assert f"'{evil}" == safe_cell(evil)


async def test_is_read_in_slices_up_to_its_limit(
    owner: Browser, api: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every payment once, whatever the size of the slices; no more rows than the setting says."""
    made = [(await api.payment())["id"] for _ in range(7)]
    monkeypatch.setattr(exports, "_SLICE", 2)

    found = [row["payment_id"] for row in rows_of(await owner.get(PATH))]

    assert made[::-1] == found


class TestLimits:
    """A gateway that exports little."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(
            update={"dashboard_export_rows_max": 3, "dashboard_exports_max": 1}
        )

    async def test_rows_are_limited(self, owner: Browser, api: ApiClient) -> None:
        """The newest ones are in the file."""
        made = [(await api.payment())["id"] for _ in range(5)]

        assert made[:1:-1] == [row["payment_id"] for row in rows_of(await owner.get(PATH))]

    async def test_exports_take_turns(
        self, owner: Browser, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """One more than may be under way is told to come back."""
        entered, go_on = asyncio.Event(), asyncio.Event()
        send = exports._send

        async def slow(*arguments: object) -> None:
            entered.set()
            await go_on.wait()
            await send(*arguments)

        monkeypatch.setattr(exports, "_send", slow)
        first = asyncio.create_task(owner.get(PATH))
        await entered.wait()
        second = await owner.get(PATH)
        go_on.set()

        assert 503 == second.status
        assert second.headers["Retry-After"]
        assert 200 == (await first).status
