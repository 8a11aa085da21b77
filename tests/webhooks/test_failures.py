"""Hosts that refuse, hang, redirect or cannot be reached: each attempt is recorded."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest
from aiohttp import web

from gateway.actors.deliverer import DeliveryLimits
from tests.webhooks.world import World


def closed_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("http://nobody.invalid/hook", "The host name could not be resolved"),
        ("http://" + "a" * 64 + ".example/hook", "The host name could not be resolved"),
        ("http://10.255.255.1/hook", "The host has no address that webhooks may be sent to"),
        ("http://169.254.169.254/latest", "The host has no address that webhooks may be sent to"),
    ],
)
async def test_an_unreachable_host_is_an_attempt_with_a_reason(
    world: World, url: str, error: str
) -> None:
    """It is recorded and follows the schedule: the name may resolve tomorrow."""
    [delivery_id] = await world.deliver(await world.endpoint(url))

    row = await world.attempted(delivery_id, 1)

    [attempt] = await world.attempts(delivery_id)
    assert (error, None) == (attempt["error"], attempt["response_code"])
    assert ("pending", None) == (row["status"], row["response_code"])
    assert row["next_retry_at"] > world.clock.now()
    assert ["unreachable"] == [outcome for outcome, _ in world.observed]


async def test_a_refused_connection_is_an_attempt(world: World) -> None:
    """Five of them make a dead letter that says so."""
    [delivery_id] = await world.deliver(
        await world.endpoint(f"http://127.0.0.1:{closed_port()}/hook")
    )

    for number, wait in enumerate((60, 300, 1_800, 7_200), 1):
        await world.attempted(delivery_id, number)
        world.clock.advance(wait)

    await world.ended(delivery_id, "failed")
    [letter] = await world.dead_letters(delivery_id)
    assert "5 attempts failed, at last: The connection was refused" == letter["reason"]
    errors = {each["error"] for each in await world.attempts(delivery_id)}
    assert {"The connection was refused"} == errors


async def test_loopback_is_refused_outside_test_mode(make_world: Any) -> None:
    """The guard stands at the connection: nothing arrives."""
    world: World = await make_world(allow_loopback=False)
    await world.start()
    receiver = await world.receiver(200)
    [delivery_id] = await world.deliver(await world.endpoint(receiver.url))

    await world.attempted(delivery_id, 1)

    [attempt] = await world.attempts(delivery_id)
    assert "The host has no address that webhooks may be sent to" == attempt["error"]
    assert [] == receiver.received


@pytest.mark.parametrize("url", ["", "/hook", "http://", "http://[::1", "http://:80/"])
async def test_what_is_no_url_fails_at_once(world: World, url: str) -> None:
    """No repetition can help: one attempt, then a dead letter, replayable once it is mended."""
    [delivery_id] = await world.deliver(await world.endpoint(url))

    row = await world.ended(delivery_id, "failed")

    [attempt] = await world.attempts(delivery_id)
    assert ("The URL is not valid", 1) == (attempt["error"], row["attempts"])
    [letter] = await world.dead_letters(delivery_id)
    assert "The URL is not valid" == letter["reason"]


async def test_a_redirect_is_a_failure_and_not_followed(world: World) -> None:
    """Not even to where the guard would let it go."""
    target = await world.receiver(200)

    async def redirect(_: web.Request) -> web.Response:
        return web.Response(status=307, headers={"Location": target.url})

    receiver = await world.receiver(answer=redirect)
    [delivery_id] = await world.deliver(await world.endpoint(receiver.url))

    row = await world.attempted(delivery_id, 1)

    assert ("pending", 307) == (row["status"], row["response_code"])
    assert [] == target.received


async def test_an_answer_is_kept_up_to_a_limit_and_without_nuls(world: World) -> None:
    """2,048 characters, whatever their size in bytes."""

    async def chatter(_: web.Request) -> web.Response:
        return web.Response(status=500, text="₹\x00" * 50_000)

    receiver = await world.receiver(answer=chatter)
    [delivery_id] = await world.deliver(await world.endpoint(receiver.url))

    await world.attempted(delivery_id, 1)

    [attempt] = await world.attempts(delivery_id)
    assert 1_365 <= len(attempt["response_body"]) <= 2_048
    assert {"₹"} == set(attempt["response_body"].rstrip("\ufffd"))


async def test_a_hanging_endpoint_is_given_up_after_its_time(make_world: Any) -> None:
    """No answer in time is a failure like any other."""
    world: World = await make_world(limits=DeliveryLimits(timeout_seconds=0.2))
    await world.start()
    receiver = await world.receiver(hangs=True)
    [delivery_id] = await world.deliver(await world.endpoint(receiver.url))

    await world.attempted(delivery_id, 1)

    [attempt] = await world.attempts(delivery_id)
    assert "No answer within 0.2 seconds" == attempt["error"]
    assert 200 <= attempt["duration_milliseconds"] < 1_000


async def test_a_secret_that_cannot_be_opened_is_a_recorded_failure(world: World) -> None:
    """Sealed with a key that is gone: the attempts count, and nothing is sent unsigned."""
    receiver = await world.receiver(200)
    endpoint = await world.endpoint(receiver.url)
    await world.pool.execute(
        "UPDATE webhook_endpoints SET secret_sealed = $2 WHERE id = $1",
        endpoint.id,
        world.seal("we_0000000000000000", "whsec_other"),
    )
    [delivery_id] = await world.deliver(endpoint)

    await world.attempted(delivery_id, 1)

    [attempt] = await world.attempts(delivery_id)
    assert "The request could not be made" == attempt["error"]
    assert [] == receiver.received


async def test_an_event_whose_body_is_gone_fails_with_a_reason(world: World) -> None:
    """Bodies are kept 90 days; a retry after that has nothing to send."""
    receiver = await world.receiver(200)
    endpoint = await world.endpoint(receiver.url)
    [delivery_id] = await world.insert(endpoint)
    await world.pool.execute("UPDATE events SET body = NULL")

    await world.deliverer.deliver_now([delivery_id])

    await world.ended(delivery_id, "failed")
    [letter] = await world.dead_letters(delivery_id)
    assert "The event's body is no longer kept" == letter["reason"]
    assert [] == receiver.received


async def test_ids_that_are_none_and_rows_that_are_gone_are_let_go(world: World) -> None:
    """A job about nothing is acknowledged and ends nothing."""
    receiver = await world.receiver(200)
    endpoint = await world.endpoint(receiver.url)
    await world.deliverer.deliver_now(["not-a-uuid", "550e8400-e29b-41d4-a716-446655440000"])
    await world.add_job(endpoint, "not-a-uuid")
    await world.add_job(endpoint, "550e8400-e29b-41d4-a716-446655440001")

    [delivery_id] = await world.deliver(endpoint)

    await world.ended(delivery_id, "success")
    await world.until(world.nothing_left)
    await asyncio.sleep(0)
    assert world.deliverer.is_running


async def test_a_result_that_cannot_be_written_hurts_only_itself(world: World) -> None:
    """It is written without the answer's text; those of the same batch are written as they are."""
    await world.pool.execute(
        "ALTER TABLE webhook_attempts ADD CHECK (response_body NOT LIKE 'poison%')"
    )

    async def poison(_: web.Request) -> web.Response:
        return web.Response(text="poison")

    poisonous, healthy = await world.receiver(answer=poison), await world.receiver(200)
    [bad] = await world.deliver(await world.endpoint(poisonous.url))
    good = await world.deliver(await world.endpoint(healthy.url), 20)

    await world.all_ended(21, "success", within_seconds=5)

    [attempt] = await world.attempts(bad)
    assert (200, None) == (attempt["response_code"], attempt["response_body"])
    for delivery_id in good:
        [attempt] = await world.attempts(delivery_id)
        assert "thank you" == attempt["response_body"]
    await world.until(world.nothing_left)
    assert (1, 20) == (len(poisonous.received), len(healthy.received))


async def test_an_observer_that_fails_delays_nothing(make_world: Any) -> None:
    """The attempts are recorded, the jobs acknowledged, and the next ones taken."""

    def fail(_outcome: str, _seconds: float) -> None:
        raise LookupError

    world: World = await make_world(observe=fail)
    await world.start()
    receiver = await world.receiver(200)
    endpoint = await world.endpoint(receiver.url)

    for _ in range(3):
        [delivery_id] = await world.deliver(endpoint)
        await world.ended(delivery_id, "success")

    await world.until(world.nothing_left)
    assert 3 == len(receiver.received)
