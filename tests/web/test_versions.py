"""Dated versions: older ones are spoken by what changed since, from the newest back.

There is one version so far; the changes here are made up.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest

from gateway.app import Gateway
from gateway.domain.versions import FIRST_VERSION, VersionChange, Versions
from gateway.settings import Settings
from gateway.storage.pool import Pool
from tests.support import eventually
from tests.web.client import ApiClient
from tests.webhooks.receivers import Receiver

SECOND, THIRD = "2027-03-01", "2027-06-01"


def _renamed(members: dict[str, Any], old: str, new: str) -> dict[str, Any]:
    return {(new if name == old else name): value for name, value in members.items()}


def _receipt_forward(call: str, members: dict[str, Any]) -> dict[str, Any]:
    return _renamed(members, "reference", "receipt") if call == "POST /api/v1/orders" else members


def _receipt_back(kind: str, members: dict[str, Any]) -> dict[str, Any]:
    return _renamed(members, "receipt", "reference") if kind == "order" else members


MADE_UP = Versions(
    [
        VersionChange(
            version=SECOND,
            description="An order's reference is called receipt.",
            forward=_receipt_forward,
            back=_receipt_back,
        ),
        VersionChange(
            version=THIRD,
            description="A payment's bank_name is gone: it was its processor.",
            back=lambda kind, members: (
                {**members, "bank_name": members["processor"]} if kind == "pay" else members
            ),
        ),
    ]
)


@pytest.fixture
async def gateway(settings: Settings) -> AsyncIterator[Gateway]:
    """It has three versions; the test merchant is pinned to the first."""
    running = Gateway(settings, versions=MADE_UP)
    await running.start()
    yield running
    await running.stop()


async def test_a_merchant_keeps_its_version(api: ApiClient) -> None:
    """Requests and answers, lists and repeats too, are those of the version it began with."""
    body = {"amount": 50_000, "reference": "R-1"}
    made = await api.post("/orders", body, key="one")
    order = made.json

    assert 201 == made.status
    assert ("R-1", False) == (order["reference"], "receipt" in order)
    assert order == (await api.get(f"/orders/{order['id']}")).json
    assert [order] == (await api.get("/orders")).json["data"]
    assert made.body == (await api.post("/orders", body, key="one")).body
    refused = await api.post("/orders", {"amount": 50_000, "receipt": 7})
    assert (400, "receipt") == (refused.status, refused.error["field"])
    payment = await api.payment(order["id"])
    assert payment["processor"] == payment["bank_name"]


async def test_a_request_may_ask_for_another(api: ApiClient) -> None:
    """By header: the second has its own name for the field, and the third's change on top."""
    second, third = {"Gateway-Version": SECOND}, {"Gateway-Version": THIRD}
    body = {"amount": 50_000, "receipt": "R-1"}
    order = (await api.post("/orders", body, headers=second)).json
    assert "R-1" == order["receipt"]
    refused = await api.post("/orders", {"amount": 1, "reference": "R"}, headers=second)
    assert {"amount", "reference"} == {
        each["field"] for each in refused.error["metadata"]["errors"]
    }

    assert "R-1" == (await api.get(f"/orders/{order['id']}")).json["reference"]
    payment = await api.payment(order["id"])
    path = f"/payments/{payment['id']}"
    assert "bank_name" in (await api.get(path, headers=second)).json
    assert "bank_name" not in (await api.get(path, headers=third)).json


async def test_unknown_versions_are_refused(api: ApiClient) -> None:
    """The field is the header, and the text names the versions that there are."""
    refused = await api.get("/orders", headers={"Gateway-Version": "2027-01-01"})

    assert (400, "Gateway-Version") == (refused.status, refused.error["field"])
    for version in (FIRST_VERSION, SECOND, THIRD):
        assert version in refused.error["description"]


async def test_every_answer_says_which_version_it_speaks(api: ApiClient) -> None:
    """The merchant's, the one asked for, errors too; not where it came to none."""
    pinned = await api.get("/orders")
    asked = await api.get("/orders", headers={"Gateway-Version": SECOND})
    missing = await api.get("/orders/order_0000000000000000", headers={"Gateway-Version": THIRD})
    shopper = await api.get("/orders/order_0000000000000000/public")
    nobody = await api.get("/orders", headers={"Gateway-Version": "2027-01-01"})

    assert [FIRST_VERSION, SECOND, THIRD, THIRD] == [
        answer.headers["Gateway-Version"] for answer in (pinned, asked, missing, shopper)
    ]
    assert "Gateway-Version" not in nobody.headers
    assert "Gateway-Version" not in (await api.get("//livez")).headers


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A merchant's server that takes everything."""
    served = Receiver()
    await served.start()
    yield served
    await served.stop()


async def _told(api: ApiClient, receiver: Receiver, event: str) -> dict[str, Any]:
    """The order of the event's newest delivery, once the bank and the merchant have heard."""
    await api.captured()

    async def came() -> Any:
        bodies = [orjson.loads(each.body) for each in receiver.received]
        return [each["data"] for each in bodies if each["event"] == event][-1:]

    found = (await eventually(came))[0]
    receiver.received.clear()
    return found


async def test_webhooks_are_those_of_the_merchants_version(
    api: ApiClient, gateway: Gateway, pool: Pool, receiver: Receiver
) -> None:
    """Whether they go by the queue or at once; what is stored is of the newest version."""
    endpoint = await api.post("/webhook-endpoints", {"url": receiver.url, "events": ["order.paid"]})
    assert 201 == endpoint.status, endpoint.body
    for _ in range(2):
        told = await _told(api, receiver, "order.paid")
        assert ("reference" in told["order"], "receipt" in told["order"]) == (True, False)
        assert told["payment"]["processor"] == told["payment"]["bank_name"]
    stored = await pool.fetchval("SELECT body FROM events WHERE type = 'order.paid' LIMIT 1")
    assert b'"receipt"' in stored
    assert b"bank_name" not in stored
    await pool.execute("UPDATE merchants SET api_version = $1", SECOND)
    for _ in range(2):
        told = await _told(api, receiver, "order.paid")
        assert ("receipt" in told["order"], "bank_name" in told["payment"]) == (True, True)


async def test_a_repeated_webhook_keeps_the_version_of_its_event(
    api: ApiClient, gateway: Gateway, pool: Pool, receiver: Receiver
) -> None:
    """Every attempt has the same bytes, though the merchant has gone on to another version."""
    receiver.answers(500, 200)
    made = await api.post("/webhook-endpoints", {"url": receiver.url, "events": ["order.paid"]})
    await api.captured()
    await eventually(lambda: len(receiver.received) == 1)
    await pool.execute("UPDATE merchants SET api_version = $1", THIRD)
    gateway.clock.advance(61)
    await eventually(lambda: len(receiver.received) == 2)
    first, second = (each.body for each in receiver.received)
    [delivery] = (await api.get("/webhooks")).json["data"]
    await api.post(f"/webhooks/{delivery['id']}/retry")
    await eventually(lambda: len(receiver.received) == 3)

    assert first == second == receiver.received[2].body
    assert "reference" in orjson.loads(first)["data"]["order"]
    # An event of today is told as today's version has it.
    await api.captured()
    await eventually(lambda: len(receiver.received) == 4)
    newest = orjson.loads(receiver.received[3].body)["data"]
    assert ("receipt" in newest["order"], "bank_name" in newest["payment"]) == (True, False)
    assert 201 == made.status


async def test_razorpays_form_has_versions_of_its_own(api: ApiClient, receiver: Receiver) -> None:
    """An endpoint of another format is told in that, whatever the merchant's version."""
    await api.post(
        "/webhook-endpoints",
        {"url": receiver.url, "events": ["order.paid"], "format": "razorpay"},
    )
    await api.captured()
    await eventually(lambda: len(receiver.received) == 1)
    order = orjson.loads(receiver.received[0].body)["payload"]["order"]["entity"]

    assert ("receipt" in order, "reference" in order) == (True, False)
