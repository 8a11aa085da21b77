"""P9: a merchant sees only its own, in the key's mode, on every route that there is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gateway.seeding import TEST_MERCHANT_ID
from gateway.settings import Settings
from gateway.web.api import api_routes
from gateway.web.routes import Access
from tests.support import eventually
from tests.web.client import ApiClient
from tests.web.merchants import Administrator

CARD = {"number": "4242424242424242", "expiry_month": 12, "expiry_year": 2039, "cvv": "123"}
# Bodies that would do something if the object were the caller's own.
BODIES: dict[tuple[str, str], Any] = {
    ("PATCH", "/orders/{id}"): {"notes": {"stolen": "yes"}},
    ("PATCH", "/webhook-endpoints/{id}"): {"active": False},
    ("PATCH", "/routing-rules/{id}"): {"active": False},
    ("PATCH", "/customers/{id}"): {"name": "stolen"},
    ("PATCH", "/processor-accounts/{id}"): {"name": "stolen"},
    ("PUT", "/customers/{id}"): {"name": "stolen"},
    ("POST", "/test/disputes/{id}/decide"): {"status": "closed"},
}
# Routes without an id: their bodies, and what a stranger gets to see.
LISTS = {
    "/orders",
    "/payments",
    "/refunds",
    "/disputes",
    "/settlements",
    "/customers",
    "/webhooks",
    "/webhook-endpoints",
    "/processor-accounts",
    "/routing-rules",
    "/events",
}
OWN = {
    ("POST", "/orders"),
    ("POST", "/customers"),
    ("POST", "/keys"),
    ("GET", "/keys"),
    ("GET", "/balance"),
    ("GET", "/merchant"),
    ("GET", "/merchants/profile"),
    ("PATCH", "/merchant"),
    ("PUT", "/merchants/webhook"),
    ("PUT", "/webhooks/config"),
    ("POST", "/webhooks/secret/regenerate"),
    ("POST", "/webhooks/test"),
    ("POST", "/merchants/webhook/regenerate-secret"),
    ("POST", "/merchants/webhook/test"),
    ("POST", "/webhook-endpoints"),
    ("POST", "/processor-accounts"),
    ("GET", "/processors"),
    ("POST", "/routing/dry-run"),
    ("POST", "/routing-rules"),
    ("PUT", "/routing-rules/order"),
}
NAMING_OTHERS = {
    ("POST", "/payments"),
    ("POST", "/webhooks/replay"),
    ("POST", "/test/disputes"),
    *(
        ("POST", f"/payments/{operation}")
        for operation in ("purchase", "authorize", "capture", "refund", "cancel")
    ),
}


@pytest.fixture
async def objects(api: ApiClient, administrator: Administrator) -> dict[str, str]:
    """One of everything of the test merchant, by the first part of the path."""
    endpoint = await api.post("/webhook-endpoints", {"url": "http://127.0.0.1:9/hook"})
    assert 201 == endpoint.status, endpoint.body
    payment = await api.captured()
    refund = await api.post(f"/payments/{payment['id']}/refunds", {"amount": 100})

    async def processed() -> bool:
        return (await api.get(f"/refunds/{refund.json['id']}")).json["status"] == "processed"

    await eventually(processed)

    async def delivery() -> Any:
        return (await api.get("/webhooks")).json["data"]

    deliveries = await eventually(delivery)
    customer = await api.post("/customers", {"email": "asha@example.com"})
    key = await api.post("/keys", {"role": "read_only"})
    rule = await api.post("/routing-rules", {"name": "All", "processors": ["simulator"]})
    owner = customer.json["id"]
    saving = await api.settled(
        (await api.payment(method="card", card=CARD, save=True, customer_id=owner))["id"]
    )
    dispute = await api.post("/test/disputes", {"payment_id": payment["id"], "amount": 100})
    await api.post("/test/clock", {"advance_seconds": 86_400})

    async def settlements() -> Any:
        return (await api.get("/settlements")).json["data"]

    settled = await eventually(settlements)
    return {
        "settlements": settled[0]["id"],
        "disputes": dispute.json["id"],
        "tokens": saving["token_id"],
        "customers": customer.json["id"],
        "keys": key.json["id"],
        "routing-rules": rule.json["id"],
        "orders": payment["order_id"],
        "payments": payment["id"],
        "refunds": refund.json["id"],
        "webhook-endpoints": endpoint.json["id"],
        "processor-accounts": await administrator.processor_account(TEST_MERCHANT_ID),
        "webhooks": deliveries[0]["id"],
        "events": (await api.get("/events")).json["data"][0]["id"],
    }


@pytest.fixture(params=["another merchant", "the same merchant, another mode"])
async def stranger(
    request: pytest.FixtureRequest,
    administrator: Administrator,
    client_for: Callable[..., ApiClient],
) -> ApiClient:
    """Somebody with a good key of their own."""
    if request.param == "another merchant":
        credentials = await administrator.key(await administrator.merchant())
    else:
        credentials = await administrator.key(TEST_MERCHANT_ID, mode="live")
    return client_for(credentials.key, credentials.secret)


async def test_what_belongs_to_others_does_not_exist(
    settings: Settings, api: ApiClient, stranger: ApiClient, objects: dict[str, str]
) -> None:
    """Every route with an id answers 404 to strangers, and changes nothing."""

    async def everything() -> list[Any]:
        # A delivery moves by itself; whether somebody else can retry it is seen by the answer.
        still = {kind: id_ for kind, id_ in objects.items() if kind not in ("webhooks", "tokens")}
        token = f"/customers/{objects['customers']}/tokens/{objects['tokens']}"
        paths = [token, *(f"/{kind}/{id_}" for kind, id_ in still.items())]
        return [(await api.get(path)).json for path in paths]

    before = await everything()
    routes = [route for route in api_routes(settings) if route.access is Access.KEY]
    for route in routes:
        path = route.path.removeprefix("/api/v1")
        if "{id}" not in path:
            continue
        kind = path.removeprefix("/test").split("/")[1]
        body = BODIES.get((route.method, path))
        target = path.replace("{id}", objects[kind]).replace("{token_id}", objects["tokens"])
        answer = await stranger.call(route.method, target, body)

        assert 404 == answer.status, (route.method, path, answer.body)
        assert "NOT_FOUND_ERROR" == answer.error["code"]
    assert before == await everything()


async def test_lists_hold_only_ones_own(
    settings: Settings, stranger: ApiClient, objects: dict[str, str]
) -> None:
    """Every list of a stranger is empty, also when it is asked about somebody else's object."""
    for route in api_routes(settings):
        path = route.path.removeprefix("/api/v1")
        if route.access is not Access.KEY or "{id}" in path:
            continue
        call = (route.method, path)
        if path in LISTS and route.method == "GET":
            for query in (
                "",
                f"?order_id={objects['orders']}",
                f"?payment_id={objects['payments']}",
                f"?endpoint_id={objects['webhook-endpoints']}",
                f"?event_id={objects['events']}",
                "?email=asha@example.com",
            ):
                answer = await stranger.get(path + query)
                assert (200, 0, []) == (answer.status, answer.json["total"], answer.json["data"])
        else:
            assert call in OWN | NAMING_OTHERS, f"{call} is a new route: say what it shows"
    for path in sorted(LISTS - {"/webhook-endpoints", "/processor-accounts", "/routing-rules"}):
        refused = await stranger.get(f"{path}?starting_after={objects[path[1:]]}")
        assert (400, "starting_after") == (refused.status, refused.error["field"])


async def test_naming_somebody_elses_object(
    stranger: ApiClient, objects: dict[str, str], api: ApiClient
) -> None:
    """An order of others cannot be paid, their deliveries cannot be replayed."""
    order = await api.order()
    body = {"order_id": order["id"], "method": "upi", "vpa": "success@bank"}

    # Without a processor for the mode it is 400, whatever the order.
    assert (await stranger.post("/payments", body)).status in (400, 404)
    assert 0 == (await api.get(f"/orders/{order['id']}/payments")).json["total"]
    disputed = await stranger.post("/test/disputes", {"payment_id": objects["payments"]})
    assert 404 == disputed.status
    for filters in (
        {"ids": [objects["webhooks"]]},
        {"event_ids": [objects["events"]]},
        {"endpoint_id": objects["webhook-endpoints"]},
    ):
        for status in ("pending", "failed", "success"):
            replayed = await stranger.post("/webhooks/replay", {**filters, "status": status})
            assert (200, 0) == (replayed.status, replayed.json["count"])
    assert "created" == (await api.get(f"/orders/{order['id']}")).json["status"]
    refused = await stranger.post("/orders", {"amount": 500, "customer_id": objects["customers"]})
    assert (404, "Customer not found") == (refused.status, refused.error["description"])
    own = (await stranger.post("/customers", {})).json["id"]
    order = (await stranger.post("/orders", {"amount": 500, "customer_id": own})).json
    for named in ({}, {"customer_id": objects["customers"]}):
        body = {"order_id": order["id"], "method": "token", "token_id": objects["tokens"], **named}
        refused = await stranger.post("/payments", body)
        assert (404, "NOT_FOUND_ERROR") == (refused.status, refused.error["code"])
    card = {"method": "card", "card": CARD, "save": True, "customer_id": objects["customers"]}
    refused = await stranger.post("/payments", {"order_id": order["id"], **card})
    assert (404, "Customer not found") == (refused.status, refused.error["description"])
    for method in ("GET", "DELETE"):
        path = f"/customers/{own}/tokens/{objects['tokens']}"
        assert 404 == (await stranger.call(method, path)).status
    # Whom others know as a customer is nobody here.
    same = await stranger.post("/customers", {"email": "asha@example.com", "fail_existing": False})
    assert (201, False) == (same.status, same.json["id"] == objects["customers"])


async def test_a_key_is_scoped_to_its_merchant(stranger: ApiClient, api: ApiClient) -> None:
    """The same idempotency key of two merchants are two keys."""
    mine = await api.post("/orders", {"amount": 500}, key="shared")
    theirs = await stranger.post("/orders", {"amount": 700}, key="shared")

    assert (201, 201) == (mine.status, theirs.status)
    assert mine.json["id"] != theirs.json["id"]
