"""What all calls of this surface have in common: paths, bodies, credentials, errors."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.seeding import TEST_KEY
from tests.razorpay.wire import Wire, credentials

JSON = ("Content-Type", "application/json")
FORM = ("Content-Type", "application/x-www-form-urlencoded")


@pytest.mark.parametrize("path", ["/v1/orders/", "/v1//orders", "//v1/orders", "/v1/orders//"])
def test_slashes_do_not_matter(wire: Wire, path: str) -> None:
    """A path with slashes too many is the path that was meant, for every method."""
    made = wire.post(path, {"amount": 100})

    assert made["id"] in [order["id"] for order in wire.get(f"{path}?count=100")["items"]]


def test_slashes_matter_elsewhere(wire: Wire) -> None:
    """Only this surface is lenient; a doubled slash leads nowhere in `/api/v1`."""
    for path in ("/api/v1/orders/", "/api//v1/orders", "//api/v1/orders", "/health/"):
        assert 404 == wire.call("GET", path, surface="api").status


@pytest.mark.parametrize(
    ("data", "headers"),
    [
        (b'{"amount":"100","currency":"INR","notes":{"a":"b"}}', [FORM]),
        (b'\xef\xbb\xbf {"amount":100,"notes":{"a":"b"}}', [JSON]),
        (b"amount=100&currency=INR&notes[a]=b", [JSON]),
        (b"\r\n amount=100&notes%5Ba%5D=b", [FORM]),
        (b"notes[a]=b&amount=100", []),
    ],
)
def test_bodies_are_what_they_look_like(wire: Wire, data: bytes, headers: Any) -> None:
    """Whatever the content type says."""
    made = wire.post("/v1/orders", data=data, headers=headers)

    assert (100, {"a": "b"}) == (made["amount"], made["notes"])


@pytest.mark.parametrize(
    "data",
    [
        b"{",
        b"[1]",
        b'"text"',
        b"123",
        b"null",
        b'{"amount":100,"amount":200}',
        '{"amount":100}'.encode("utf-16"),
        b'{"amount":100,"receipt":"\xe9"}',
        b"amount=100&receipt=%E9",
        b"amount=100&amount=200",
        b"amount[[[[[[[[[=1",
        b"&".join(b"a%d=1" % number for number in range(5_000)),
        b"[" * 100_000,
        b'{"a":' * 10_000,
        b"\x00",
        b"--boundary\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--boundary--",
        b"",
        b"[]",
        b" \n",
        b"amount=1e3",
        b"amount=+100",
        b"amount=%C2%B2%C2%B2%C2%B2",
        b'{"amount":100.0}',
        b'{"amount":true}',
        b'{"amount":"' + b"9" * 5_000 + b'"}',
    ],
)
def test_bodies_that_are_wrong(wire: Wire, data: bytes) -> None:
    """A clear 400 for each."""
    error = wire.refused("POST", "/v1/orders", data=data, headers=[JSON])

    assert "BAD_REQUEST_ERROR" == error["code"]


def test_too_much_is_413(wire: Wire) -> None:
    """The limit of all bodies holds here, too."""
    answer = wire.call("POST", "/v1/orders", data=b"a=" + b"x" * 300_000)

    assert (413, "BAD_REQUEST_ERROR") == (answer.status, answer.error["code"])


def test_two_content_types(wire: Wire) -> None:
    """The parser refuses them before any route is known, and still in the envelope."""
    answer = wire.call("POST", "/v1/orders", data=b"amount=100", headers=[JSON, FORM])

    assert (400, "BAD_REQUEST_ERROR") == (answer.status, answer.error["code"])


@pytest.mark.parametrize(
    "authorization",
    [None, credentials(TEST_KEY, "wrong"), credentials("key_test_0", "x"), "Bearer x", "Basic ="],
)
def test_wrong_credentials(base_url: str, authorization: str | None) -> None:
    """401 in Razorpay's words, whatever is wrong."""
    answer = Wire(base_url, authorization).call("GET", "/v1/orders")

    assert (401, "BAD_REQUEST_ERROR") == (answer.status, answer.error["code"])
    assert "Authentication failed" == answer.error["description"]


@pytest.mark.parametrize("id_", ["order_0000000000000000", "order_x", "x", "%00", "pay_1", "%20"])
def test_ids_that_do_not_exist(wire: Wire, id_: str) -> None:
    """400 in Razorpay's words."""
    error = wire.refused("GET", f"/v1/orders/{id_}")

    assert "The id provided does not exist" == error["description"]
    assert "input_validation_failed" == error["reason"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/"),
        ("GET", "/v1/nothing"),
        ("POST", "/v1//nothing/"),
        ("GET", "//v1/nothing"),
        ("DELETE", "/v1/orders/order_0000000000000000/delete"),
        ("POST", "/v1/orders/order_0000000000000000/fulfillment"),
        ("GET", "/v2/accounts/acc_1/nothing"),
    ],
)
def test_urls_that_do_not_exist(wire: Wire, method: str, path: str) -> None:
    """400 in Razorpay's words, with or without a body."""
    for body in (None, {}):
        error = wire.refused(method, path, body)
        assert "The requested URL was not found on the server." == error["description"]


def test_methods_that_a_path_has_not(wire: Wire) -> None:
    """405 names those that it has, also where slashes were too many."""
    for path in ("/v1/orders", "/v1/orders/"):
        answer = wire.call("DELETE", path, {})
        assert (405, "GET, HEAD, POST") == (answer.status, answer.headers["Allow"])


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("count=101", "count"),
        ("count=0", "count"),
        ("count=x", "count"),
        ("count=1&count=2", "count"),
        ("count=9999999999999999999999", "count"),
        ("skip=-1", "skip"),
        ("from=yesterday", "from"),
        ("to=99999999999999", "to"),
        ("expand[]=offers", "expand"),
        ("authorized=2", "authorized"),
    ],
)
def test_lists_that_cannot_be(wire: Wire, query: str, field: str) -> None:
    """What is wrong in a query is named."""
    error = wire.refused("GET", f"/v1/orders?{query}")

    assert field == error["field"]
    if query == "count=101":
        assert "The count may not be greater than 100." == error["description"]
