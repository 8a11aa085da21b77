"""`/v1/items` and `/v1/invoices`: drafted, changed, issued, paid, cancelled, deleted."""

from __future__ import annotations

from typing import Any

from gateway.app import Gateway
from tests.bills.merchant import Merchant, Visitor
from tests.web.client import ApiClient
from tests.web.merchants import Administrator

INVOICES = "/invoices"
TEA = {"name": "Tea", "amount": 15_000, "currency": "INR"}
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"line_items": [{"amount": 100}]}, "line_items.0.name"),
    ({"line_items": [{"name": "a"}]}, "line_items.0.amount"),
    ({"line_items": [{"name": "a", "amount": 100, "quantity": 0}]}, "line_items.0.quantity"),
    ({"line_items": [{"name": "a", "amount": -1}]}, "line_items.0.amount"),
    ({"line_items": [{**TEA, "currency": "USD"}]}, "line_items.0.currency"),
    ({"line_items": [{"item_id": "item_0123456789abcdef"}]}, "line_items.0.item_id"),
    ({"line_items": [TEA] * 51}, "line_items"),
    ({"line_items": [{**TEA, "amount": 10**11, "quantity": 10}]}, "line_items"),
    ({"line_items": []}, "amount"),
    ({"customer_id": "cust_0123456789abcdef"}, "customer_id"),
    ({"expire_by": 5}, "expire_by"),
    ({"first_payment_min_amount": 500}, "first_min_partial_amount"),
    ({"receipt": "x" * 41}, "receipt"),
    ({"type": "link"}, "type"),
    ({"draft": "perhaps"}, "draft"),
]


async def test_items(merchant: Merchant) -> None:
    """Made by JSON or form, changed, listed, switched off, deleted."""
    item = await merchant.done("POST", "/items", TEA)
    form = {"name": "Cup", "amount": "900", "currency": "INR", "description": "blue"}
    cup = await merchant.done("POST", "/items/", form=form)
    assert (15_000, 15_000, "invoice", True) == (
        item["amount"],
        item["unit_amount"],
        item["type"],
        item["active"],
    )

    listed = await merchant.done("GET", "/items")
    assert (2, [cup["id"], item["id"]]) == (listed["count"], [i["id"] for i in listed["items"]])
    changed = await merchant.done("PATCH", f"/items/{cup['id']}", {"amount": 950, "active": 0})
    assert (950, "blue", False) == (changed["amount"], changed["description"], changed["active"])
    active = await merchant.done("GET", "/items?active=1")
    assert [item["id"]] == [each["id"] for each in active["items"]]
    for body, field in (
        ({"amount": 99}, "amount"),
        ({"name": ""}, "name"),
        ({"currency": "XYZ"}, "currency"),
        ({"colour": "red"}, "colour"),
    ):
        error = await merchant.refused("PATCH", f"/items/{cup['id']}", body)
        assert field == error["field"], body
    assert 950 == (await merchant.done("GET", f"/items/{cup['id']}"))["amount"]
    assert [] == await merchant.done("DELETE", f"/items/{cup['id']}", {})
    for method in ("GET", "DELETE"):
        error = await merchant.refused(method, f"/items/{cup['id']}")
        assert "The id provided does not exist" == error["description"]


async def test_a_draft_becomes_an_invoice_that_is_paid(
    merchant: Merchant, visitor: Visitor, api: ApiClient
) -> None:
    """Drafted with an item and a customer, changed, issued; its page leads into the checkout."""
    item = await merchant.done("POST", "/items", TEA)
    customer = (await api.post("/customers", {"name": "Asha", "email": "asha@example.com"})).json
    draft = await merchant.done(
        "POST",
        INVOICES,
        {
            "draft": "1",
            "line_items": [{"item_id": item["id"], "quantity": 2}],
            "customer_id": customer["id"],
            "receipt": "INV-7",
        },
    )
    path = f"{INVOICES}/{draft['id']}"
    assert ("draft", 30_000, None, "Asha") == (
        draft["status"],
        draft["amount"],
        draft["short_url"],
        draft["customer_details"]["name"],
    )
    assert 404 == (await visitor.open(draft["id"])).status

    lines = [{"item_id": item["id"], "amount": "14000"}, {"name": "Cup", "amount": 500}]
    changed = await merchant.done(
        "PATCH", path, {"line_items": lines, "terms": "30 days", "comment": "Thanks"}
    )
    assert (14_500, "30 days", "Thanks", "INV-7", customer["id"]) == (
        changed["amount"],
        changed["terms"],
        changed["comment"],
        changed["receipt"],
        changed["customer_id"],
    )
    assert [(14_000, 1, 14_000), (500, 1, 500)] == [
        (line["unit_amount"], line["quantity"], line["net_amount"])
        for line in changed["line_items"]
    ]
    issued = await merchant.done("POST", f"{path}/issue")
    assert "issued" == issued["status"]
    assert issued["short_url"].endswith(f"/l/{draft['id']}")
    error = await merchant.refused("PATCH", path, {"line_items": lines})
    assert "line_items can be changed in a draft only" == error["description"]
    assert "late" == (await merchant.done("PATCH", path, {"comment": "late"}))["comment"]
    await merchant.done("DELETE", f"/items/{item['id']}")

    page = await visitor.open(draft["id"])
    assert "open" == page.view
    for text in ("INV-7", "₹145.00", "30 days", "late", "Cup"):
        assert text in page.text
    payment = (await visitor.pay((await visitor.begin(draft["id"])).order_id))[1]
    paid = await merchant.until(path, "paid")
    assert (payment["id"], payment["order_id"], 14_500, 0) == (
        paid["payment_id"],
        paid["order_id"],
        paid["amount_paid"],
        paid["amount_due"],
    )
    assert paid["paid_at"] > 0
    order = await merchant.done("GET", f"/orders/{payment['order_id']}")
    assert "INV-7" == order["receipt"]
    for query in (f"payment_id={payment['id']}", "receipt=INV-7", f"customer_id={customer['id']}"):
        listed = await merchant.done("GET", f"{INVOICES}?{query}")
        assert [draft["id"]] == [each["id"] for each in listed["items"]], query
    assert 200 == (await api.call("DELETE", f"/customers/{customer['id']}")).status
    forgotten = await merchant.done("GET", path)
    assert (customer["id"], None, None, "paid") == (
        forgotten["customer_id"],
        forgotten["customer_details"]["name"],
        forgotten["customer_details"]["email"],
        forgotten["status"],
    )


async def test_an_invoice_by_form(merchant: Merchant, visitor: Visitor) -> None:
    """As PHP sends it: issued at once, paid in parts."""
    invoice = await merchant.done(
        "POST",
        INVOICES,
        form={
            "type": "invoice",
            "line_items[0][name]": "Tea",
            "line_items[0][amount]": "20000",
            "line_items[0][quantity]": "3",
            "customer[name]": "Asha",
            "customer[contact]": "9000090000",
            "partial_payment": "1",
            "first_payment_min_amount": "10000",
            "notes[a]": "b",
        },
    )
    assert ("issued", 60_000, True, 10_000, "9000090000") == (
        invoice["status"],
        invoice["amount"],
        invoice["partial_payment"],
        invoice["first_payment_min_amount"],
        invoice["customer_details"]["contact"],
    )
    assert 400 == (await visitor.begin(invoice["id"], "99")).status
    await visitor.pay((await visitor.begin(invoice["id"], "250")).order_id)
    part = await merchant.until(f"{INVOICES}/{invoice['id']}", "partially_paid")
    assert (25_000, 35_000) == (part["amount_paid"], part["amount_due"])


async def test_what_an_invoice_cannot_be(merchant: Merchant) -> None:
    """The field is named, and no invoice is made."""
    for fields, field in WRONG:
        error = await merchant.refused("POST", INVOICES, {"line_items": [TEA], **fields})
        assert field == error["field"], fields
    assert [] == (await merchant.done("GET", INVOICES))["items"]


async def test_what_each_state_allows(
    merchant: Merchant, visitor: Visitor, gateway: Gateway
) -> None:
    """A draft is issued or deleted, an invoice cancelled or expires; nothing twice."""
    draft = await merchant.done("POST", INVOICES, {"draft": True})
    path = f"{INVOICES}/{draft['id']}"
    assert "amount" == (await merchant.refused("POST", f"{path}/issue"))["field"]
    assert [] == await merchant.done("DELETE", path)
    await merchant.refused("GET", path)

    expire_by = int(gateway.clock.now().timestamp()) + 1_000
    made = [
        await merchant.done("POST", INVOICES, {"line_items": [TEA], "expire_by": expire_by})
        for _ in range(2)
    ]
    cancelled = f"{INVOICES}/{made[0]['id']}"
    assert "cancelled" == (await merchant.done("POST", f"{cancelled}/cancel"))["status"]
    assert "cancelled" == (await visitor.open(made[0]["id"])).view
    for method, target in (
        ("POST", f"{cancelled}/cancel"),
        ("POST", f"{cancelled}/issue"),
        ("DELETE", cancelled),
    ):
        await merchant.refused(method, target)
    gateway.clock.advance(1_001)
    await merchant.until(f"{INVOICES}/{made[1]['id']}", "expired")
    assert "expired" == (await visitor.open(made[1]["id"])).view


async def test_invoices_and_items_are_their_merchants_own(
    merchant: Merchant, administrator: Administrator
) -> None:
    """Another merchant sees none, and puts none of the items into an invoice."""
    item = await merchant.done("POST", "/items", TEA)
    invoice = await merchant.done("POST", INVOICES, {"line_items": [TEA], "draft": 1})
    key = await administrator.key(await administrator.merchant())
    stranger = Merchant(merchant.session, merchant.url, key.key, key.secret)

    for method, path, body in (
        ("GET", f"/items/{item['id']}", None),
        ("PATCH", f"/items/{item['id']}", {"amount": 5_000}),
        ("DELETE", f"/items/{item['id']}", None),
        ("GET", f"{INVOICES}/{invoice['id']}", None),
        ("PATCH", f"{INVOICES}/{invoice['id']}", {"terms": "x"}),
        ("DELETE", f"{INVOICES}/{invoice['id']}", None),
        ("POST", f"{INVOICES}/{invoice['id']}/issue", None),
        ("POST", INVOICES, {"line_items": [{"item_id": item["id"]}]}),
        # A link is no invoice.
        ("GET", f"/payment_links/{invoice['id']}", None),
    ):
        error = await stranger.refused(method, path, body)
        assert "The id provided does not exist" == error["description"], path
    assert [] == (await stranger.done("GET", "/items"))["items"]
    assert [] == (await stranger.done("GET", INVOICES))["items"]
