"""What orders may be of, as the operator has it: `GATEWAY_AMOUNT_LIMITS`."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from pydantic import ValidationError

from gateway.settings import Settings
from tests.web.client import ApiClient

UPI = {"method": "upi", "vpa": "success@bank"}
LINK = {"currency": "INR", "accept_partial": True}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Bounds for rupees, wider below and narrower above; a lower one for yen."""
    limits = ("INR:50-60000", "JPY:500-")
    return settings.model_copy(update={"amount_limits": limits})


async def posted(api: ApiClient, path: str, body: dict[str, Any]) -> tuple[int, Any]:
    """Status and content, of either surface."""
    async with api.session.post(api.url + path, json=body, headers=api.credentials) as answer:
        return answer.status, orjson.loads(await answer.read())


@pytest.mark.parametrize("path", ["/api/v1/orders", "/api/v1/payments/purchase", "/v1/orders"])
async def test_orders_keep_to_the_bounds(api: ApiClient, path: str) -> None:
    """However they are made: the bounds themselves are taken, and one unit beyond is refused."""
    more = UPI if path.endswith("purchase") else {}
    for currency, amount, text in (
        ("INR", 49, "amount must be at least 50"),
        ("INR", 60_001, "amount must be at most 60000"),
        ("JPY", 499, "amount must be at least 500"),
        ("USD", 99, "amount must be at least 100"),
    ):
        body = {"amount": amount, "currency": currency, **more}
        status, refused = await posted(api, path, body)
        error = refused["error"]
        assert (400, "amount", text) == (status, error["field"], error["description"])
    for currency, amount in (("INR", 50), ("INR", 60_000), ("JPY", 500), ("USD", 999_999_999_999)):
        status, made = await posted(api, path, {"amount": amount, "currency": currency, **more})
        assert status in (200, 201), made


async def test_all_that_is_wrong_is_named(api: ApiClient) -> None:
    """The amount beside other fields."""
    refused = await api.post("/orders", {"amount": 60_001, "receipt": 7})

    assert {"amount", "receipt"} == {each["field"] for each in refused.error["metadata"]["errors"]}


async def test_what_is_taken_or_given_back_is_not_bound(api: ApiClient) -> None:
    """Captures and refunds of a few paise are of orders that kept to the bounds."""
    made = await api.post("/payments/authorize", {"amount": 50, **UPI})
    part = await api.post("/payments/capture", {"payment_id": made.json["id"], "amount": 2})
    refund = await api.post("/payments/refund", {"payment_id": made.json["id"], "amount": 1})

    assert [200, 200, 200] == [each.status for each in (made, part, refund)], refund.body
    assert (2, 1) == (part.json["amount_captured"], refund.json["amount"])


async def test_payment_links_ask_for_what_can_be_paid(api: ApiClient) -> None:
    """Their amounts and the parts they take are those of orders."""

    async def link(amount: int, first: int) -> int:
        body = {**LINK, "amount": amount, "first_min_partial_amount": first}
        return (await posted(api, "/v1/payment_links", body))[0]

    assert [400, 200, 400, 200] == [
        await link(60_001, 100),
        await link(60_000, 100),
        await link(1_000, 49),
        await link(1_000, 50),
    ]


def test_bounds_that_cannot_be_are_refused_at_the_start() -> None:
    """With the place of what is wrong; as text and as a list."""
    assert ("INR:50-60000", "JPY:50-") == Settings(
        amount_limits="INR:50-60000, JPY:50-"
    ).amount_limits
    for wrong in ("INR:50", "INR:50-60000,INR:1-2", "BTC:1-2"):
        with pytest.raises(ValidationError, match=r"number [12] "):
            Settings(amount_limits=wrong)
