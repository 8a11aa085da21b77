"""Currencies with two, no and three decimals, from the order to the books; never added together."""

from __future__ import annotations

from typing import Any

import pytest

from tests.checkout.shopper import Shopper
from tests.checkout.test_page import opened, text_of
from tests.support import eventually
from tests.web.client import ApiClient

# Code, amount in minor units, how the shopper sees it, and what is taken of it and given back.
CURRENCIES = [
    ("INR", 50_000, "₹500.00", 30_000, 10_001),
    ("JPY", 1_234, "¥1,234", 1_000, 333),
    ("KWD", 5_125, "KWD\xa05.125", 4_125, 1_005),
]


async def events_of(api: ApiClient, payment_id: str) -> dict[str, Any]:
    """The last payment object that each event told of."""
    listed = (await api.get("/events?limit=100")).json["data"]
    return {
        event["type"]: event["data"]["payment"]
        for event in reversed(listed)
        if event["payment_id"] == payment_id
    }


@pytest.mark.parametrize(("currency", "amount", "shown", "taken", "back"), CURRENCIES)
async def test_the_whole_path_counts_in_minor_units(
    api: ApiClient,
    shopper: Shopper,
    currency: str,
    amount: int,
    shown: str,
    taken: int,
    back: int,
) -> None:
    """Order, checkout, authorization, partial capture, refund, events, `/v1` and balance agree."""
    order = await api.order(amount=amount, currency=currency)
    page = await opened(shopper, order["id"])
    assert shown == text_of(page, "order-amount")

    payment = await api.authorized(order_id=order["id"])
    captured = (await api.post(f"/payments/{payment['id']}/capture", {"amount": taken})).json
    refund = (await api.post(f"/payments/{payment['id']}/refunds", {"amount": back})).json

    async def processed() -> bool:
        return (await api.get(f"/refunds/{refund['id']}")).json["status"] == "processed"

    await eventually(processed)
    assert (currency, amount, taken) == (
        captured["currency"],
        captured["amount_authorized"],
        captured["amount_captured"],
    )
    told = await events_of(api, payment["id"])
    assert (currency, amount, 0) == _sums(told["payment.success"])
    assert (currency, amount, taken) == _sums(told["payment.captured"])
    assert (currency, taken, back) == (
        told["refund.processed"]["currency"],
        told["refund.processed"]["amount_captured"],
        told["refund.processed"]["amount_refunded"],
    )
    theirs = (await api.get(f"//v1/payments/{payment['id']}")).json
    assert (currency, back) == (theirs["currency"], theirs["amount_refunded"])
    (held,) = (await api.get("/balance")).json["data"]
    assert (currency, taken - back) == (held["currency"], held["available"])


def _sums(payment: dict[str, Any]) -> tuple[str, int, int]:
    return payment["currency"], payment["amount"], payment["amount_captured"]


async def test_currencies_are_never_added_together(api: ApiClient) -> None:
    """Two captures in two currencies are two balances and two settlements."""
    await api.captured(order_id=(await api.order(amount=50_000))["id"])
    await api.captured(order_id=(await api.order(amount=1_234, currency="JPY"))["id"])

    held = (await api.get("/balance")).json["data"]
    assert {"INR": 50_000, "JPY": 1_234} == {each["currency"]: each["available"] for each in held}
    await api.post("/test/clock", {"advance_seconds": 86_400})

    async def both() -> dict[str, int] | None:
        listed = (await api.get("/settlements")).json["data"]
        found = {each["currency"]: each["amount"] for each in listed}
        return found if len(found) == 2 else None

    assert {"INR": 50_000, "JPY": 1_234} == await eventually(both)


@pytest.mark.parametrize(
    ("currency", "amount", "said"),
    [
        ("INR", 99, "amount must be at least 100"),
        ("JPY", 0, "amount must be at least 1"),
        ("KWD", 999, "amount must be at least 1000"),
        ("KWD", 1_000_000_000_000, "amount must be at most 999999999999"),
    ],
)
async def test_bounds_are_the_currencys_own(
    api: ApiClient, currency: str, amount: int, said: str
) -> None:
    """The least is one of the major unit; the field is named."""
    refused = await api.post("/orders", {"amount": amount, "currency": currency})

    assert (400, "amount", said) == (
        refused.status,
        refused.error["field"],
        refused.error["description"],
    )
