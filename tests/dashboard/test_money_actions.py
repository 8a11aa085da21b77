"""Capture, void, refund and cancel by forms: once each, by whom may, told in place."""

from __future__ import annotations

import asyncio
import re
from html import unescape
from typing import Any

import pytest

from gateway.storage.pool import Pool
from tests.dashboard.people import Browser, Page, People
from tests.support import eventually
from tests.web.client import ApiClient


def key_of(page: Page, action: str) -> str:
    """The key of the form on the page."""
    found = re.search(
        rf'action="[^"]*/{action}".*?name="action_key" value="([^"]*)"', page.text, re.DOTALL
    )
    assert found, f"no form to {action}"
    return found[1]


async def act(browser: Browser, payment_id: str, action: str, **fields: str) -> Page:
    """Open the payment's page and send the form."""
    path = f"/dashboard/transactions/{payment_id}"
    page = await browser.get(path)
    return await browser.post(f"{path}/{action}", action_key=key_of(page, action), **fields)


async def payment_now(api: ApiClient, payment_id: str) -> dict[str, Any]:
    return (await api.get(f"/payments/{payment_id}")).json


def error_on(page: Page) -> str:
    found = re.search(r'data-test-id="action-error"><p>([^<]*)<', page.text)
    assert found, "no error on the page"
    return unescape(found[1])


async def test_captures_all_that_is_left(owner: Browser, api: ApiClient, pool: Pool) -> None:
    """Without an amount; back on the page it is said, and the audit trail names the user."""
    payment = await api.authorized()

    done = await act(owner, payment["id"], "capture")
    page = await owner.get(done.location)

    assert (303, f"/dashboard/transactions/{payment['id']}") == (done.status, done.location)
    assert "The payment was captured." in page.text
    assert 50_000 == (await payment_now(api, payment["id"]))["amount_captured"]
    audit = await pool.fetchrow(
        "SELECT * FROM audit_logs WHERE action = 'payment.capture_requested'"
    )
    assert (payment["id"], "test") == (audit["subject_id"], audit["mode"])
    assert audit["actor"].startswith("user:")


async def test_captures_and_refunds_parts(owner: Browser, api: ApiClient) -> None:
    """An amount is read in the payment's currency; the page shows what is left."""
    payment = await api.authorized()
    assert 303 == (await act(owner, payment["id"], "capture", amount="₹300.50")).status
    assert 30_050 == (await payment_now(api, payment["id"]))["amount_captured"]

    page = await owner.get(f"/dashboard/transactions/{payment['id']}")
    assert "₹300.50 is left to refund" in page.text
    done = await act(owner, payment["id"], "refund", amount="100.25", reason="Broken")
    assert 303 == done.status

    async def refunded() -> bool:
        return 10_025 == (await payment_now(api, payment["id"]))["amount_refunded"]

    await eventually(refunded)
    [refund] = (await api.get(f"/payments/{payment['id']}/refunds")).json["data"]
    assert ("Broken", 10_025) == (refund["reason"], refund["amount"])
    assert (
        "₹200.25 is left to refund"
        in (await owner.get(f"/dashboard/transactions/{payment['id']}")).text
    )


async def test_voids(owner: Browser, api: ApiClient) -> None:
    """An authorization is let go of, and then there is nothing left to do."""
    payment = await api.authorized()

    done = await act(owner, payment["id"], "void")
    page = await owner.get(done.location)

    assert "The authorization was voided." in page.text
    assert "cancelled" == (await payment_now(api, payment["id"]))["status"]
    assert not any(page.has(f"{each}-form") for each in ("capture", "void", "refund"))


async def test_cancels_an_order(owner: Browser, api: ApiClient) -> None:
    """An open order is cancelled once; a paid one cannot be."""
    order = await api.order()
    path = f"/dashboard/orders/{order['id']}"
    page = await owner.get(path)

    done = await owner.post(f"{path}/cancel", action_key=key_of(page, "cancel"))
    again = await owner.post(f"{path}/cancel", action_key="another-key-of-a-form")

    assert 303 == done.status
    assert "cancelled" == (await api.get(f"/orders/{order['id']}")).json["status"]
    assert 400 == again.status
    assert again.has("action-error")


@pytest.mark.parametrize("action", ["capture", "refund"])
async def test_a_form_sent_twice_acts_once(
    owner: Browser, api: ApiClient, pool: Pool, action: str
) -> None:
    """Two clicks at the same time, and a third one later: one effect, one answer."""
    payment = await (
        api.authorized() if action == "capture" else api.captured(method="upi", vpa="success@bank")
    )
    path = f"/dashboard/transactions/{payment['id']}"
    key = key_of(await owner.get(path), action)

    answers = await asyncio.gather(
        *(owner.post(f"{path}/{action}", action_key=key, amount="10", reason="") for _ in range(4))
    )
    later = await owner.post(f"{path}/{action}", action_key=key, amount="10", reason="")

    assert {303} == {answer.status for answer in (*answers, later)}
    kind = "capture" if action == "capture" else "refund"
    operations = "SELECT count(*) FROM operations WHERE payment_id = $1 AND kind = $2"
    expected = 1
    if action == "capture":
        assert 1_000 == (await payment_now(api, payment["id"]))["amount_captured"]
    assert expected == await pool.fetchval(operations, payment["id"], kind)
    assert 1 == await pool.fetchval(
        "SELECT count(*) FROM audit_logs WHERE subject_id = $1", payment["id"]
    )


async def test_one_form_is_for_one_thing(owner: Browser, api: ApiClient) -> None:
    """The same form with another amount is refused: its key stands for what was sent first."""
    payment = await api.captured(method="upi", vpa="success@bank")
    path = f"/dashboard/transactions/{payment['id']}"
    key = key_of(await owner.get(path), "refund")
    await owner.post(f"{path}/refund", action_key=key, amount="1")

    other = await owner.post(f"{path}/refund", action_key=key, amount="2")

    assert 422 == other.status
    assert other.has("action-error")


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("501", "exceeds"),
        ("0", "express"),
        ("12.345", "express"),
        ("abc", "amount must be in INR"),
        ("-5", "amount must be in INR"),
        ("$5", "amount must be in INR"),
        ("<b>1</b>", "amount must be in INR"),
        ("1e3", "amount must be in INR"),
        ("9" * 15, "express"),
    ],
)
async def test_what_cannot_be_is_said_in_the_form(
    owner: Browser, api: ApiClient, amount: str, text: str
) -> None:
    """The form comes back open, with what was typed and what is wrong; nothing has happened."""
    payment = await api.captured(method="upi", vpa="success@bank")

    page = await act(owner, payment["id"], "refund", amount=amount, reason="kept <i>")

    assert 400 == page.status
    assert text in error_on(page)
    assert 'value="kept &lt;i&gt;"' in page.text
    assert "<b>1</b>" not in page.text
    assert 0 == (await api.get(f"/payments/{payment['id']}/refunds")).json["total"]


async def test_an_amount_has_its_currencys_digits(owner: Browser, api: ApiClient) -> None:
    """Five hundred yen are five hundred, and half a yen is none."""
    order = await api.order(amount=500, currency="JPY")
    payment = await api.payment(order["id"])
    await api.settled(payment["id"])

    half = await act(owner, payment["id"], "capture", amount="0.5")
    done = await act(owner, payment["id"], "capture", amount="¥500")

    assert (400, 303) == (half.status, done.status)
    assert 500 == (await payment_now(api, payment["id"]))["amount_captured"]


@pytest.mark.parametrize(
    "key", ["", "short", "x" * 200, "bad key with blanks!!", "'; DROP TABLE--"]
)
async def test_a_form_needs_its_key(owner: Browser, api: ApiClient, key: str) -> None:
    """Without one a double click could act twice."""
    payment = await api.authorized()

    page = await owner.post(f"/dashboard/transactions/{payment['id']}/void", action_key=key)

    assert 400 == page.status
    assert "success" == (await payment_now(api, payment["id"]))["status"]


@pytest.mark.parametrize(
    ("role", "capture", "refund", "cancel"),
    [
        ("owner", True, True, True),
        ("support", True, True, True),
        ("developer", False, False, False),
        ("read_only", False, False, False),
    ],
)
async def test_roles_see_and_may_the_same(
    people: People, api: ApiClient, role: str, capture: bool, refund: bool, cancel: bool
) -> None:
    """Who may not has no button, and is refused with 403 when sending the form all the same."""
    authorized = await api.authorized()
    captured = await api.captured(method="upi", vpa="success@bank")
    order = await api.order()
    browser = await people.signed_in(role)
    for path, action, allowed in (
        (f"/dashboard/transactions/{authorized['id']}", "capture", capture),
        (f"/dashboard/transactions/{authorized['id']}", "void", capture),
        (f"/dashboard/transactions/{captured['id']}", "refund", refund),
        (f"/dashboard/orders/{order['id']}", "cancel", cancel),
    ):
        page = await browser.get(path)
        assert 200 == page.status
        assert allowed == page.has(f"{action}-form")
        if not allowed:
            answer = await browser.post(f"{path}/{action}", action_key="k" * 20)
            assert 403 == answer.status
    if not capture:
        assert 0 == (await payment_now(api, authorized["id"]))["amount_captured"]


async def test_a_forged_form_is_refused(owner: Browser, api: ApiClient) -> None:
    """Without the token, with another one, or from another site: 403, and nothing happens."""
    payment = await api.authorized()
    path = f"/dashboard/transactions/{payment['id']}"
    key = key_of(await owner.get(path), "void")
    token = owner.csrf_token

    for forged, headers in (
        ("", None),
        ("x" * 32, None),
        (token, {"Sec-Fetch-Site": "cross-site"}),
    ):
        owner.csrf_token = forged
        answer = await owner.post(f"{path}/void", action_key=key, headers=headers)
        assert 403 == answer.status

    assert "success" == (await payment_now(api, payment["id"]))["status"]


async def test_what_the_order_refuses_is_told(owner: Browser, api: ApiClient) -> None:
    """A form that was open when somebody else was faster says what is the matter now."""
    payment = await api.authorized()
    path = f"/dashboard/transactions/{payment['id']}"
    page = await owner.get(path)
    await api.post(f"/payments/{payment['id']}/capture")

    late = await owner.post(f"{path}/void", action_key=key_of(page, "void"))

    assert 400 == late.status
    assert late.has("action-error")
