"""What the PHP and Go libraries send, as it was recorded: their own habits, byte for byte."""

from __future__ import annotations

from typing import Any

import pytest

from tests.razorpay.wire import Wire

JSON = [("Content-Type", "application/json"), ("Razorpay-API", "1")]
FORM = [("Content-Type", "application/x-www-form-urlencoded"), ("Razorpay-API", "1")]
PHP = ("User-Agent", "Razorpay/v1 PHPSDK/2.9.2 PHP/8.2.12")


@pytest.fixture(params=["labelled JSON", "labelled a form"])
def labels(request: pytest.FixtureRequest) -> list[tuple[str, str]]:
    """PHP's payment links leave a header behind, and forms arrive labelled JSON from then on."""
    return [PHP, *(JSON if request.param == "labelled JSON" else FORM)]


def test_php_orders(wire: Wire) -> None:
    """Orders are JSON, at a path that ends with a slash."""
    made = wire.post(
        "/v1/orders/",
        {"receipt": "123", "amount": 100, "currency": "INR", "notes": {"key1": "value3"}},
        headers=[PHP, *JSON],
    )

    assert made["id"] in [each["id"] for each in wire.get("/v1/orders/?count=100")["items"]]
    assert made == wire.get(f"/v1/orders/{made['id']}")


def test_php_captures_and_refunds(wire: Wire, labels: Any) -> None:
    """Everything but orders and payment links is a form."""
    payment = wire.payment()
    path = f"/v1/payments/{payment['id']}"
    captured = wire.post(f"{path}/capture", data=b"amount=50000&currency=INR", headers=labels)
    form = b"amount=100&speed=normal&notes%5Bnotes_key_1%5D=Beam+me+up&receipt=No.+31"
    refund = wire.post(f"{path}/refund", data=form, headers=labels)

    assert captured["captured"]
    assert ({"notes_key_1": "Beam me up"}, "No. 31") == (refund["notes"], refund["receipt"])
    form = f"payment_id={payment['id']}&amount=200".encode()
    assert 200 == wire.post("/v1/refunds/", data=form, headers=labels)["amount"]
    whole = wire.post(f"{path}/refund", headers=labels)
    assert 49_700 == whole["amount"]


def test_php_edits(wire: Wire, labels: Any) -> None:
    """Notes in brackets, encoded or not."""
    payment = wire.payment()
    for form in (b"notes[key1]=value3", b"notes%5Bkey1%5D=value3"):
        changed = wire.call("PATCH", f"/v1/payments/{payment['id']}", data=form, headers=labels)
        assert {"key1": "value3"} == changed.json["notes"]


def test_php_payments_from_a_server(wire: Wire, labels: Any) -> None:
    """A card in a form: every part of it is a text."""
    order = wire.order()
    form = (
        f"amount=50000&currency=INR&order_id={order['id']}&email=a%40b.example&contact=9000090000"
        "&method=card&card[number]=4242424242424242&card[name]=Gaurav&card[expiry_month]=11"
        "&card[expiry_year]=31&card[cvv]=100&ip=105.106.107.108&authentication[channel]=browser"
    )
    made = wire.post("/v1/payments/create/json", data=form.encode(), headers=labels)

    assert "authorized" == wire.settled(made["razorpay_payment_id"])["status"]


def test_php_webhooks(wire: Wire, labels: Any) -> None:
    """Events by number."""
    path = "/v2/accounts/acc_GP4lfNA0iIMn5B//webhooks/"
    form = b"url=http%3A%2F%2F127.0.0.1%3A9%2Fhook&events%5B0%5D=order.paid&events[1]=refund.failed"
    made = wire.post(path, data=form, headers=labels)

    assert ["order.paid", "refund.failed"] == made["events"]
    assert 200 == wire.call("DELETE", f"{path}{made['id']}", headers=[PHP]).status


def test_go_and_node_posts_without_a_body(wire: Wire) -> None:
    """Go sends an empty object, Node an empty form."""
    payment = wire.payment()
    wire.post(f"/v1/payments/{payment['id']}/capture", {"amount": 50_000, "currency": "INR"})
    for data, headers in ((b"", FORM), (b"{}", JSON)):
        asked = wire.refused(
            "POST", f"/v1/payments/{payment['id']}/otp_generate", data=data, headers=headers
        )
        assert "The payment waits for nothing of the shopper" == asked["description"]
    refund = wire.post(f"/v1/payments/{payment['id']}/refund", headers=FORM)
    assert 50_000 == refund["amount"]
