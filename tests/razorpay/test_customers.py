"""`/v1/customers`: each a person once, unless the merchant asks for the one that there is."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.razorpay.wire import Wire


def person(**fields: Any) -> dict[str, Any]:
    """Somebody new."""
    return {"name": "Asha", "email": f"a{time.time_ns()}@b.example", **fields}


def test_a_customer_from_beginning_to_end(wire: Wire) -> None:
    """Made, read, listed, changed; digits may be a number, and an empty field is none."""
    body = person(contact=9_000_090_000, gstin="29XAbbA4369J1PA", notes={"a": "b"})
    made = wire.post("/v1/customers", body)

    assert {
        "entity": "customer",
        "name": "Asha",
        "email": body["email"],
        "contact": "9000090000",
        "gstin": None,
        "notes": {"a": "b"},
    }.items() <= made.items()
    path = f"/v1/customers/{made['id']}"
    assert made == wire.get(path) == wire.get("/v1/customers/?count=1")["items"][0]
    changed = wire.call("PUT", path, {"name": "Ravi", "contact": ""}).json
    assert ("Ravi", body["email"], None) == (changed["name"], changed["email"], changed["contact"])
    order = wire.order(customer_id=made["id"])
    assert "order" == order["entity"]


@pytest.mark.parametrize("flag", [0, "0", False])
def test_the_customer_that_there_is(wire: Wire, flag: Any) -> None:
    """A second one is refused, or the first one answered."""
    body = person(contact="9000090000")
    made = wire.post("/v1/customers", body)

    assert made == wire.post("/v1/customers", {**body, "fail_existing": flag})
    for fail in ({}, {"fail_existing": "1"}):
        error = wire.refused("POST", "/v1/customers", {**body, **fail})
        assert "A customer with this email and contact exists" == error["description"]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"email": "nobody"}, "email"),
        ({"name": 5}, "name"),
        ({"contact": "x" * 70}, "contact"),
        ({"fail_existing": "perhaps"}, "fail_existing"),
        ({"notes": {"a": "x" * 257}}, "notes"),
        ({"age": 5}, "age"),
    ],
)
def test_customers_that_cannot_be(wire: Wire, fields: dict[str, Any], field: str) -> None:
    """What is wrong is named."""
    assert field == wire.refused("POST", "/v1/customers", person(**fields))["field"]


def test_customers_that_do_not_exist(wire: Wire) -> None:
    """Neither read nor changed, and no order is theirs."""
    id_ = "cust_0000000000000000"
    for method, path, body in (
        ("GET", f"/v1/customers/{id_}", None),
        ("PUT", f"/v1/customers/{id_}", {"name": "x"}),
        ("POST", "/v1/orders", {"amount": 100, "customer_id": id_}),
    ):
        error = wire.refused(method, path, body)
        assert "The id provided does not exist" == error["description"]


def test_forms(wire: Wire) -> None:
    """As PHP sends it."""
    data = f"name=A&email=p{time.time_ns()}%40b.example&fail_existing=0&notes[a]=b".encode()

    assert {"a": "b"} == wire.post("/v1/customers/", data=data)["notes"]
