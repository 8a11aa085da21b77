"""Customers over HTTP."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gateway.storage.pool import Pool
from tests.web.client import ApiClient

ASHA = {
    "name": "Asha Rao",
    "email": "asha@example.com",
    "contact": "+919876543210",
    "notes": {"tier": "gold"},
}


async def made(api: ApiClient, **fields: Any) -> dict[str, Any]:
    """A new customer."""
    answer = await api.post("/customers", fields)
    assert 201 == answer.status, answer.body
    return answer.json


async def test_a_customer_is_made_read_and_listed(api: ApiClient) -> None:
    """POST answers 201 with the whole customer; GET and the list give the same."""
    asha = await made(api, **ASHA)
    other = await made(api, name="Other")

    assert ASHA.items() <= asha.items()
    assert asha["id"].startswith("cust_")
    assert {"id", *ASHA, "created_at", "updated_at"} == asha.keys()
    assert asha == (await api.get(f"/customers/{asha['id']}")).json
    listed = (await api.get("/customers?limit=1")).json
    assert ([other], 2, True) == (listed["data"], listed["total"], listed["has_more"])
    after = (await api.get(f"/customers?starting_after={other['id']}")).json
    assert ([asha], False) == (after["data"], after["has_more"])
    for query in ("email=ASHA@example.com", "contact=%2B919876543210"):
        assert [asha] == (await api.get(f"/customers?{query}")).json["data"]
    assert 0 == (await api.get("/customers?email=nobody@example.com")).json["total"]


async def test_nothing_has_to_be_known_of_a_customer(api: ApiClient) -> None:
    """Customers without e-mail and contact are as many as the merchant makes."""
    first, second = await made(api), await made(api)

    assert first["id"] != second["id"]
    assert (None, None, None, {}) == (
        first["name"],
        first["email"],
        first["contact"],
        first["notes"],
    )


async def test_a_person_is_one_customer(api: ApiClient) -> None:
    """The same e-mail and contact again: refused, or answered with the first when asked so."""
    asha = await made(api, **ASHA)
    same = {"email": "Asha@Example.com", "contact": ASHA["contact"], "name": "Somebody else"}

    refused = await api.post("/customers", same)
    assert (400, "customer_exists") == (refused.status, refused.error["reason"])
    assert "A customer with this email and contact exists" == refused.error["description"]
    kept = await api.post("/customers", {**same, "fail_existing": False})
    assert (200, asha) == (kept.status, kept.json)
    # Another contact, or none, is somebody else.
    assert asha["id"] != (await made(api, email=ASHA["email"]))["id"]
    assert asha["id"] != (await made(api, email=ASHA["email"], contact="9000000000"))["id"]


async def test_many_at_once_make_one_customer(api: ApiClient) -> None:
    """Of requests that come together one makes the customer, and all get it."""
    body = {**ASHA, "fail_existing": False}
    answers = await asyncio.gather(*(api.post("/customers", body) for _ in range(12)))

    assert [200] * 11 + [201] == sorted(answer.status for answer in answers)
    assert 1 == len({answer.json["id"] for answer in answers})
    assert 1 == (await api.get("/customers")).json["total"]


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
async def test_details_are_changed(api: ApiClient, method: str) -> None:
    """What is named changes, null takes it away, the rest stays."""
    asha = await made(api, **ASHA)
    answer = await api.call(
        method, f"/customers/{asha['id']}", {"name": "Asha R.", "contact": None, "notes": {}}
    )

    assert 200 == answer.status
    expected = {**asha, "name": "Asha R.", "contact": None, "notes": {}}
    assert expected == {**answer.json, "updated_at": asha["updated_at"]}
    assert answer.json == (await api.get(f"/customers/{asha['id']}")).json
    nothing = await api.call(method, f"/customers/{asha['id']}", {})
    assert (400, "There is nothing to change") == (nothing.status, nothing.error["description"])


async def test_nobody_becomes_somebody_else(api: ApiClient) -> None:
    """A change to another customer's e-mail and contact is refused, and changes nothing."""
    await made(api, **ASHA)
    other = await made(api, email="other@example.com", contact=ASHA["contact"])
    refused = await api.call("PATCH", f"/customers/{other['id']}", {"email": ASHA["email"]})

    assert (400, "customer_exists") == (refused.status, refused.error["reason"])
    assert other == (await api.get(f"/customers/{other['id']}")).json


async def test_a_person_is_forgotten(api: ApiClient, pool: Pool) -> None:
    """After DELETE nothing of the person is left; the orders and their payments are."""
    asha = await made(api, **ASHA)
    order = await api.order(customer_id=asha["id"])
    payment = await api.captured(order_id=order["id"])
    deleted = await api.call("DELETE", f"/customers/{asha['id']}")

    assert (200, {"id": asha["id"], "deleted": True}) == (deleted.status, deleted.json)
    for method, body in (("GET", None), ("PATCH", {"name": "x"}), ("DELETE", None)):
        gone = await api.call(method, f"/customers/{asha['id']}", body)
        assert (404, "Customer not found") == (gone.status, gone.error["description"])
    assert 0 == (await api.get("/customers")).json["total"]
    # Whoever was in the middle of the list goes on from there.
    assert 200 == (await api.get(f"/customers?starting_after={asha['id']}")).status
    row = await pool.fetchrow("SELECT * FROM customers WHERE id = $1", asha["id"])
    for word in ("Asha", "asha", "9876543210", "gold"):
        assert word not in str(row)
    assert payment == (await api.get(f"/payments/{payment['id']}")).json
    # The same person may come again, as somebody new.
    assert asha["id"] != (await made(api, **ASHA))["id"]


async def test_an_order_names_a_customer_of_the_merchants(api: ApiClient) -> None:
    """An order for a customer who does not exist, or does no more, is refused."""
    asha = await made(api, **ASHA)
    assert asha["id"] == (await api.order(customer_id=asha["id"]))["customer_id"]
    await api.call("DELETE", f"/customers/{asha['id']}")

    for customer_id in (asha["id"], "cust_0000000000000000"):
        refused = await api.post("/orders", {"amount": 500, "customer_id": customer_id})
        assert (404, "customer_id") == (refused.status, refused.error["field"])


async def test_a_key_repeats_the_answer(api: ApiClient) -> None:
    """The same key makes one customer, although another one would be refused."""
    first = await api.post("/customers", ASHA, key="asha")
    again = await api.post("/customers", ASHA, key="asha")

    assert (201, 201) == (first.status, again.status)
    assert first.body == again.body
    assert "true" == again.headers["Idempotent-Replayed"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "n" * 256}, "name"),
        ({"name": 5}, "name"),
        ({"email": "nobody"}, "email"),
        ({"email": "a@b\r\nBcc: c@d"}, "email"),
        ({"email": f"{'a' * 65}@example.com"}, "email"),
        ({"contact": "call me"}, "contact"),
        ({"contact": "1" * 40}, "contact"),
        ({"contact": 9876543210}, "contact"),
        ({"notes": {str(number): "x" for number in range(51)}}, "notes"),
        ({"notes": {"a": 1.5}}, "notes"),
        ({"fail_existing": "0"}, "fail_existing"),
        ({"gstin": "x"}, "gstin"),
    ],
)
async def test_what_is_wrong_is_named(api: ApiClient, body: dict[str, Any], field: str) -> None:
    """A field that cannot be stored is refused by its name; nothing is made."""
    refused = await api.post("/customers", body)

    assert (400, field) == (refused.status, refused.error["field"])
    assert 0 == (await api.get("/customers")).json["total"]


async def test_what_is_looked_for_is_a_text(api: ApiClient) -> None:
    """Filters that no customer can have are refused."""
    for query in ("email=a%00b", "contact=1&contact=2", f"email={'a' * 300}"):
        assert 400 == (await api.get(f"/customers?{query}")).status
