"""Razorpay's Node library, unmodified: customers, saved cards, disputes, settlements."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.razorpay.test_node_library import Library, Refused, library, pytestmark
from tests.razorpay.wire import CARD, Wire

__all__ = ["library", "pytestmark"]


def test_customers_and_saved_cards(library: Library, wire: Wire) -> None:
    """A card is saved with a payment, charged again, and deleted."""
    body = {"name": "Asha", "email": f"n{time.time_ns()}@b.example", "fail_existing": "0"}
    asha = library.call("customers", "create", body)
    assert asha == library.call("customers", "create", body)
    assert asha == library.call("customers", "fetch", asha["id"])
    assert asha in library.call("customers", "all", {"count": 100})["items"]
    assert "Ravi" == library.call("customers", "edit", asha["id"], {"name": "Ravi"})["name"]
    card = {**CARD, "number": "4242424242424242"}
    saving = {**_ordered(library, asha), "method": "card", "card": card, "save": 1}
    made = library.call("payments", "createPaymentJson", saving)
    wire.settled(made["razorpay_payment_id"])
    [token] = library.call("customers", "fetchTokens", asha["id"])["items"]
    assert token == library.call("customers", "fetchToken", asha["id"], token["id"])
    assert token == library.call("tokens", "fetch", {"id": token["id"]})
    recurring = {**_ordered(library, asha), "token": token["id"], "recurring": "1"}

    charged = library.call("payments", "createRecurringPayment", recurring)

    assert "authorized" == wire.settled(charged["razorpay_payment_id"])["status"]
    assert library.call("customers", "deleteToken", asha["id"], token["id"])["deleted"]
    assert [] == library.call("customers", "fetchTokens", asha["id"])["items"]
    with pytest.raises(Refused, match="does not exist"):
        library.call("tokens", "delete", {"id": token["id"]})


def _ordered(library: Library, customer: dict[str, Any]) -> dict[str, Any]:
    """What a payment of a new order of theirs begins with."""
    wish = {"amount": 500, "currency": "INR", "customer_id": customer["id"]}
    order = library.call("orders", "create", wish)
    return {"amount": 500, "currency": "INR", "order_id": order["id"], "email": customer["email"]}


def test_disputes(library: Library, wire: Wire) -> None:
    """Listed, fetched, contested and accepted; opened by the simulated bank."""
    payment = wire.payment(wire.order(payment_capture=1))
    wish = {"payment_id": payment["id"], "amount": 20_000}
    opened = wire.call("POST", "/api/v1/test/disputes", wish, surface="api").json
    dispute = library.call("disputes", "fetch", opened["id"])
    assert ("dispute", "open") == (dispute["entity"], dispute["status"])
    assert dispute in library.call("disputes", "all", {"count": 100})["items"]
    draft = {"summary": "Delivered", "action": "draft"}
    contested = library.call("disputes", "contest", dispute["id"], draft)
    assert "Delivered" == contested["evidence"]["summary"]

    lost = library.call("disputes", "accept", dispute["id"])

    assert ("lost", 20_000) == (lost["status"], lost["amount_deducted"])
    with pytest.raises(Refused, match="Dispute is lost"):
        library.call("disputes", "contest", dispute["id"], {"action": "submit"})


def test_settlements(library: Library, settlement: dict[str, Any]) -> None:
    """Listed, fetched, and taken apart into the rows to reconcile by."""
    id_ = settlement["id"]
    assert settlement == library.call("settlements", "fetch", id_)
    assert settlement in library.call("settlements", "all", {"count": 100})["items"]
    closed = time.gmtime(settlement["created_at"])
    asked = {"year": closed.tm_year, "month": closed.tm_mon, "day": closed.tm_mday}
    rows = library.call("settlements", "reports", asked)["items"]
    own = [row for row in rows if row["settlement_id"] == id_]
    assert settlement["amount"] == sum(row["credit"] - row["debit"] for row in own)
    with pytest.raises(Refused, match="month"):
        library.call("settlements", "reports", {"year": closed.tm_year})
