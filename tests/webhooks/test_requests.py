"""What a merchant's server receives: bytes, headers and signatures, rotation included."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest

from gateway.security.credentials import new_webhook_secret
from tests.webhooks.receivers import Received, legacy_signature, standard_signature
from tests.webhooks.world import USER_AGENT, World, body_of


async def one(world: World, **columns: Any) -> tuple[Received, Any]:
    """The request of one delivery to an endpoint of these columns, and the endpoint."""
    receiver = await world.receiver(200)
    endpoint = await world.endpoint(receiver.url, **columns)
    [delivery_id] = await world.deliver(endpoint)
    await world.ended(delivery_id, "success")
    [request] = receiver.received
    return request, endpoint


async def test_the_stored_bytes_arrive_signed_in_both_ways(world: World) -> None:
    """Both schemes verify by the published rules, over the body as it was committed."""
    request, endpoint = await one(world)
    event_id = request.headers["webhook-id"]

    assert body_of(event_id) == request.body
    legacy = legacy_signature(request.body, endpoint.secret)
    assert legacy == request.headers["x-webhook-signature"]
    assert legacy == request.headers["x-razorpay-signature"]
    assert standard_signature(request, endpoint.secret) == request.headers["webhook-signature"]


async def test_the_headers_of_the_contract(world: World) -> None:
    """The event's id three times, the type, the agent, and the receiver's own time."""
    request, _ = await one(world)
    headers = request.headers

    assert 1 == len({headers[n] for n in ("webhook-id", "x-razorpay-event-id", "idempotency-key")})
    assert "application/json" == headers["content-type"]
    assert USER_AGENT == headers["user-agent"]
    assert abs(time.time() - int(headers["webhook-timestamp"])) <= 5


async def test_the_timestamp_is_real_whatever_the_tests_clock_says(world: World) -> None:
    """A receiver that refuses old timestamps compares with its own clock."""
    world.clock.advance(86_400)

    request, _ = await one(world)

    assert abs(time.time() - int(request.headers["webhook-timestamp"])) <= 5


async def test_each_attempt_has_the_same_id_and_body_and_a_signature_of_its_own(
    world: World,
) -> None:
    """Receivers deduplicate by `webhook-id`."""
    receiver = await world.receiver(500, 200)
    endpoint = await world.endpoint(receiver.url)
    [delivery_id] = await world.deliver(endpoint)
    await world.attempted(delivery_id, 1)
    world.clock.advance(60)
    await world.ended(delivery_id, "success")

    first, second = receiver.received
    assert (first.body, first.headers["webhook-id"]) == (second.body, second.headers["webhook-id"])
    for request in receiver.received:
        expected = standard_signature(request, endpoint.secret)
        assert expected == request.headers["webhook-signature"]


async def test_both_secrets_sign_while_the_rotated_one_is_valid(world: World) -> None:
    """The standard header carries both, the legacy ones the current; later only the current."""
    receiver = await world.receiver(200)
    endpoint = await world.endpoint(receiver.url)
    current = new_webhook_secret()
    await world.ended((await world.deliver(endpoint))[0], "success")
    await rotate(world, endpoint, current)

    await world.ended((await world.deliver(endpoint))[0], "success")
    world.clock.advance(3_601)
    await world.ended((await world.deliver(endpoint))[0], "success")

    _, during, after = receiver.received
    both = [standard_signature(during, secret) for secret in (current, endpoint.secret)]
    assert both == during.headers["webhook-signature"].split(" ")
    assert legacy_signature(during.body, current) == during.headers["x-webhook-signature"]
    assert standard_signature(after, current) == after.headers["webhook-signature"]


async def rotate(world: World, endpoint: Any, secret: str) -> None:
    """What the API's rotation writes; other processes are not told of it."""
    await world.pool.execute(
        "UPDATE webhook_endpoints SET previous_secret_sealed = secret_sealed,"
        " secret_sealed = $2, previous_secret_expires_at = $3 WHERE id = $1",
        endpoint.id,
        world.seal(endpoint.id, secret),
        world.clock.now() + timedelta(hours=1),
    )


async def test_the_seeded_secret_is_used_as_it_stands(world: World) -> None:
    """`whsec_test_abc123` is no base64 of 24 bytes: its own bytes are the key."""
    request, _ = await one(world, secret="whsec_test_abc123")

    expected = legacy_signature(request.body, "whsec_test_abc123")
    assert expected == request.headers["x-webhook-signature"]


async def test_a_format_of_its_own_is_made_from_the_delivery(make_world: Any) -> None:
    """The signature is over the bytes that are sent."""
    world: World = await make_world(formats={"razorpay": lambda each: each.event_id.encode()})
    await world.start()

    request, endpoint = await one(world, format="razorpay")

    assert request.headers["webhook-id"].encode() == request.body
    expected = legacy_signature(request.body, endpoint.secret)
    assert expected == request.headers["x-razorpay-signature"]


async def test_a_changed_url_holds_for_the_next_attempt(world: World) -> None:
    """Also when another process changed it and nobody told this one."""
    before, after = await world.receiver(500), await world.receiver(200)
    endpoint = await world.endpoint(before.url)
    [delivery_id] = await world.deliver(endpoint)
    await world.attempted(delivery_id, 1)
    await world.pool.execute(
        "UPDATE webhook_endpoints SET url = $2 WHERE id = $1", endpoint.id, after.url
    )
    world.clock.advance(60)

    await world.ended(delivery_id, "success")

    assert (1, 1) == (len(before.received), len(after.received))


async def test_what_waits_for_a_forgotten_endpoint_is_read_anew(make_world: Any) -> None:
    """`forget_endpoint`: no request that begins after it goes to the old address."""
    world: World = await make_world(concurrency=2)
    await world.start()
    before, after = await world.receiver(hangs=True), await world.receiver(200)
    endpoint = await world.endpoint(before.url)
    ids = await world.deliver(endpoint, 10)
    await world.until(lambda: before.under_way == 2)
    await world.until(lambda: world.deliverer.in_flight == 10)
    await world.pool.execute(
        "UPDATE webhook_endpoints SET url = $2 WHERE id = $1", endpoint.id, after.url
    )

    world.deliverer.forget_endpoint(endpoint.id)
    before.let_go.set()

    await world.all_ended(len(ids), "success", within_seconds=10)
    assert (2, 8) == (len(before.received), len(after.received))


@pytest.mark.parametrize(
    ("request_id", "carried"),
    [("4bf92f3577b34da6a3ce929d0e0e4736", True), ("req_0123456789abcdef", False), (None, False)],
)
async def test_the_trace_of_the_request_goes_on(
    world: World, request_id: str | None, carried: bool
) -> None:
    """An event of a traced request names the trace, with a span of its own."""
    receiver = await world.receiver(200)
    endpoint = await world.endpoint(receiver.url)
    [delivery_id] = await world.insert(endpoint)
    await world.pool.execute("UPDATE events SET request_id = $1", request_id)
    await world.add_job(endpoint, delivery_id)
    await world.ended(delivery_id, "success")
    [request] = receiver.received

    traceparent = request.headers.get("traceparent")
    assert carried == (traceparent is not None)
    if traceparent is not None:
        version, trace, span, flags = traceparent.split("-")
        assert ("00", request_id, "01") == (version, trace, flags)
        assert 16 == len(span)
