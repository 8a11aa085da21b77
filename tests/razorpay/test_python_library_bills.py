"""Razorpay's Python library, unmodified: payment links, items, invoices."""

from __future__ import annotations

import urllib.error
import urllib.request
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from razorpay.errors import BadRequestError, SignatureVerificationError

from tests.razorpay.test_python_library import library
from tests.razorpay.wire import Wire

__all__ = ["library"]


class _Stay(urllib.request.HTTPRedirectHandler):
    """Says where it would be sent."""

    def redirect_request(self, *_: Any) -> None:
        return None


def led_to(url: str, data: bytes | None = None) -> str:
    """Where the page leads a browser."""
    with pytest.raises(urllib.error.HTTPError, match="303") as led:
        urllib.request.build_opener(_Stay).open(url, data, timeout=30)
    with led.value as answer:
        return str(answer.headers["Location"])


def test_a_link_from_its_creation_to_its_callback(library: Any, wire: Wire) -> None:
    """Made, changed, listed, paid; the library checks the callback's signature."""
    links = library.payment_link
    link = links.create(
        {
            "amount": 50_000,
            "currency": "INR",
            "reference_id": "PY-1",
            "customer": {"name": "Asha", "email": "asha@example.com"},
            "notify": {"sms": True, "email": True},
            "callback_url": "https://shop.example/paid",
            "callback_method": "get",
        }
    )
    assert {"a": "b"} == links.edit(link["id"], {"notes": {"a": "b"}})["notes"]
    assert link["id"] in [each["id"] for each in links.all()["payment_links"]]
    with pytest.raises(BadRequestError, match="GATEWAY_SMTP_URL"):
        links.notifyBy(link["id"], "email")
    checkout = dict(parse_qsl(urlsplit(led_to(link["short_url"], b"")).query))
    payment = wire.payment({"id": checkout["order_id"]})
    back = led_to(f"{link['short_url']}/return?paymentId={payment['id']}")
    given = dict(parse_qsl(urlsplit(back).query))
    signed = {
        "payment_link_id": given["razorpay_payment_link_id"],
        "payment_link_reference_id": given["razorpay_payment_link_reference_id"],
        "payment_link_status": given["razorpay_payment_link_status"],
        "razorpay_payment_id": given["razorpay_payment_id"],
        "razorpay_signature": given["razorpay_signature"],
    }

    assert library.utility.verify_payment_link_signature(signed)
    with pytest.raises(SignatureVerificationError):
        library.utility.verify_payment_link_signature({**signed, "payment_link_status": "x"})
    assert "paid" == links.fetch(link["id"])["status"]
    other = links.create({"amount": 500})
    assert "cancelled" == links.cancel(other["id"])["status"]


def test_items_and_invoices(library: Any) -> None:
    """Every method of both."""
    item = library.item.create({"name": "Tea", "amount": 15_000, "currency": "INR"})
    assert 16_000 == library.item.edit(item["id"], {"amount": 16_000})["amount"]
    assert item["id"] in [each["id"] for each in library.item.all()["items"]]
    invoices = library.invoice
    draft = invoices.create(
        {"draft": "1", "line_items": [{"item_id": item["id"], "quantity": 2}], "receipt": "PY"}
    )
    assert ("draft", 32_000) == (draft["status"], draft["amount"])
    assert "soon" == invoices.edit(draft["id"], {"terms": "soon"})["terms"]
    assert "issued" == invoices.issue(draft["id"])["status"]
    assert draft["id"] in [each["id"] for each in invoices.all()["items"]]
    with pytest.raises(BadRequestError, match="GATEWAY_SMTP_URL"):
        invoices.notify_by(draft["id"], "email")
    assert "cancelled" == invoices.cancel(draft["id"])["status"]
    another = invoices.create({"draft": "1"})
    assert [] == invoices.delete(another["id"])
    assert [] == library.item.delete(item["id"])
    with pytest.raises(BadRequestError, match="does not exist"):
        invoices.fetch(another["id"])
