"""Hints that come twice or not at all, and stores that go away."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from gateway.actors.deliverer import DeliveryLimits
from gateway.storage.pool import open_pool
from gateway.storage.recovery import due_deliveries
from tests.webhooks.proxy import Door
from tests.webhooks.world import World


async def test_doubled_jobs_are_one_delivery(world: World) -> None:
    """Ten jobs and an entry of the index about the same delivery: one request, all acknowledged."""
    receiver = await world.receiver(200)
    endpoint = await world.endpoint(receiver.url)
    [delivery_id] = await world.insert(endpoint)

    for _ in range(10):
        await world.add_job(endpoint, delivery_id)
    await world.deliverer.deliver_now([delivery_id] * 3)

    await world.ended(delivery_id, "success")
    await world.until(world.nothing_left)
    assert 1 == len(receiver.received)
    assert 1 == len(await world.attempts(delivery_id))


async def test_a_doubled_job_during_the_request_waits_for_its_end(world: World) -> None:
    """What is under way is known by its id."""
    receiver = await world.receiver(hangs=True)
    endpoint = await world.endpoint(receiver.url)
    [delivery_id] = await world.deliver(endpoint)
    await world.until(lambda: receiver.under_way == 1)

    await world.add_job(endpoint, delivery_id)
    await world.deliverer.deliver_now([delivery_id])
    await world.until(index_is_empty(world))
    receiver.let_go.set()

    await world.ended(delivery_id, "success")
    await world.until(world.nothing_left)
    assert 1 == len(receiver.received)


def index_is_empty(world: World) -> Any:
    async def look() -> bool:
        return await world.due.earliest() is None

    return look


async def test_a_job_about_a_waiting_retry_does_not_send_it_early(world: World) -> None:
    """The row says when; a hint that comes sooner goes back into the index."""
    receiver = await world.receiver(500)
    endpoint = await world.endpoint(receiver.url)
    [delivery_id] = await world.deliver(endpoint)
    row = await world.attempted(delivery_id, 1)
    await world.redis.delete(world.keys.due)

    await world.add_job(endpoint, delivery_id)

    async def back() -> bool:
        found = await world.due.earliest()
        return found is not None and abs((found - row["next_retry_at"]).total_seconds()) < 0.01

    await world.until(back)
    assert 1 == len(receiver.received)


async def test_two_processes_record_an_attempt_once(world: World) -> None:
    """Both have posted; the second finds the row changed and leaves no trace."""
    receiver = await world.receiver(hangs=True)
    endpoint = await world.endpoint(receiver.url)
    [delivery_id] = await world.deliver(endpoint)
    await world.until(lambda: receiver.under_way == 1)
    another = await world.start_another()

    async def both_post() -> bool:
        await another.deliver_now([delivery_id])  # until it is not the first process that pops it
        return receiver.under_way == 2

    await world.until(both_post)
    receiver.let_go.set()

    row = await world.ended(delivery_id, "success")
    await world.until(world.nothing_left)
    await world.until(lambda: another.in_flight == 0)
    assert 1 == row["attempts"] == len(await world.attempts(delivery_id))
    assert 2 == len(receiver.received)


async def test_several_processes_share_the_work(world: World) -> None:
    """Every delivery once, whoever takes it."""
    receiver = await world.receiver(200)
    endpoint = await world.endpoint(receiver.url)
    await world.start_another()
    await world.start_another()

    for _ in range(10):
        await world.deliver(endpoint, 40)

    await world.all_ended(400, "success", within_seconds=15)
    assert 400 == len(receiver.received) == len(set(receiver.ids))


async def test_after_redis_was_emptied_the_index_is_made_anew(world: World) -> None:
    """What Recovery reads from Postgres and puts into the index is delivered, each once."""
    receiver = await world.receiver(500, 200)
    endpoint = await world.endpoint(receiver.url)
    [waiting] = await world.deliver(endpoint)
    await world.attempted(waiting, 1)
    for key in (world.keys.due, world.keys.marker):
        await world.redis.delete(key)
    unsent = await world.insert(endpoint, 5)
    world.clock.advance(60)

    for _ in range(2):  # a second look finds what is under way: harmless
        async with world.pool.acquire() as connection:
            rows = await due_deliveries(connection, world.clock.now(), 100)
        world.enqueuer.put(due={row[0]: row[2] for row in rows})

    await world.all_ended(6, "success", within_seconds=10)
    assert 7 == len(receiver.received)
    assert 6 == len(set(receiver.ids))
    assert set(unsent) <= {
        str(r["id"]) for r in await world.pool.fetch("SELECT id FROM webhook_logs")
    }


async def test_deliveries_go_on_when_the_group_is_gone(world: World) -> None:
    """The stream with its group was deleted under the waiting claim."""
    receiver = await world.receiver(200)
    endpoint = await world.endpoint(receiver.url)
    await world.ended((await world.deliver(endpoint))[0], "success")
    await world.redis.delete(world.keys.jobs("webhooks"))

    [delivery_id] = await world.deliver(endpoint)

    await world.ended(delivery_id, "success")
    assert world.deliverer.is_running


async def test_what_a_dead_process_held_is_taken_over(make_world: Any) -> None:
    """Claimed by a consumer that is no more: another takes it when it has been idle."""
    world: World = await make_world(
        limits=DeliveryLimits(take_over_seconds=0.4, refresh_seconds=0.1)
    )
    receiver = await world.receiver(200)
    endpoint = await world.endpoint(receiver.url)
    [delivery_id] = await world.deliver(endpoint)
    dead, _ = await world._make_queue()
    assert 1 == len(await dead.claim("webhooks", 10))

    await world.start()

    await world.ended(delivery_id, "success")
    await world.until(world.nothing_left)


async def _looks_for_what_to_take_over(world: World) -> int:
    """How often Redis was asked to hand over what others hold."""
    commands = await world.redis.info("commandstats")
    return commands.get("cmdstat_xautoclaim", {"calls": 0})["calls"]


async def _has_looked(world: World, times: int) -> bool:
    return await _looks_for_what_to_take_over(world) >= times


async def test_what_is_under_way_is_not_taken_over(make_world: Any) -> None:
    """It is refreshed for as long as it takes."""
    world: World = await make_world(
        limits=DeliveryLimits(take_over_seconds=0.4, refresh_seconds=0.1)
    )
    await world.start()
    receiver = await world.receiver(hangs=True)
    [delivery_id] = await world.deliver(await world.endpoint(receiver.url))
    await world.until(lambda: receiver.under_way == 1)
    await world.start_another()
    before = await _looks_for_what_to_take_over(world)
    # Each of the two looks twice in a period: two periods, and nothing was taken.
    await world.until(lambda: _has_looked(world, before + 8))

    receiver.let_go.set()

    await world.ended(delivery_id, "success")
    assert 1 == len(receiver.received)


@pytest.fixture
async def door(database_url: str) -> AsyncIterator[Door]:
    """A door to the test's database, open."""
    query = parse_qs(urlsplit(database_url).query)
    directory = Path(tempfile.mkdtemp(prefix="door-"))
    made = Door(Path(query["host"][0]) / f".s.PGSQL.{query['port'][0]}", directory)
    await made.open()
    yield made
    await made.shut()
    shutil.rmtree(directory)


async def test_while_postgres_is_away_results_wait_and_are_written_once(
    world: World, door: Door, database_url: str, redis_url: str
) -> None:
    """The request was made once; its result survives the outage, and then the job is done."""
    receiver = await world.receiver(hangs=True)
    endpoint = await world.endpoint(receiver.url)
    await world.deliverer.stop()
    split = urlsplit(database_url)
    port = parse_qs(split.query)["port"][0]
    url = f"{split._replace(query='').geturl()}?host={door.directory}&port={port}"
    pool = await open_pool(url, size_min=1, size_max=4, acquire_timeout_seconds=1)
    another = await world.start_another(pool)
    ids = await world.deliver(endpoint, 3)
    await world.until(lambda: receiver.under_way == 3)

    await door.shut()
    receiver.let_go.set()
    later = await world.deliver(endpoint, 2)
    await world.until(lambda: another.degraded)
    assert [] == [id_ for id_ in ids if (await world.row(id_))["status"] != "pending"]
    assert await world.jobs_left() == 5
    await door.open()

    await world.all_ended(5, "success", within_seconds=15)
    assert 5 == len(receiver.received)
    for delivery_id in (*ids, *later):
        assert 1 == len(await world.attempts(delivery_id))
    await world.until(lambda: not another.degraded)
    assert another.is_running
    await another.stop()
    await pool.close()


async def test_a_stop_leaves_what_is_not_finished_to_the_next(world: World) -> None:
    """A request that outlasts the stop is cut off, unrecorded, and made again."""
    receiver = await world.receiver(hangs=True)
    [delivery_id] = await world.deliver(await world.endpoint(receiver.url))
    await world.until(lambda: receiver.under_way == 1)

    await world.deliverer.stop()
    await world.deliverer.stop()

    row = await world.row(delivery_id)
    assert ("pending", 0) == (row["status"], row["attempts"])
    receiver.let_go.set()
    await world.restart()
    await world.ended(delivery_id, "success")


async def test_a_stop_lets_requests_under_way_end(world: World) -> None:
    """Half a second is enough for this one: it is recorded and acknowledged."""
    receiver = await world.receiver(hangs=True)
    [delivery_id] = await world.deliver(await world.endpoint(receiver.url))
    await world.until(lambda: receiver.under_way == 1)

    asyncio.get_running_loop().call_later(0.1, receiver.let_go.set)
    await world.deliverer.stop()

    assert "success" == (await world.row(delivery_id))["status"]
    assert 0 == await world.jobs_left()


async def test_the_tree_shows_what_runs(world: World) -> None:
    """The deliverer, how much is under way, and its endpoints."""
    receiver = await world.receiver(hangs=True)
    await world.deliver(await world.endpoint(receiver.url))
    await world.until(lambda: receiver.under_way == 1)

    node = world.deliverer.tree()

    assert ("webhooks", True, 1, 1) == (node.name, node.alive, node.mailbox_length, node.live)
    assert ["endpoints"] == [child.name for child in node.children]
    await world.deliverer.stop()
    assert not world.deliverer.tree().alive
