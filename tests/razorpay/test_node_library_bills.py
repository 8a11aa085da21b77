"""Razorpay's Node library, unmodified: payment links, items, invoices."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from gateway.seeding import TEST_SECRET
from tests.razorpay.test_node_library import Library, Refused, library, pytestmark
from tests.razorpay.test_python_library_bills import led_to
from tests.razorpay.wire import Wire

__all__ = ["library", "pytestmark"]


def test_a_link_from_its_creation_to_its_callback(library: Library, wire: Wire) -> None:
    """Made, changed, listed, paid; the library checks the callback's signature."""
    link = library.call(
        "paymentLink",
        "create",
        {
            "amount": 50_000,
            "currency": "INR",
            "reference_id": "NODE-1",
            "customer": {"name": "Asha", "email": "asha@example.com"},
            "callback_url": "https://shop.example/paid",
            "callback_method": "get",
        },
    )
    edited = library.call("paymentLink", "edit", link["id"], {"notes": {"a": "b"}})
    assert {"a": "b"} == edited["notes"]
    listed = library.call("paymentLink", "all", {"reference_id": "NODE-1"})["payment_links"]
    assert [link["id"]] == [each["id"] for each in listed]
    with pytest.raises(Refused, match="GATEWAY_SMTP_URL"):
        library.call("paymentLink", "notifyBy", link["id"], "email")
    checkout = dict(parse_qsl(urlsplit(led_to(link["short_url"], b"")).query))
    payment = wire.payment({"id": checkout["order_id"]})
    given = _returned(link, payment["id"])

    signature = given.pop("signature")
    assert library.call("verify", "payment", given, signature, TEST_SECRET) is True
    changed = {**given, "payment_link_status": "x"}
    assert library.call("verify", "payment", changed, signature, TEST_SECRET) is False
    assert "paid" == library.call("paymentLink", "fetch", link["id"])["status"]
    other = library.call("paymentLink", "create", {"amount": 500, "currency": "INR"})
    assert "cancelled" == library.call("paymentLink", "cancel", other["id"])["status"]


def _returned(link: dict[str, Any], payment_id: str) -> dict[str, str]:
    """What the shop is told, by the names that the library's check takes."""
    back = led_to(f"{link['short_url']}/return?paymentId={payment_id}")
    told = dict(parse_qsl(urlsplit(back).query))
    return {name.removeprefix("razorpay_"): value for name, value in told.items()}


def test_items_and_invoices(library: Library) -> None:
    """Every method of both."""
    item = library.call("items", "create", {"name": "Tea", "amount": 15_000, "currency": "INR"})
    edited = library.call("items", "edit", item["id"], {"amount": 16_000})
    assert edited == library.call("items", "fetch", item["id"])
    assert edited in library.call("items", "all", {"count": 100})["items"]
    lines = [{"item_id": item["id"], "quantity": 2}]
    draft = library.call(
        "invoices", "create", {"draft": "1", "line_items": lines, "receipt": "NODE"}
    )
    assert ("draft", 32_000) == (draft["status"], draft["amount"])
    changed = library.call("invoices", "edit", draft["id"], {"terms": "soon"})
    assert "soon" == changed["terms"]
    issued = library.call("invoices", "issue", draft["id"])
    assert "issued" == issued["status"]
    assert issued in library.call("invoices", "all", {"receipt": "NODE"})["items"]
    with pytest.raises(Refused, match="GATEWAY_SMTP_URL"):
        library.call("invoices", "notifyBy", draft["id"], "email")
    assert "cancelled" == library.call("invoices", "cancel", draft["id"])["status"]
    another = library.call("invoices", "create", {"draft": "1"})
    assert [] == library.call("invoices", "delete", another["id"])
    assert [] == library.call("items", "delete", item["id"])
    with pytest.raises(Refused, match="does not exist"):
        library.call("invoices", "fetch", another["id"])
