"""Webhooks by both of their paths: they are the gateway's endpoints, in Razorpay's words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.razorpay.wire import Wire

URL = "http://127.0.0.1:9/hook"
PATHS = ("/v2/accounts/acc_GRWKk7qQsLnDjX/webhooks", "/v1/webhooks")


@pytest.fixture(params=PATHS)
def path(request: pytest.FixtureRequest, wire: Wire) -> Iterator[str]:
    """A path of webhooks; those that the test makes are deleted after it."""
    yield request.param
    for webhook in wire.get(f"{request.param}?count=100")["items"]:
        wire.call("DELETE", f"{request.param}/{webhook['id']}", {})


def test_a_webhook_from_beginning_to_end(wire: Wire, path: str) -> None:
    """Made, read, listed, changed and deleted."""
    body = {
        "url": URL,
        "alert_email": "a@b.example",
        "secret": "12345678",
        "events": ["payment.captured", "refund.processed"],
    }
    webhook = wire.post(path, body)

    assert {
        "entity": "webhook",
        "url": URL,
        "secret_exists": True,
        "active": True,
        "events": ["payment.captured", "refund.processed"],
        "owner_type": "merchant",
        "context": [],
        "disabled_at": 0,
    }.items() <= webhook.items()
    one = f"{path}/{webhook['id']}"
    assert webhook == wire.get(one) == wire.get(f"{path}/")["items"][-1]
    for method in ("PATCH", "PUT"):
        changes = {"events": {"order.paid": True, "payment.failed": "0"}, "secret": "87654321"}
        changed = wire.call(method, one, {**changes, "active": 0})
        assert (["order.paid"], False) == (changed.json["events"], changed.json["active"])
    assert [] == wire.call("DELETE", one, {}).json
    assert "The id provided does not exist" == wire.refused("GET", one)["description"]


def test_forms(wire: Wire, path: str) -> None:
    """As PHP sends it: events by number, flags as digits."""
    data = f"url={URL}&events[0]=order.paid&events[1]=payment.failed&active=1".encode()
    webhook = wire.post(f"{path}/", data=data)

    assert ["order.paid", "payment.failed"] == webhook["events"]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"url": "http://192.168.0.1/"}, "url"),
        ({"url": "nowhere"}, "url"),
        ({"url": None}, "url"),
        ({"events": ["payment.exploded"]}, "events"),
        ({"events": ["payment.success"]}, "events"),
        ({"events": "order.paid"}, "events"),
        ({"events": {"order.paid": []}, "secret": "short"}, "secret"),
        ({"alert_email": "nobody"}, "alert_email"),
        ({"format": "gateway"}, "format"),
    ],
)
def test_webhooks_that_cannot_be(wire: Wire, path: str, fields: Any, field: str) -> None:
    """What is wrong is named."""
    body = {"url": URL, "events": ["order.paid"], **fields}

    assert field == wire.refused("POST", path, body)["field"]


def test_pages(wire: Wire, path: str) -> None:
    """`count` and `skip`, as for other lists."""
    made = [wire.post(path, {"url": URL, "events": ["order.paid"]})["id"] for _ in range(3)]

    assert made[1:2] == [each["id"] for each in wire.get(f"{path}?count=1&skip=1")["items"]]


def test_endpoints_of_the_gateways_own_format(wire: Wire, path: str) -> None:
    """They are not shown, changed or deleted here: their events have other names."""
    made = wire.call("POST", "/api/v1/webhook-endpoints", {"url": URL}, surface="api").json

    assert made["id"] not in [each["id"] for each in wire.get(f"{path}?count=100")["items"]]
    for method in ("GET", "PATCH", "DELETE"):
        wire.refused(method, f"{path}/{made['id']}", {})
    wire.call("DELETE", f"/api/v1/webhook-endpoints/{made['id']}", surface="api")
