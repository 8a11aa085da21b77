"""Pays an order with the generated client: run beside it, with the gateway's address."""

from __future__ import annotations

import sys
import time

from generated_client import AuthenticatedClient, Client
from generated_client.api.orders import get_orders_id, post_orders
from generated_client.api.payments import get_payments_id, post_payments
from generated_client.models import (
    Order,
    OrderBody,
    Payment,
    PaymentBody,
    PaymentBodyCaptureType0,
    PaymentBodyMethod,
    Problem,
)

SECONDS_MAX = 30


def paid(client: Client, order_id: str) -> Payment:
    """A payment of the order with its outcome."""
    body = PaymentBody(
        order_id=order_id,
        method=PaymentBodyMethod.UPI,
        vpa="success@bank",
        capture=PaymentBodyCaptureType0.AUTOMATIC,
    )
    payment = post_payments.sync(client=client, body=body)
    deadline = time.monotonic() + SECONDS_MAX
    while payment.status != "success":
        assert isinstance(payment, Payment), payment
        assert time.monotonic() < deadline, payment
        time.sleep(0.05)
        payment = get_payments_id.sync(payment.id, client=client)
    return payment


def main(url: str, key: str, secret: str) -> None:
    """Raises AssertionError when the gateway and its document disagree."""
    client = Client(base_url=url, headers={"X-Api-Key": key, "X-Api-Secret": secret})
    body = OrderBody(amount=50_000, currency="INR", receipt="generated")
    order = post_orders.sync(client=client, body=body, idempotency_key="generated-1")
    assert isinstance(order, Order), order
    again = post_orders.sync_detailed(client=client, body=body, idempotency_key="generated-1")
    assert again.parsed == order
    assert again.headers["Idempotent-Replayed"] == "true"

    payment = paid(client, order.id)
    order = get_orders_id.sync(order.id, client=client)

    assert payment.captured
    assert (50_000, 0) == (order.amount_paid, order.amount_due)
    refused = post_orders.sync(client=client, body=OrderBody(amount=1))
    assert isinstance(refused, Problem)
    assert "amount" == refused.error.field
    stranger = AuthenticatedClient(base_url=url, token="none")
    assert isinstance(get_orders_id.sync(order.id, client=stranger), Problem)


if __name__ == "__main__":
    main(*sys.argv[1:])
