"""Endpoints that are switched off: by 410, after five days of failures, or by their merchant."""

from __future__ import annotations

import json
from datetime import timedelta

from tests.webhooks.world import World

DAY = 86_400


async def test_410_switches_the_endpoint_off(world: World) -> None:
    """What waits for it has failed, replayable; the merchant sees why; an audit row tells when."""
    receiver = await world.receiver(500, 410)
    endpoint = await world.endpoint(receiver.url)
    [waiting] = await world.deliver(endpoint)
    await world.attempted(waiting, 1)

    [gone] = await world.deliver(endpoint)

    row = await world.ended(gone, "failed")
    assert (1, 410) == (row["attempts"], row["response_code"])
    await world.ended(waiting, "failed")
    stored = await world.endpoint_row(endpoint)
    assert (False, "The endpoint answered 410 Gone") == (
        stored["active"],
        stored["disabled_reason"],
    )
    for delivery_id in (waiting, gone):
        assert 1 == len(await world.dead_letters(delivery_id))
    [audit] = await world.pool.fetch("SELECT * FROM audit_logs")
    assert ("gateway", "webhook_endpoint.disabled", endpoint.id, world.merchant_id) == (
        audit["actor"],
        audit["action"],
        audit["subject_id"],
        audit["merchant_id"],
    )
    assert {"reason": "The endpoint answered 410 Gone"} == json.loads(audit["details"])
    world.clock.advance(DAY)
    assert 2 == len(receiver.received)


async def test_five_days_of_nothing_but_failures_switch_it_off(world: World) -> None:
    """The first failure begins the period, and only a failure ends it."""
    receiver = await world.receiver(500)
    endpoint = await world.endpoint(receiver.url)
    [first] = await world.deliver(endpoint)
    began_at = (await world.attempted(first, 1))["last_attempt_at"]
    assert began_at == (await world.endpoint_row(endpoint))["failing_since"]
    world.clock.advance(5 * DAY - 10)
    await world.attempted(first, 2)
    assert (await world.endpoint_row(endpoint))["active"]
    world.clock.advance(300)

    await world.ended(first, "failed")

    stored = await world.endpoint_row(endpoint)
    reason = "Every delivery failed for 5 days, at last: The endpoint answered 500"
    assert (False, reason) == (stored["active"], stored["disabled_reason"])
    assert 3 == len(receiver.received)


async def test_a_success_ends_the_period(world: World) -> None:
    """Failures before it no longer count."""
    receiver = await world.receiver(500, 200, 500)
    endpoint = await world.endpoint(receiver.url)
    [delivery_id] = await world.deliver(endpoint)
    await world.attempted(delivery_id, 1)
    world.clock.advance(60)
    await world.ended(delivery_id, "success")
    assert (await world.endpoint_row(endpoint))["failing_since"] is None
    world.clock.advance(6 * DAY)

    [later] = await world.deliver(endpoint)

    row = await world.attempted(later, 1)
    stored = await world.endpoint_row(endpoint)
    assert (True, row["last_attempt_at"]) == (stored["active"], stored["failing_since"])


async def test_an_endpoint_that_has_recovered_elsewhere_is_left_on(world: World) -> None:
    """Another process saw it succeed: what this one knew of it does not count."""
    receiver = await world.receiver(hangs=True)
    since = world.clock.now() - timedelta(days=6)
    endpoint = await world.endpoint(receiver.url, failing_since=since)
    [delivery_id] = await world.deliver(endpoint)
    await world.until(lambda: receiver.under_way == 1)
    await world.pool.execute("UPDATE webhook_endpoints SET failing_since = NULL")
    await receiver.stop()

    await world.attempted(delivery_id, 1, within_seconds=8)

    assert (await world.endpoint_row(endpoint))["active"]


async def test_deliveries_of_a_closed_endpoint_are_not_sent(world: World) -> None:
    """Switched off or deleted while they waited: failed, with a dead letter, no request."""
    receiver = await world.receiver(200)
    off = await world.endpoint(receiver.url, active=False)
    deleted = await world.endpoint(receiver.url, deleted_at=world.clock.now())

    ids = [*await world.deliver(off), *await world.deliver(deleted)]

    for delivery_id in ids:
        assert 0 == (await world.ended(delivery_id, "failed"))["attempts"]
        [letter] = await world.dead_letters(delivery_id)
        assert "The endpoint is switched off or deleted" == letter["reason"]
    await world.until(world.nothing_left)
    assert [] == receiver.received
