"""What merchants are told of links and invoices, in both formats, once each."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway.app import Gateway
from tests.bills.merchant import Merchant, Visitor
from tests.support import eventually
from tests.web.client import ApiClient
from tests.webhooks.receivers import Receiver, legacy_signature


@pytest.fixture
async def receivers() -> AsyncIterator[dict[str, Receiver]]:
    """The servers of a merchant: one for each format."""
    made = {"gateway": Receiver(), "razorpay": Receiver()}
    for receiver in made.values():
        await receiver.start()
    yield made
    for receiver in made.values():
        await receiver.stop()


async def subscribe(api: ApiClient, receivers: dict[str, Receiver]) -> None:
    for format_, receiver in receivers.items():
        body = {"url": receiver.url, "format": format_, "secret": f"secret-{format_}"}
        assert 201 == (await api.post("/webhook-endpoints", body)).status


def told(receiver: Receiver, kind: str) -> list[dict[str, Any]]:
    """The events of bills that have arrived."""
    bodies = [json.loads(each.body) for each in receiver.received]
    return [body for body in bodies if body["event"].startswith(f"{kind}.")]


async def until_told(receivers: dict[str, Receiver], kind: str, *names: str) -> None:
    """Deliveries come in any order."""
    expected = sorted(f"{kind}.{name}" for name in names)
    for receiver in receivers.values():
        await eventually(
            lambda receiver=receiver: (
                expected == sorted(each["event"] for each in told(receiver, kind))
            )
        )


async def test_events_of_a_link(
    api: ApiClient, merchant: Merchant, visitor: Visitor, receivers: dict[str, Receiver]
) -> None:
    """A part, then the rest: each with payment, order and link as they were."""
    await subscribe(api, receivers)
    link = await merchant.link(accept_partial=True, reference_id="R9", notes={"a": "b"})
    payments = []
    for amount, paid in (("400", 40_000), ("", 100_000)):
        order_id = (await visitor.begin(link["id"], amount)).order_id
        payments.append((await visitor.pay(order_id))[1])
        status = "paid" if paid == 100_000 else "partially_paid"
        await merchant.until(f"/payment_links/{link['id']}", status)
    await until_told(receivers, "payment_link", "partially_paid", "paid")

    own = {each["event"]: each["data"] for each in told(receivers["gateway"], "payment_link")}
    data = own["payment_link.partially_paid"]
    assert {"payment", "order", "payment_link"} == data.keys()
    assert (payments[0]["id"], 40_000, 40_000, 60_000, "R9", {"a": "b"}) == (
        data["payment"]["id"],
        data["order"]["amount_paid"],
        data["payment_link"]["amount_paid"],
        data["payment_link"]["amount_due"],
        data["payment_link"]["reference"],
        data["payment_link"]["notes"],
    )
    theirs = {each["event"]: each for each in told(receivers["razorpay"], "payment_link")}
    event = theirs["payment_link.paid"]
    assert ["payment", "order", "payment_link"] == event["contains"]
    entity = event["payload"]["payment_link"]["entity"]
    assert (link["id"], "paid", 100_000, link["short_url"]) == (
        entity["id"],
        entity["status"],
        entity["amount_paid"],
        entity["short_url"],
    )
    assert payments[1]["id"] == event["payload"]["payment"]["entity"]["id"]
    for request in receivers["razorpay"].received:
        signature = legacy_signature(request.body, "secret-razorpay")
        assert signature == request.headers["x-razorpay-signature"]


async def test_events_of_ends(
    api: ApiClient,
    merchant: Merchant,
    receivers: dict[str, Receiver],
    gateway: Gateway,
) -> None:
    """Cancelled by the merchant, expired by the clock."""
    await subscribe(api, receivers)
    expire_by = int(gateway.clock.now().timestamp()) + 1_000
    expiring, cancelled = await merchant.link(expire_by=expire_by), await merchant.link()
    await merchant.done("POST", f"/payment_links/{cancelled['id']}/cancel")
    gateway.clock.advance(1_001)
    await until_told(receivers, "payment_link", "cancelled", "expired")

    ends = {
        each["event"]: each["payload"]["payment_link"]["entity"]["id"]
        for each in told(receivers["razorpay"], "payment_link")
    }
    assert {
        "payment_link.cancelled": cancelled["id"],
        "payment_link.expired": expiring["id"],
    } == ends


async def test_events_of_an_invoice(
    api: ApiClient, merchant: Merchant, visitor: Visitor, receivers: dict[str, Receiver]
) -> None:
    """Paid by its page, with the lines it was for."""
    await subscribe(api, receivers)
    lines = [{"name": "Tea", "amount": 15_000, "quantity": 2}]
    invoice = await merchant.done("POST", "/invoices", {"line_items": lines, "receipt": "I-1"})
    await visitor.pay((await visitor.begin(invoice["id"])).order_id)
    await until_told(receivers, "invoice", "paid")

    [own] = told(receivers["gateway"], "invoice")
    assert [30_000] == [line["amount"] for line in own["data"]["invoice"]["line_items"]]
    [theirs] = told(receivers["razorpay"], "invoice")
    assert ["payment", "order", "invoice"] == theirs["contains"]
    entity = theirs["payload"]["invoice"]["entity"]
    assert ("paid", 0, "I-1") == (entity["status"], entity["amount_due"], entity["receipt"])
