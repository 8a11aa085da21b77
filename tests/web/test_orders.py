"""Orders over HTTP."""

from __future__ import annotations

from tests.web.client import ApiClient


async def test_an_order_is_made_and_read(api: ApiClient) -> None:
    """POST answers 201 with the whole order, and GET gives the same."""
    made = await api.post(
        "/orders", {"amount": 50_000, "currency": "INR", "receipt": "r-1", "notes": {"a": "b"}}
    )

    assert 201 == made.status
    order = made.json
    assert {
        "amount": 50_000,
        "amount_paid": 0,
        "amount_due": 50_000,
        "attempts": 0,
        "currency": "INR",
        "receipt": "r-1",
        "notes": {"a": "b"},
        "status": "created",
        "capture": "manual",
        "merchant_id": "550e8400-e29b-41d4-a716-446655440000",
    }.items() <= order.items()
    assert order == (await api.get(f"/orders/{order['id']}")).json
