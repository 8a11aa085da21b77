"""`/v1/payment_links`: made, paid at once and in parts, changed, cancelled, expired."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any
from urllib.parse import parse_qs, urlsplit

from gateway.app import Gateway
from gateway.seeding import TEST_SECRET
from tests.bills.merchant import Merchant, Visitor
from tests.web.merchants import Administrator

LINK = "/payment_links"


def soon(gateway: Gateway, seconds: int = 1_000) -> int:
    return int(gateway.clock.now().timestamp()) + seconds


async def pay_all(visitor: Visitor, bill_id: str, amount: str | None = None) -> dict[str, Any]:
    """The payment that was begun."""
    status, payment = await visitor.pay((await visitor.begin(bill_id, amount)).order_id)
    assert 201 == status, payment
    return payment


async def test_a_link_is_made_as_it_was_asked_for(merchant: Merchant, gateway: Gateway) -> None:
    """Every field of the entity, with JSON and with a form, numbers as texts."""
    expire_by = soon(gateway)
    wish = {
        "amount": "100000",
        "currency": "INR",
        "accept_partial": "1",
        "first_min_partial_amount": "20000",
        "expire_by": str(expire_by),
        "reference_id": "TS1989",
        "description": "Policy no #23456",
        "customer": {"name": "Gaurav", "contact": 919000090000, "email": "gaurav@example.com"},
        "notify": {"sms": True, "email": True},
        "reminder_enable": True,
        "notes": {"policy": "Jeevan"},
        "callback_url": "https://shop.example/paid?x=1",
        "callback_method": "get",
    }
    link = await merchant.link(**wish)

    assert link["id"].startswith("plink_")
    assert link["short_url"].endswith(f"/l/{link['id']}")
    expected = {
        "accept_partial": True,
        "amount": 100_000,
        "amount_paid": 0,
        "callback_method": "get",
        "callback_url": "https://shop.example/paid?x=1",
        "cancelled_at": 0,
        "currency": "INR",
        "customer": {
            "name": "Gaurav",
            "contact": "919000090000",
            "email": "gaurav@example.com",
        },
        "description": "Policy no #23456",
        "expire_by": expire_by,
        "expired_at": 0,
        "first_min_partial_amount": 20_000,
        "notes": {"policy": "Jeevan"},
        "notify": {"sms": True, "email": True},
        "payments": [],
        "reference_id": "TS1989",
        "reminder_enable": True,
        "status": "created",
    }
    assert expected == {name: link[name] for name in expected}
    assert link == await merchant.done("GET", f"{LINK}/{link['id']}")

    form = {"amount": "500", "customer[name]": "Asha", "notes[a]": "b", "accept_partial": "0"}
    other = await merchant.done("POST", f"{LINK}/", form=form)
    assert (500, {"name": "Asha"}, {"a": "b"}) == (
        other["amount"],
        other["customer"],
        other["notes"],
    )
    listed = await merchant.done("GET", f"{LINK}?count=10")
    assert [other["id"], link["id"]] == [each["id"] for each in listed["payment_links"]]
    found = await merchant.done("GET", f"{LINK}?reference_id=TS1989")
    assert [link["id"]] == [each["id"] for each in found["payment_links"]]


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"amount": 99}, "amount"),
    ({"amount": "1e3"}, "amount"),
    ({"amount": None}, "amount"),
    ({"currency": "XYZ"}, "currency"),
    ({"accept_partial": "maybe"}, "accept_partial"),
    ({"first_min_partial_amount": 200}, "first_min_partial_amount"),
    ({"accept_partial": True, "first_min_partial_amount": 100_000}, "first_min_partial_amount"),
    ({"expire_by": 1_000}, "expire_by"),
    ({"expire_by": "soon"}, "expire_by"),
    ({"expire_by": 10**15}, "expire_by"),
    ({"reference_id": "x" * 41}, "reference_id"),
    ({"description": "x" * 2_049}, "description"),
    ({"customer": {"email": "nobody"}}, "customer.email"),
    ({"customer": {"contact": "abc"}}, "customer.contact"),
    ({"customer": "Asha"}, "customer"),
    ({"customer": {"age": 3}}, "customer.age"),
    ({"notify": {"fax": True}}, "notify.fax"),
    ({"notes": "x"}, "notes"),
    ({"callback_url": "javascript:alert(1)"}, "callback_url"),
    ({"callback_method": "get"}, "callback_method"),
    ({"callback_url": "https://a.example", "callback_method": "post"}, "callback_method"),
    ({"upi_link": True}, "upi_link"),
]


async def test_what_a_link_cannot_be(merchant: Merchant) -> None:
    """The field is named, and no link is made."""
    for fields, field in WRONG:
        error = await merchant.refused("POST", LINK, {"amount": 100_000, **fields})
        assert field == error["field"], fields
    assert [] == (await merchant.done("GET", LINK))["payment_links"]


async def test_a_link_is_paid_and_leads_back_signed(merchant: Merchant, visitor: Visitor) -> None:
    """The merchant's page gets the five values, and its libraries can check them."""
    link = await merchant.link(
        reference_id="R1",
        callback_url="https://shop.example/paid?cart=7&razorpay_signature=forged",
        callback_method="get",
    )
    page = await visitor.open(link["id"])
    assert (200, "open") == (page.status, page.view)
    assert "₹1,000.00" in page.text
    payment = await pay_all(visitor, link["id"])
    paid = await merchant.until(f"{LINK}/{link['id']}", "paid")

    assert 100_000 == paid["amount_paid"]
    assert [(payment["id"], 100_000, "captured")] == [
        (each["payment_id"], each["amount"], each["status"]) for each in paid["payments"]
    ]
    by_payment = await merchant.done("GET", f"{LINK}?payment_id={payment['id']}")
    assert [link["id"]] == [each["id"] for each in by_payment["payment_links"]]
    assert "paid" == (await visitor.open(link["id"])).view
    back = await visitor.open(link["id"], f"/return?paymentId={payment['id']}")
    assert 303 == back.status
    query = parse_qs(urlsplit(back.location).query)
    signed = f"{link['id']}|R1|paid|{payment['id']}"
    signature = hmac.new(TEST_SECRET.encode(), signed.encode(), hashlib.sha256).hexdigest()
    assert {
        "cart": ["7"],
        "razorpay_payment_id": [payment["id"]],
        "razorpay_payment_link_id": [link["id"]],
        "razorpay_payment_link_reference_id": ["R1"],
        "razorpay_payment_link_status": ["paid"],
        "razorpay_signature": [signature],
    } == query
    # Who only knows the link is not taken for a payer.
    for payment_id in ("", "pay_0123456789abcdef", "x"):
        shown = await visitor.open(link["id"], f"/return?paymentId={payment_id}")
        assert (200, "paid") == (shown.status, shown.view)


async def test_a_link_is_paid_in_parts(merchant: Merchant, visitor: Visitor) -> None:
    """Each part is an order of its own; the first has a minimum; the parts make the amount."""
    link = await merchant.link(accept_partial=True, first_min_partial_amount=30_000)
    for typed in ("299.99", "0", "-5", "1e3", "1000.01", "USD 400", "300.001", "x" * 50, "999.50"):
        refused = await visitor.begin(link["id"], typed)
        assert (400, "open") == (refused.status, refused.view), typed
        assert "bill-error" in refused.text
    await pay_all(visitor, link["id"], "₹400")
    part = await merchant.until(f"{LINK}/{link['id']}", "partially_paid")

    assert 40_000 == part["amount_paid"]
    page = await visitor.open(link["id"])
    assert ("open", True) == (page.view, "₹600.00" in page.text)
    await pay_all(visitor, link["id"], "1")
    await merchant.until(f"{LINK}/{link['id']}", "partially_paid", amount_paid=40_100)
    await pay_all(visitor, link["id"])
    paid = await merchant.until(f"{LINK}/{link['id']}", "paid")
    assert [40_000, 100, 59_900] == [each["amount"] for each in paid["payments"]]
    orders = (await merchant.done("GET", "/orders"))["items"]
    assert [59_900, 100, 40_000] == [each["amount_paid"] for each in orders]


async def test_a_failed_payment_is_tried_again_on_the_same_order(
    merchant: Merchant, visitor: Visitor
) -> None:
    """The order of the same part stays the one; the link stays open."""
    link = await merchant.link()
    order_id = (await visitor.begin(link["id"])).order_id
    _, failed = await visitor.pay(order_id, "failure@bank")
    await merchant.until(f"/payments/{failed['id']}", "failed")

    assert order_id == (await visitor.begin(link["id"])).order_id
    assert 201 == (await visitor.pay(order_id))[0]
    await merchant.until(f"{LINK}/{link['id']}", "paid")


async def test_what_may_be_changed(merchant: Merchant, gateway: Gateway) -> None:
    """Terms while it is open, notes always, the amount never; a reference belongs to one link."""
    link = await merchant.link(reference_id="one")
    path, later = f"{LINK}/{link['id']}", soon(gateway, 5_000)
    changed = await merchant.done(
        "PATCH",
        path,
        {
            "reference_id": "two",
            "expire_by": later,
            "accept_partial": True,
            "first_min_partial_amount": 5_000,
            "reminder_enable": "1",
            "notes": {"a": "1"},
        },
    )

    assert ("two", later, True, 5_000, True, {"a": "1"}) == (
        changed["reference_id"],
        changed["expire_by"],
        changed["accept_partial"],
        changed["first_min_partial_amount"],
        changed["reminder_enable"],
        changed["notes"],
    )
    whole = await merchant.done("PATCH", path, {"accept_partial": False})
    assert (False, 0) == (whole["accept_partial"], whole["first_min_partial_amount"])
    assert "amount" == (await merchant.refused("PATCH", path, {"amount": 5}))["field"]
    assert "There is nothing" in (await merchant.refused("PATCH", path, {}))["description"]
    taken = await merchant.refused("POST", LINK, {"amount": 100, "reference_id": "two"})
    assert ("reference_id", True) == (taken["field"], "already exists" in taken["description"])
    other = await merchant.link(reference_id="one")
    again = await merchant.refused("PATCH", f"{LINK}/{other['id']}", {"reference_id": "two"})
    assert "reference_id" == again["field"]
    await merchant.done("POST", f"{path}/cancel")
    assert {"b": "2"} == (await merchant.done("PATCH", path, {"notes": {"b": "2"}}))["notes"]
    refused = await merchant.refused("PATCH", path, {"reference_id": "three"})
    assert "cancelled" in refused["description"]


async def test_a_cancelled_link_takes_no_money(merchant: Merchant, visitor: Visitor) -> None:
    """Not by its page, nor by an order that was opened before."""
    link = await merchant.link()
    order_id = (await visitor.begin(link["id"])).order_id
    cancelled = await merchant.done("POST", f"{LINK}/{link['id']}/cancel")

    assert "cancelled" == cancelled["status"]
    assert cancelled["cancelled_at"] > 0
    assert "cancelled" == (await visitor.open(link["id"])).view
    assert f"/l/{link['id']}" == (await visitor.begin(link["id"])).location
    assert 400 == (await visitor.pay(order_id))[0]
    again = await merchant.refused("POST", f"{LINK}/{link['id']}/cancel")
    assert "it is cancelled" in again["description"]


async def test_a_link_expires(merchant: Merchant, visitor: Visitor, gateway: Gateway) -> None:
    """At its time, though somebody had its checkout open; a part that was paid stays paid."""
    link = await merchant.link(expire_by=soon(gateway), accept_partial=True)
    await pay_all(visitor, link["id"], "400")
    await merchant.until(f"{LINK}/{link['id']}", "partially_paid")
    order_id = (await visitor.begin(link["id"], "200")).order_id
    gateway.clock.advance(1_001)
    expired = await merchant.until(f"{LINK}/{link['id']}", "expired")

    assert (40_000, True) == (expired["amount_paid"], expired["expired_at"] > 0)
    assert "expired" == (await visitor.open(link["id"])).view
    assert 400 == (await visitor.pay(order_id))[0]
    await merchant.refused("POST", f"{LINK}/{link['id']}/cancel")


async def test_links_are_their_merchants_own(
    merchant: Merchant, gateway: Gateway, administrator: Administrator
) -> None:
    """Neither another merchant nor the live key of the same one sees, changes or finds them."""
    link = await merchant.link(reference_id="mine")
    [seeded] = await administrator.pool.fetch("SELECT merchant_id FROM bills")
    others = [
        await administrator.key(await administrator.merchant()),
        await administrator.key(seeded["merchant_id"], mode="live"),
    ]
    for key in others:
        stranger = Merchant(merchant.session, merchant.url, key.key, key.secret)
        path = f"{LINK}/{link['id']}"
        for method, target, body in (
            ("GET", path, None),
            ("PATCH", path, {"notes": {}}),
            ("POST", f"{path}/cancel", None),
            ("POST", f"{path}/notify_by/email", None),
        ):
            error = await stranger.refused(method, target, body)
            assert "The id provided does not exist" == error["description"]
        assert [] == (await stranger.done("GET", LINK))["payment_links"]
        assert [] == (await stranger.done("GET", f"{LINK}?reference_id=mine"))["payment_links"]
        # A reference is unique among the merchant's own.
        assert (
            200 == (await stranger.call("POST", LINK, {"amount": 100, "reference_id": "mine"}))[0]
        )
    assert link == await merchant.done("GET", f"{LINK}/{link['id']}")


async def test_notifying_needs_a_mail_server(merchant: Merchant) -> None:
    """Without one it is refused; short messages always are."""
    link = await merchant.link(customer={"email": "asha@example.com"}, notify={"email": True})
    path = f"{LINK}/{link['id']}/notify_by"

    assert "GATEWAY_SMTP_URL" in (await merchant.refused("POST", f"{path}/email"))["description"]
    assert "medium" == (await merchant.refused("POST", f"{path}/sms"))["field"]
    assert "medium" == (await merchant.refused("POST", f"{path}/pigeon"))["field"]


async def test_the_same_key_makes_one_link(merchant: Merchant) -> None:
    """An Idempotency-Key works as on every POST."""
    headers = {"Idempotency-Key": "link-1"}
    first = await merchant.done("POST", LINK, {"amount": 700}, headers=headers)

    assert first == await merchant.done("POST", LINK, {"amount": 700}, headers=headers)
    assert 1 == len((await merchant.done("GET", LINK))["payment_links"])


async def test_there_is_nothing_to_pay_elsewhere(visitor: Visitor) -> None:
    """A link that was cut says so."""
    for bill_id in ("x", "plink_0123456789abcdef", "inv_0123456789abcdef", "%00"):
        for page in (
            await visitor.open(bill_id),
            await visitor.begin(bill_id),
            await visitor.open(bill_id, "/return?paymentId=x"),
        ):
            assert (404, "unknown") == (page.status, page.view)
