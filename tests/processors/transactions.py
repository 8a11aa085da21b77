"""Transactions as tests ask the simulated bank for them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from gateway.domain.ids import new_id
from gateway.domain.instruments import CardData
from gateway.domain.outcomes import Transaction
from gateway.processors.simulator import SimulatedBank

OpenBank = Callable[..., Awaitable[SimulatedBank]]


def card(number: str = "4242424242424242") -> CardData:
    return CardData(number=number, expiry_month=12, expiry_year=2030, cvv="737")


def transaction(kind: str = "charge", **changes: Any) -> Transaction:
    """A UPI payment of 500.00 INR under a reference of its own, unless changed."""
    values: dict[str, Any] = {
        "reference": new_id("att"),
        "payment_id": new_id("pay"),
        "order_id": new_id("order"),
        "refund_id": None,
        "amount": 50_000,
        "currency": "INR",
        "method": "card" if changes.get("card") else "upi",
        "vpa": None if changes.get("card") else "somebody@upi",
    }
    return Transaction(kind=kind, **(values | changes))


def following(payment: Transaction, kind: str, amount: int, **changes: Any) -> Transaction:
    """What is asked of the bank about an earlier payment."""
    values = {"payment_id": payment.payment_id, "original": payment.reference, "amount": amount}
    return transaction(kind, **(values | changes))
