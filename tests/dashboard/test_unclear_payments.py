"""What merchants see of payments that the processor has not answered about, or too late."""

from __future__ import annotations

import pytest

from gateway.domain.ids import new_id
from gateway.storage.pool import Pool
from tests.dashboard.people import Browser, People
from tests.support import eventually
from tests.web.client import ApiClient

OPERATORS = "/dashboard/operators"


async def test_an_unknown_outcome_says_why_and_when(
    owner: Browser, api: ApiClient, pool: Pool
) -> None:
    """What was asked for, the reason, and when the processor is asked again; or that people are."""
    payment = await api.payment(method="upi", vpa="timeout@bank")
    unknown = "SELECT id FROM operations WHERE payment_id = $1 AND state = 'unknown'"
    operation_id = await eventually(lambda: pool.fetchval(unknown, payment["id"]))
    address = f"/dashboard/transactions/{payment['id']}"

    page = await owner.get(address)
    assert "unknown" == (await api.get(f"/payments/{payment['id']}")).json["status"]
    assert "has not said what became of the authorize of ₹500.00" in page.text
    assert "asked 0 times, again " in page.text

    await pool.execute(
        "UPDATE operations SET due_at = NULL, lookups = 9 WHERE id = $1", operation_id
    )
    page = await owner.get(address)
    assert "operators look into it" in page.text


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ("open", "It is being given back."),
        ("done", "It was given back."),
        ("failed", "It could not be given back"),
    ],
)
async def test_a_late_approval_is_told(
    owner: Browser, people: People, api: ApiClient, pool: Pool, state: str, told: str
) -> None:
    """Money was moved that the payment does not count: the page says how much, and where it is."""
    payment = await api.payment()
    await api.settled(payment["id"])
    address = f"/dashboard/transactions/{payment['id']}"
    operator = await people.signed_in("operator")
    before = await owner.get(address)
    await pool.execute(
        "INSERT INTO operations (id, payment_id, order_id, kind, purpose, amount, state, due_at,"
        " reverses, created_at, updated_at)"
        " SELECT $1, id, order_id, 'refund', 'reversal', 12345, $2,"
        " CASE $2 WHEN 'open' THEN now() + interval '1 day' END, 'att', now(), now()"
        " FROM payments WHERE id = $3",
        new_id("op"),
        state,
        payment["id"],
    )
    page = await owner.get(address)

    assert not before.has("late-approval")
    assert page.has("late-approval")
    assert "approved ₹123.45 that this payment does not count" in page.text
    assert told in page.text
    assert ("0" if state == "done" else "1") == (await operator.get(OPERATORS)).by_test_id(
        "late-count"
    )
