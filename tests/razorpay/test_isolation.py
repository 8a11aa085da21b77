"""What belongs to a merchant is nobody else's, and a key does no more than its role allows."""

from __future__ import annotations

import re
import time

from gateway.web.razorpay import razorpay_routes
from tests.razorpay.wire import CARD, Wire

NO_ID = "The id provided does not exist"
BODIES = {
    "PATCH": {"notes": {"a": "b"}},
    "PUT": {"name": "x"},
    "POST": {"amount": 100},
    "DELETE": {},
}
# What the body has to be for a refusal to be about the id.
OTHERS = {
    "/v1/payments/{id}/refund": {},
    "/v1/payments/{id}/otp/submit": {"otp": "1"},
    "/v2/accounts/{account}/webhooks/{id}": {"active": 0},
    "/v1/webhooks/{id}": {"active": 0},
}


def test_strangers_find_nothing(wire: Wire, stranger: Wire) -> None:
    """Every route with an id of ours refuses another merchant as if there were no such thing."""
    customer = wire.post("/v1/customers", {"email": f"i{time.time_ns()}@b.example"})
    order = wire.order(customer_id=customer["id"])
    card = {**CARD, "number": "4242424242424242"}
    body = {"amount": 50_000, "currency": "INR", "order_id": order["id"], "method": "card"}
    made = wire.post("/v1/payments/create/json", {**body, "card": card, "save": 1})
    payment = wire.settled(made["razorpay_payment_id"])
    wire.post(f"/v1/payments/{payment['id']}/capture", {"amount": 50_000})
    refund = wire.post("/v1/refunds", {"payment_id": payment["id"], "amount": 100})
    hook = {"url": "http://127.0.0.1:9/hook", "events": ["order.paid"]}
    ids = {
        "orders": order["id"],
        "payments": payment["id"],
        "refunds": refund["id"],
        "customers": customer["id"],
        "cards": payment["card_id"],
        "webhooks": wire.post("/v1/webhooks", hook)["id"],
    }
    tried = 0
    for route in razorpay_routes():
        [kind] = re.findall(r"/([a-z_]+)/\{id\}", route.path) or [""]
        if kind not in ids:
            continue
        path = route.path.replace("{id}", ids[kind]).replace("{refund_id}", refund["id"])
        path = path.replace("{token_id}", payment["token_id"]).replace("{account}", "acc_1")
        body = OTHERS.get(route.path, BODIES.get(route.method, {}))
        error = stranger.refused(route.method, path, None if route.method == "GET" else body)
        assert NO_ID == error["description"], (route.method, route.path)
        tried += 1
    assert tried > 25
    for path in ("orders", "payments", "refunds", "customers", "webhooks"):
        assert 0 == stranger.get(f"/v1/{path}")["count"]
    body = {"payment_id": payment["id"], "amount": 100}
    assert NO_ID == stranger.refused("POST", "/v1/refunds", body)["description"]
    body = {"id": payment["token_id"]}
    for call in ("fetch", "delete"):
        assert NO_ID == stranger.refused("POST", f"/v1/tokens/{call}", body)["description"]
    wire.call("DELETE", f"/v1/webhooks/{ids['webhooks']}", {})


def test_a_key_that_only_reads(reader: Wire) -> None:
    """It lists, and makes nothing; the libraries know the code."""
    assert 0 == reader.get("/v1/orders")["count"]
    answer = reader.call("POST", "/v1/orders", {"amount": 100})
    assert (403, "BAD_REQUEST_ERROR") == (answer.status, answer.error["code"])
