"""Random requests to every route: never a 500, always the envelope."""

from __future__ import annotations

import json
import string
from typing import Any
from urllib.parse import quote

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.seeding import TEST_MERCHANT_ID
from gateway.web.api import api_routes
from gateway.web.routes import Access, Route
from tests.web.client import ApiClient


class _Sandbox:
    test_mode = True
    test_controls = False


ROUTES = list(api_routes(_Sandbox()))
FIELDS = [
    *("amount", "currency", "receipt", "notes", "capture", "expires_at", "return_url", "order_id"),
    *("method", "vpa", "card", "bank", "wallet", "card_number", "card_expiry", "card_cvv"),
    *("customer", "reason", "url", "events", "format", "secret", "active", "status", "from", "to"),
    *("email", "contact", "customer_id", "fail_existing", "token_id", "save"),
    *("ids", "event_ids", "name", "enabled_methods", "webhook_url", "overlap_seconds", "x"),
]
PARAMETERS = [
    *("limit", "offset", "starting_after", "from", "to", "status", "order_id", "event", "type"),
    *("delivery_success", "endpoint_id", "payment_id", "email", "contact"),
]
KNOWN = [
    "upi",
    "card",
    "token",
    "INR",
    "automatic",
    "success@bank",
    "12/31",
    "failed",
    "*",
    "-1",
    "true",
]
REAL = "an id that exists"
IDS = [REAL, "order_0000000000000000", "pay_0000000000000000", str(TEST_MERCHANT_ID), "x", "a\0b"]

texts = st.text(max_size=30) | st.sampled_from(KNOWN)
scalars = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | texts
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
objects = st.dictionaries(st.sampled_from(FIELDS), values, max_size=6)
contents = (objects | values).map(lambda value: json.dumps(value).encode()) | st.binary(max_size=60)
queries = st.dictionaries(st.sampled_from(PARAMETERS), texts, max_size=3)
keys = st.none() | st.text(alphabet=string.printable[:95] + "\u00e4", max_size=20)


def _address(route: Route, id_: str, query: dict[str, str]) -> str:
    path = route.path.removeprefix("/api/v1").replace("{id}", quote(id_, safe="") or "%20")
    path = path.replace("{token_id}", "tok_0000000000000000")
    pairs = [f"{name}={quote(_plain(value), safe='')}" for name, value in query.items()]
    return f"{path}?{'&'.join(pairs)}" if pairs else path


async def _real_ids(api: ApiClient) -> dict[str, str]:
    """One of most things, made with the first example."""
    ids: dict[str, str] | None = getattr(api, "real_ids", None)
    if ids is None:
        endpoint = await api.post("/webhook-endpoints", {"url": "http://127.0.0.1:9/hook"})
        payment = await api.captured()
        refund = await api.post(f"/payments/{payment['id']}/refunds", {"amount": 100})
        ids = {
            "customers": (await api.post("/customers", {})).json["id"],
            "orders": (await api.order())["id"],
            "payments": payment["id"],
            "refunds": refund.json["id"],
            "webhook-endpoints": endpoint.json["id"],
            "webhooks": (await api.get("/webhooks")).json["data"][0]["id"],
            "events": (await api.get("/events")).json["data"][0]["id"],
        }
        api.real_ids = ids  # type: ignore[attr-defined]
    return ids


def _plain(text: str) -> str:
    """Addresses have no lone surrogates; bodies do."""
    return text.encode("utf-8", "replace").decode()


@settings(
    max_examples=400,
    deadline=None,
    # One gateway for all examples: it is what they try to break.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    route=st.sampled_from([route for route in ROUTES if route.access is not Access.LOOPBACK]),
    id_=st.sampled_from(IDS) | st.text(max_size=24).map(_plain),
    query=queries,
    content=contents,
    key=keys,
)
async def test_random_requests(
    api: ApiClient, route: Route, id_: str, query: dict[str, str], content: bytes, key: str | None
) -> None:
    """Whatever is sent to whatever route: an answer below 500, errors in the envelope."""
    if id_ == REAL:
        real_ids = await _real_ids(api)
        id_ = real_ids.get(route.path.split("/")[3], "x")
    data: Any = None if route.method == "GET" else content
    answer = await api.call(route.method, _address(route, id_, query), data=data, key=key)

    assert 200 <= answer.status < 500, answer.body
