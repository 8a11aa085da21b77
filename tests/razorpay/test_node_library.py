"""Razorpay's Node library, unmodified, with another base URL."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.seeding import TEST_KEY, TEST_SECRET
from tests.razorpay.receiver import receiving
from tests.razorpay.wire import CARD, Wire

ROOT = Path(__file__).resolve().parents[2]
MODULES = ROOT / ".venv/node/node_modules"
DRIVER = Path(__file__).with_name("node") / "driver.cjs"

pytestmark = pytest.mark.skipif(
    shutil.which("node") is None or not (MODULES / "razorpay").exists(),
    reason="needs Node and Razorpay's library for it: scripts/test-setup fetches both",
)

UNKNOWN = "unknown_0000000000000000"
# Files, and a wait of the library's own.
NOT_CALLED = {"documents", "accounts", "stakeholders", "products"}


class Refused(Exception):
    """What the library rejected with."""

    def __init__(self, said: dict[str, Any]) -> None:
        super().__init__(said["error"])
        self.status: int | None = said["status"]
        self.error: Any = said["error"]


class Library:
    """The library in a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def call(self, resource: str, method: str = "", *arguments: Any) -> Any:
        """What it answered; raises Refused."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        asked = {"resource": resource, "method": method, "args": arguments}
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        said = json.loads(self._process.stdout.readline())
        if "value" not in said:
            raise Refused(said)
        return said["value"]

    def refusal(self, resource: str, method: str, *arguments: Any) -> Refused | None:
        """Why it was refused; None where it was not."""
        try:
            self.call(resource, method, *arguments)
        except Refused as refusal:
            return refusal
        return None


@pytest.fixture(scope="module")
def library(base_url: str) -> Iterator[Library]:
    """As in the library's README, with the base URL set."""
    process = subprocess.Popen(
        ["node", str(DRIVER), base_url, TEST_KEY, TEST_SECRET],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "NODE_PATH": str(MODULES)},
    )
    with process:
        yield Library(process)
        assert process.stdin is not None
        process.stdin.close()


@pytest.fixture
def order(library: Library) -> dict[str, Any]:
    """A new order."""
    return library.call("orders", "create", {"amount": 50_000, "currency": "INR", "receipt": "n"})


@pytest.fixture
def payment(wire: Wire, order: dict[str, Any]) -> dict[str, Any]:
    """An authorized payment of it."""
    return wire.payment(order)


def test_every_call_is_answered(library: Library) -> None:
    """With ids that do not exist: an entity, or an error with a status that the library hands on.

    Without a status it is the library itself that refuses, before anything is sent.
    """
    sent = 0
    for resource, method, names in library.call("methods"):
        if resource in NOT_CALLED:
            continue
        arguments = [
            {} if name in ("params", "param") else UNKNOWN for name in names if name != "callback"
        ]
        refusal = library.refusal(resource, method, *arguments)
        if refusal is not None and refusal.status is None:
            assert "mandatory" in str(refusal) or "required" in str(refusal), (method, refusal)
            continue
        if refusal is not None:
            assert 400 <= refusal.status < 500, (resource, method)
            assert "BAD_REQUEST_ERROR" == refusal.error["code"]
            assert refusal.error["description"]
        sent += 1
    assert sent > 60


def test_orders(library: Library, order: dict[str, Any]) -> None:
    """Created, fetched, listed, edited; and the call that ends its path with a slash."""
    assert order == library.call("orders", "fetch", order["id"])
    assert order in library.call("orders", "all", {"count": 100, "receipt": "n"})["items"]
    assert order in library.call("orders", "all", {"from": "Jan 1, 2020", "count": 100})["items"]
    edited = library.call("orders", "edit", order["id"], {"notes": {"a": "b"}})
    assert {"a": "b"} == edited["notes"]
    shown = library.call("orders", "fetchTransferOrder", order["id"])
    assert (order["id"], 0) == (shown["id"], shown["transfers"]["count"])


def test_captures_and_refunds(library: Library, payment: dict[str, Any]) -> None:
    """The way of a payment from its authorization to its refunds."""
    id_ = payment["id"]
    captured = library.call("payments", "capture", id_, 50_000, "INR")
    part = library.call("payments", "refund", id_, {"amount": 20_000, "speed": "normal"})
    rest = library.call("payments", "refund", id_)

    assert "captured" == captured["status"]
    assert 30_000 == rest["amount"]
    ids = [rest["id"], part["id"]]
    listed = library.call("payments", "fetchMultipleRefund", id_, {})
    assert ids == [each["id"] for each in listed["items"]]
    listed = library.call("refunds", "all", {"payment_id": id_})
    assert ids == [each["id"] for each in listed["items"]]
    assert part["id"] == library.call("payments", "fetchRefund", id_, part["id"])["id"]
    assert part["id"] == library.call("refunds", "fetch", part["id"])["id"]
    edited = library.call("refunds", "edit", part["id"], {"notes": {"a": "b"}})
    assert {"a": "b"} == edited["notes"]
    edited = library.call("payments", "edit", id_, {"notes": {"c": "d"}})
    assert {"c": "d"} == edited["notes"]
    assert id_ in [each["id"] for each in library.call("payments", "all", {})["items"]]
    expanded = library.call("payments", "fetch", id_, {"expand[]": "offers"})
    assert 0 == expanded["offers"]["count"]


def test_payments_from_a_server(library: Library, wire: Wire, order: dict[str, Any]) -> None:
    """By card with the page to go on at, by UPI without one."""
    base = {"amount": 50_000, "currency": "INR", "order_id": order["id"], "contact": "9000090000"}
    declined = {**CARD, "number": "4000000000000002", "name": "A B"}
    made = library.call(
        "payments", "createPaymentJson", {**base, "method": "card", "card": declined}
    )

    assert "redirect" == made["next"][0]["action"]
    assert "failed" == wire.settled(made["razorpay_payment_id"])["status"]
    card = library.call("payments", "fetchCardDetails", made["razorpay_payment_id"])
    assert card == library.call("cards", "fetch", card["id"])
    upi = library.call("payments", "createUpi", {**base, "method": "upi", "vpa": "success@bank"})
    assert "authorized" == wire.settled(upi["razorpay_payment_id"])["status"]
    assert library.call("payments", "validateVpa", {"vpa": "a@bank"})["success"]
    assert library.call("payments", "fetchPaymentMethods")["upi"]
    assert 0 == library.call("payments", "fetchPaymentDowntime")["count"]


def test_webhooks(library: Library) -> None:
    """With an account's id and without one."""
    body = {"url": "http://127.0.0.1:9/hook", "events": ["payment.captured"]}
    made = library.call("webhooks", "create", body, "acc_other")

    assert made == library.call("webhooks", "fetch", made["id"], "acc_other")
    assert made in library.call("webhooks", "all", {}, "acc_other")["items"]
    changes = {"events": {"order.paid": True}}
    assert ["order.paid"] == library.call("webhooks", "edit", changes, made["id"], "acc_other")[
        "events"
    ]
    assert [] == library.call("webhooks", "delete", made["id"], "acc_other")
    own = library.call("webhooks", "create", {**body, "events": {"order.paid": True}})
    edited = library.call("webhooks", "edit", {**body, "active": False}, own["id"])
    assert not edited["active"]
    assert own["id"] in [each["id"] for each in library.call("webhooks", "all")["items"]]
    library.call("webhooks", "delete", own["id"], "acc_mine")


def test_errors(library: Library) -> None:
    """Status, code and text arrive as the library's users read them."""
    with pytest.raises(Refused) as refusal:
        library.call("orders", "create", {"amount": 1, "currency": "INR"})
    assert (400, "BAD_REQUEST_ERROR") == (refusal.value.status, refusal.value.error["code"])
    assert "amount must be at least 100" == refusal.value.error["description"]
    assert "amount" == refusal.value.error["field"]
    with pytest.raises(Refused) as refusal:
        library.call("payments", "fetch", "pay_0000000000000000")
    assert "The id provided does not exist" == refusal.value.error["description"]


def test_signatures(library: Library, wire: Wire, payment: dict[str, Any]) -> None:
    """The checkout's and a real webhook's pass the library's checks; changed ones do not."""
    path = f"/checkout/result?payment_id={payment['id']}"
    result = wire.call("GET", path, surface="checkout").json
    ids = {"order_id": result["orderId"], "payment_id": result["paymentId"]}
    assert library.call("verify", "payment", ids, result["signature"], TEST_SECRET) is True
    assert library.call("verify", "payment", ids, result["signature"], "other") is False

    with receiving() as (url, received):
        body = {"url": url, "secret": "12345678", "events": ["payment.captured"]}
        made = library.call("webhooks", "create", body, "acc_mine")
        library.call("payments", "capture", payment["id"], 50_000, "INR")
        headers, text = received.get(timeout=20)
        library.call("webhooks", "delete", made["id"], "acc_mine")
    signature = headers["X-Razorpay-Signature"]
    assert library.call("verify", "webhook", text, signature, "12345678") is True
    assert library.call("verify", "webhook", text + " ", signature, "12345678") is False
