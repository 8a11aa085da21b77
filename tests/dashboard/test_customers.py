"""Customers in the dashboard: found, shown, deleted, and only by who may."""

from __future__ import annotations

import re
from html import unescape
from typing import Any
from urllib.parse import quote

import pytest

from gateway.storage.pool import Pool
from tests.dashboard.people import Browser, Page, People
from tests.dashboard.test_money_pages import EVIL
from tests.support import eventually
from tests.web.client import ApiClient
from tests.web.merchants import Administrator

CARD = {"number": "4242424242424242", "expiry_month": 12, "expiry_year": 2039, "cvv": "737"}


async def made(api: ApiClient, **fields: Any) -> str:
    """The id of a new customer."""
    answer = await api.post("/customers", fields)
    assert 201 == answer.status, answer.body
    return str(answer.json["id"])


async def saved(api: ApiClient, customer_id: str) -> dict[str, Any]:
    """A payment of the customer that saved its card."""
    order = await api.order(customer_id=customer_id)
    return await api.authorized(order_id=order["id"], method="card", card=CARD, save=True)


def listed(page: Page) -> list[str]:
    """The ids of the customers on the page."""
    return re.findall(r'data-customer-id="(cust_\w+)"', page.text)


async def test_customers_are_found(owner: Browser, api: ApiClient) -> None:
    """By a part of name, e-mail or phone, by the whole id; what LIKE reads as a pattern is text."""
    asha = await made(api, name="Asha Rao", email="asha@example.com", contact="+919876543210")
    ravi = await made(api, name="Ravi 100%", email="ravi_k@example.com")
    nobody = await made(api)

    assert [nobody, ravi, asha] == listed(await owner.get("/dashboard/customers"))
    for asked, found in (
        ("asha", [asha]),
        ("RAO", [asha]),
        ("98765", [asha]),
        ("example.com", [ravi, asha]),
        (nobody, [nobody]),
        (nobody[:-1], []),
        ("0%", [ravi]),
        ("%", [ravi]),
        ("i_k", [ravi]),
        ("a_h", []),
        ("\\", []),
        ("x" * 256, []),
    ):
        page = await owner.get(f"/dashboard/customers?q={quote(asked)}")
        assert (200, found) == (page.status, listed(page)), asked


async def test_pages_go_on_where_the_last_one_ended(
    owner: Browser, api: ApiClient, pool: Pool
) -> None:
    """Every customer is on one page, once, although others are made meanwhile."""
    await made(api)
    await pool.execute(
        "INSERT INTO customers (id, merchant_id, mode, created_at, updated_at)"
        " SELECT 'cust_' || lpad(n::text, 16, '0'), merchant_id, mode,"
        "        created_at - n / 7 * interval '1 s', created_at"
        " FROM customers, generate_series(1, 119) AS n"
    )
    seen: list[str] = []
    path = "/dashboard/customers"
    for _ in range(10):
        page = await owner.get(path)
        seen += listed(page)
        await made(api)
        older = re.search(r'href="([^"]+)" data-test-id="older"', page.text)
        if older is None:
            break
        path = older[1].replace("&amp;", "&")

    assert (120, 120) == (len(seen), len(set(seen)))


async def test_a_customers_page(owner: Browser, api: ApiClient) -> None:
    """Who it is, the saved card, the payments; linked from payment and order."""
    asha = await made(api, name="Asha Rao", email="asha@example.com", notes={"tier": "gold"})
    payment = await saved(api, asha)
    page = await owner.get(f"/dashboard/customers/{asha}")

    assert (200, "Asha Rao", "asha@example.com") == (
        page.status,
        page.by_test_id("customer-name"),
        page.by_test_id("customer-email"),
    )
    assert f'data-token-id="{payment["token_id"]}"' in page.text
    assert "Visa ·· 4242" in page.text
    assert "12/2039" in page.text
    assert f'data-payment-id="{payment["id"]}"' in page.text
    assert "gold" in page.text
    for path in (
        f"/dashboard/transactions/{payment['id']}",
        f"/dashboard/orders/{payment['order_id']}",
    ):
        assert f'href="/dashboard/customers/{asha}"' in (await owner.get(path)).text


async def test_a_customer_and_a_card_are_deleted(
    owner: Browser, api: ApiClient, pool: Pool
) -> None:
    """By who may, with a line in the audit trail; payments stay."""
    asha = await made(api, name="Asha Rao")
    first, second = await saved(api, asha), await saved(api, asha)
    await owner.get(f"/dashboard/customers/{asha}")
    deleted = await owner.post(f"/dashboard/customers/{asha}/tokens/{first['token_id']}/delete")
    assert (303, f"/dashboard/customers/{asha}") == (deleted.status, deleted.location)
    page = await owner.get(deleted.location)
    assert "The saved card was deleted." in page.text
    assert first["token_id"] not in page.text
    assert second["token_id"] in page.text
    gone = await owner.post(f"/dashboard/customers/{asha}/delete")
    assert (303, "/dashboard/customers") == (gone.status, gone.location)
    assert "The customer was deleted." in (await owner.get(gone.location)).text
    for path in ("delete", f"tokens/{second['token_id']}/delete"):
        assert 404 == (await owner.post(f"/dashboard/customers/{asha}/{path}")).status
    assert 404 == (await owner.get(f"/dashboard/customers/{asha}")).status
    assert 200 == (await owner.get(f"/dashboard/transactions/{first['id']}")).status

    async def forgotten() -> bool:
        return bool(0 == await pool.fetchval("SELECT count(*) FROM simulator_cards"))

    await eventually(forgotten)
    trail = (await owner.get("/dashboard/audit")).text
    assert "Deleted a customer" in trail
    assert "Deleted a saved card" in trail


@pytest.mark.parametrize(
    ("role", "may_delete"),
    [("owner", True), ("support", True), ("developer", False), ("read_only", False)],
)
async def test_who_may_delete(people: People, api: ApiClient, role: str, may_delete: bool) -> None:
    """All of the merchant's people see customers; owners and support delete them."""
    asha = await made(api, name="Asha Rao")
    payment = await saved(api, asha)
    browser = await people.signed_in(role)
    page = await browser.get(f"/dashboard/customers/{asha}")

    assert 200 == page.status
    assert (may_delete, may_delete) == (
        page.has("delete-customer-button"),
        page.has("delete-token-button"),
    )
    token = f"/dashboard/customers/{asha}/tokens/{payment['token_id']}/delete"
    for path in (token, f"/dashboard/customers/{asha}/delete"):
        assert (303 if may_delete else 403) == (await browser.post(path)).status


async def test_others_customers_are_not_there(
    people: People, api: ApiClient, administrator: Administrator
) -> None:
    """Another merchant's people find, see and delete nobody."""
    asha = await made(api, name="Asha Rao")
    payment = await saved(api, asha)
    stranger = await people.signed_in("owner", await administrator.merchant())

    for query in ("", "?q=Asha", f"?q={asha}", f"?after={asha}"):
        assert [] == listed(await stranger.get(f"/dashboard/customers{query}"))
    assert 404 == (await stranger.get(f"/dashboard/customers/{asha}")).status
    for path in ("delete", f"tokens/{payment['token_id']}/delete"):
        assert 404 == (await stranger.post(f"/dashboard/customers/{asha}/{path}")).status
    assert 200 == (await api.get(f"/customers/{asha}/tokens/{payment['token_id']}")).status


async def test_texts_stay_texts(owner: Browser, api: ApiClient) -> None:
    """Whatever somebody calls themselves, it is shown and not run."""
    for evil in EVIL:
        customer_id = await made(api, name=evil, notes={evil: evil})
        for path in (customer_id, f"?q={quote(evil)}"):
            page = await owner.get(f"/dashboard/customers/{path}".replace("/?", "?"))
            assert 200 == page.status
            assert evil in unescape(page.text)
            assert evil not in page.text or not re.search("[<>\"']", evil)
