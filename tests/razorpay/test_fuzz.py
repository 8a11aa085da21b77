"""Random requests to every route of this surface: never a 500, errors as libraries read them."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import quote, urlencode

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.web.razorpay import razorpay_routes
from gateway.web.routes import Route
from tests.razorpay.wire import Wire

ROUTES = list(razorpay_routes())
FIELDS = [
    *("amount", "currency", "receipt", "notes", "payment_capture", "payment", "partial_payment"),
    *("order_id", "payment_id", "method", "card", "upi", "vpa", "bank", "speed", "url", "events"),
    *("secret", "active", "alert_email", "customer_id", "email", "contact", "name", "gstin", "x"),
    *("notes[a]", "notes[", "events[]", "card[number]", "payment[capture]", "a[b][c]", "id"),
]
PARAMETERS = ["count", "skip", "from", "to", "expand[]", "expand", "receipt", "authorized", "x"]
KNOWN = ["upi", "card", "INR", "automatic", "success@bank", "order.paid", "0", "100", "-1", "true"]

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
pairs = st.lists(st.tuples(st.sampled_from(FIELDS), texts), max_size=6)
contents = (
    (objects | values).map(lambda value: json.dumps(value).encode())
    | pairs.map(lambda sent: urlencode(sent, errors="replace").encode())
    | pairs.map(lambda sent: "&".join(f"{a}={b}" for a, b in sent).encode("utf-8", "replace"))
    | st.binary(max_size=60)
)
queries = st.dictionaries(st.sampled_from(PARAMETERS), texts, max_size=3)
slashes = st.sampled_from(["", "/", "//"])


@settings(
    max_examples=400,
    deadline=None,
    # One gateway for all examples: it is what they try to break.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    route=st.sampled_from(ROUTES),
    id_=st.sampled_from(["order", "pay", "rfnd", "we", "x"]),
    query=queries,
    content=contents,
    end=slashes,
)
def test_random_requests(
    wire: Wire, route: Route, id_: str, query: dict[str, str], content: bytes, end: str
) -> None:
    """Whatever is sent to whatever route: 200, or an error below 500."""
    path = re.sub(r"\{[a-z_]+\}", f"{id_}_0000000000000000", route.path) + end
    if query:
        path += "?" + "&".join(
            f"{quote(name)}={quote(value, safe='', errors='replace')}"
            for name, value in query.items()
        )
    data: Any = None if route.method == "GET" else content

    assert wire.call(route.method, path, data=data).status < 500
