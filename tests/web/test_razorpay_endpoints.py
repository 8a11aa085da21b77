"""Endpoints of format `razorpay`, from the API to the merchant's server."""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from aiohttp import web

from gateway.web.razorpay_events import RAZORPAY_NAMES
from tests.support import eventually
from tests.web.client import ApiClient

Requests = list[tuple[dict[str, str], bytes]]


class Receiver:
    """A merchant's server with an address for each endpoint."""

    def __init__(self) -> None:
        self.port = 0
        self.received: dict[str, Requests] = {"gateway": [], "razorpay": []}

    def url(self, format_: str) -> str:
        return f"http://127.0.0.1:{self.port}/{format_}"

    async def handle(self, request: web.Request) -> web.Response:
        arrived = (dict(request.headers), await request.read())
        self.received[request.match_info["format"]].append(arrived)
        return web.Response()

    def bodies(self, format_: str) -> list[Any]:
        return [orjson.loads(body) for _, body in self.received[format_]]

    def events(self, format_: str) -> list[str]:
        return sorted(body["event"] for body in self.bodies(format_))


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A receiver on this machine."""
    made = Receiver()
    application = web.Application()
    application.router.add_post("/{format}", made.handle)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.port = runner.addresses[0][1]
    yield made
    await runner.cleanup()


async def make(api: ApiClient, receiver: Receiver, format_: str, **fields: Any) -> dict[str, Any]:
    """A new endpoint of the format."""
    body = {"url": receiver.url(format_), "format": format_, **fields}
    answer = await api.post("/webhook-endpoints", body)
    assert 201 == answer.status, answer.body
    made: dict[str, Any] = answer.json
    return made


async def test_each_endpoint_is_told_in_its_own_format(api: ApiClient, receiver: Receiver) -> None:
    """Ours hears everything, Razorpay's what Razorpay has a name for, signed."""
    own = await make(api, receiver, "gateway")
    other = await make(api, receiver, "razorpay", secret="a_secret_as_it_stands")
    assert (["*"], ["*"]) == (own["events"], other["events"])

    payment = await api.captured()
    await api.post(f"/payments/{payment['id']}/refunds", {"amount": 1_000})

    expected = ["payment.authorized", "payment.captured", "order.paid"]
    expected = sorted([*expected, "refund.created", "refund.processed"])
    await eventually(lambda: receiver.events("razorpay") == expected)
    await eventually(lambda: len(receiver.received["gateway"]) == 7)
    assert {"payment.created", "payment.pending", "payment.success"} < set(
        receiver.events("gateway")
    )
    for headers, body in receiver.received["razorpay"]:
        signature = hmac.digest(b"a_secret_as_it_stands", body, "sha256").hex()
        assert signature == headers["X-Razorpay-Signature"]
        assert headers["x-razorpay-event-id"].startswith("evt_")
    entities = [body["payload"]["payment"]["entity"] for body in receiver.bodies("razorpay")]
    assert {payment["id"]} == {entity["id"] for entity in entities}
    accounts = {body["account_id"] for body in receiver.bodies("razorpay")}
    assert 1 == len(accounts)


async def test_deliveries_are_listed_under_our_names(api: ApiClient, receiver: Receiver) -> None:
    """One event has one name in the API, whoever was told of it."""
    endpoint = await make(api, receiver, "razorpay", events=["payment.authorized"])
    assert ["payment.authorized"] == endpoint["events"]

    await api.captured()

    await eventually(lambda: receiver.received["razorpay"])
    assert ["payment.authorized"] == receiver.events("razorpay")
    [delivery] = (await api.get("/webhooks")).json["data"]
    assert ("payment.success", endpoint["id"]) == (delivery["event"], delivery["endpoint_id"])


async def test_a_test_webhook(api: ApiClient, receiver: Receiver) -> None:
    """In Razorpay's form, without entities."""
    endpoint = await make(api, receiver, "razorpay", events=["order.paid"])

    assert 200 == (await api.post(f"/webhook-endpoints/{endpoint['id']}/test")).status

    await eventually(lambda: receiver.received["razorpay"])
    [body] = receiver.bodies("razorpay")
    assert ("event", "webhook.test", [], {}) == (
        body["entity"],
        body["event"],
        body["contains"],
        body["payload"],
    )


async def test_names_go_with_the_format(api: ApiClient, receiver: Receiver) -> None:
    """What a format does not have is refused by name, and nothing is changed."""
    for format_, name in (
        ("gateway", "payment.authorized"),
        ("razorpay", "payment.success"),
        ("razorpay", "payment.pending"),
        ("razorpay", "no.event"),
    ):
        body = {"url": receiver.url(format_), "format": format_, "events": ["order.paid", name]}
        refused = await api.post("/webhook-endpoints", body)
        assert (400, "events") == (refused.status, refused.error["field"]), name
    assert 0 == (await api.get("/webhook-endpoints")).json["total"]
    endpoint = await make(api, receiver, "gateway", events=["payment.pending", "payment.success"])
    path = f"/webhook-endpoints/{endpoint['id']}"

    async def change(**changes: Any) -> Any:
        return await api.call("PATCH", path, changes)

    assert 400 == (await change(events=["payment.authorized"])).status
    changed = (await change(format="razorpay")).json
    assert ("razorpay", ["payment.authorized"]) == (changed["format"], changed["events"])
    assert 400 == (await change(events=["payment.success"])).status
    everything = (await change(events=sorted(RAZORPAY_NAMES.values()))).json
    assert ["*"] == everything["events"]
    assert ["refund.failed"] == (await change(events=["refund.failed"])).json["events"]
    back = (await change(format="gateway", events=["payment.pending"])).json
    assert ("gateway", ["payment.pending"]) == (back["format"], back["events"])
    nothing_left = await change(format="razorpay")
    assert (400, "events") == (nothing_left.status, nothing_left.error["field"])
    assert back == (await api.get(path)).json
