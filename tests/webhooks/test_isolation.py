"""One endpoint that is dead, slow or flooded delays no other, and takes bounded memory."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from gateway.actors.deliverer import DeliveryLimits
from tests.webhooks.world import World


async def test_a_hanging_endpoint_delays_no_other(make_world: Any) -> None:
    """Five hundred deliveries that hang, and the others arrive as if there were none."""
    world: World = await make_world(limits=DeliveryLimits(posts_max=100, endpoint_concurrency=8))
    await world.start()
    hanging, healthy = await world.receiver(hangs=True), await world.receiver(200)
    await world.deliver(await world.endpoint(hanging.url), 500)
    await world.until(lambda: hanging.under_way == 8)

    started = time.monotonic()
    ids = await world.deliver(await world.endpoint(healthy.url), 50)
    await world.all_ended(len(ids), "success", within_seconds=10)

    assert time.monotonic() - started < 4
    assert 8 == hanging.under_way_max


async def test_a_dead_host_delays_no_other(world: World) -> None:
    """Names that do not resolve, addresses that refuse: the rest goes on."""
    healthy = await world.receiver(200)
    dead = await world.endpoint("http://127.0.0.1:1/hook")
    unknown = await world.endpoint("http://nobody.invalid/hook")
    endpoint = await world.endpoint(healthy.url)
    for _ in range(3):
        await world.deliver(dead, 50)
        await world.deliver(unknown, 50)
        await world.deliver(endpoint, 50)

    await world.all_ended(150, "success", within_seconds=10)

    assert 150 == len(set(healthy.ids))


async def test_no_endpoint_gets_more_requests_at_once_than_its_limit(make_world: Any) -> None:
    """And all of them together no more than theirs."""
    world: World = await make_world(limits=DeliveryLimits(posts_max=6, endpoint_concurrency=4))
    await world.start()
    slow = [await world.receiver(hangs=True) for _ in range(3)]
    for receiver in slow:
        await world.deliver(await world.endpoint(receiver.url), 10)
    await world.until(lambda: sum(each.under_way for each in slow) == 6)
    await asyncio.sleep(0)

    assert max(each.under_way_max for each in slow) <= 4
    for receiver in slow:
        receiver.let_go.set()
    await world.all_ended(30, "success", within_seconds=10)
    assert max(each.under_way_max for each in slow) <= 4


async def test_two_thousand_deliveries_to_one_slow_endpoint_are_held_in_bounds(
    make_world: Any,
) -> None:
    """What does not fit goes back into the schedule, is acknowledged, and comes again."""
    limits = DeliveryLimits(endpoint_concurrency=4, endpoint_backlog_max=200, held_max=400)
    world: World = await make_world(limits=limits)
    await world.start()
    receiver = await world.receiver(hangs=True)
    ids = await world.deliver(await world.endpoint(receiver.url), 2_000)
    held: list[int] = []

    async def taken() -> bool:
        held.append(world.deliverer.in_flight)
        await asyncio.sleep(0.01)
        return await world.jobs_left() <= 400

    await world.until(taken, within_seconds=20)
    held.append(world.deliverer.in_flight)
    assert max(held) <= 400
    assert await world.due.earliest() is not None

    receiver.let_go.set()
    started = time.monotonic()
    await world.drain_by_moving_the_clock(len(ids), within_seconds=40)
    assert time.monotonic() - started < 40
    assert 2_000 == len(set(receiver.ids))
    assert 2_000 == len(receiver.received)
    assert 4 == receiver.under_way_max


async def test_a_fast_endpoint_is_not_sent_back_to_wait(world: World) -> None:
    """Two thousand at once to one healthy endpoint arrive within seconds, each once."""
    receiver = await world.receiver(200)
    started = time.monotonic()
    ids = await world.deliver(await world.endpoint(receiver.url), 2_000)

    await world.all_ended(len(ids), "success", within_seconds=20)

    assert time.monotonic() - started < 15
    assert 2_000 == len(receiver.received) == len(set(receiver.ids))
    await world.until(world.nothing_left)
