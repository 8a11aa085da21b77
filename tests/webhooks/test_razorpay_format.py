"""Deliveries to endpoints of format `razorpay`: what is sent is Razorpay's body, and signed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from gateway.domain.work import Event
from gateway.web.razorpay_events import account_id, razorpay_body
from tests.unit.scenario import authorized
from tests.webhooks.receivers import legacy_signature
from tests.webhooks.world import MadeEndpoint, World


@pytest.fixture
async def world(make_world: Callable[..., Any]) -> World:
    """A deliverer with the format."""
    made: World = await make_world(formats={"razorpay": razorpay_body})
    await made.start()
    return made


def success() -> Event:
    """A payment's success as the rules emit it."""
    work = authorized().decision.work
    assert work is not None
    return next(event for event in work.events if event.type == "payment.success")


async def deliver(world: World, endpoint: MadeEndpoint, body: bytes) -> str:
    """A delivery of an event with this body; its id."""
    [delivery_id] = await world.insert(endpoint)
    await world.pool.execute(
        "UPDATE events SET body = $2 WHERE id = (SELECT event_id FROM webhook_logs WHERE id = $1)",
        delivery_id,
        body,
    )
    await world.add_job(endpoint, delivery_id)
    return delivery_id


async def test_each_endpoint_gets_the_body_of_its_format(world: World) -> None:
    """The gateway's own as it was stored, Razorpay's made of it."""
    event = success()
    own, other = await world.receiver(200), await world.receiver(200)
    endpoints = (
        await world.endpoint(own.url),
        await world.endpoint(other.url, format="razorpay"),
    )
    for endpoint in endpoints:
        await world.ended(await deliver(world, endpoint, event.body), "success")

    assert [event.body] == [request.body for request in own.received]
    body = json.loads(other.received[0].body)
    assert ("event", "payment.authorized", account_id(world.merchant_id)) == (
        body["entity"],
        body["event"],
        body["account_id"],
    )
    payment = body["payload"]["payment"]["entity"]
    assert (event.payment_id, "authorized") == (payment["id"], payment["status"])


async def test_razorpays_body_is_signed_with_the_secret_as_it_stands(world: World) -> None:
    """What `verify_webhook_signature` of Razorpay's libraries checks, and the event's id."""
    receiver = await world.receiver(200)
    endpoint = await world.endpoint(receiver.url, format="razorpay", secret="whsec_test_abc123")
    delivery_id = await deliver(world, endpoint, success().body)
    row = await world.ended(delivery_id, "success")

    [request] = receiver.received
    expected = legacy_signature(request.body, "whsec_test_abc123")
    assert expected == request.headers["x-razorpay-signature"]
    assert row["event_id"] == request.headers["x-razorpay-event-id"]
    assert "payment.success" == row["event"]


async def test_every_attempt_has_the_same_bytes(world: World) -> None:
    """Also from a process that was started in between."""
    receiver = await world.receiver(500, 500, 200)
    endpoint = await world.endpoint(receiver.url, format="razorpay")
    delivery_id = await deliver(world, endpoint, success().body)
    await world.attempted(delivery_id, 1)
    world.clock.advance(60)
    await world.attempted(delivery_id, 2)
    await world.restart()
    world.clock.advance(300)
    await world.ended(delivery_id, "success")

    assert 3 == len(receiver.received)
    assert 1 == len({request.body for request in receiver.received})
    assert 1 == len({request.headers["x-razorpay-event-id"] for request in receiver.received})
