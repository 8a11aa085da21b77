"""Job streams: at least once, taken over from the dead, back after a flush, flat in memory."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime

import pytest

from gateway.domain.jobs import Job, JobKind
from gateway.queue.client import is_redis_unavailable
from gateway.queue.jobs import Depth, JobQueue
from gateway.queue.schedule import DueIndex

PAYMENTS, REFUNDS, WEBHOOKS = JobKind.PAYMENTS, JobKind.REFUNDS, JobKind.WEBHOOKS
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def payments(count: int) -> list[Job]:
    return [Job(PAYMENTS, f"ord_{n}", f"op_{n}") for n in range(count)]


@pytest.fixture
async def queue(redis, keys):
    """A queue whose groups exist."""
    queue = JobQueue(redis, keys, "alive")
    await queue.ensure_groups()
    return queue


@pytest.fixture
async def dead(redis, keys, queue):
    """The queue of a process that takes jobs and is never heard of again."""
    return JobQueue(redis, keys, "dead")


async def test_jobs_of_all_kinds_come_out_as_they_went_in(queue):
    """Each kind from its own stream, in order, with empty and non-ASCII ids intact."""
    jobs = [Job(PAYMENTS, "ord_1", "op_1"), Job(REFUNDS, "", "op_2"), Job(WEBHOOKS, "é", "whl_3")]
    await queue.add([*jobs, Job(PAYMENTS, "ord_4", "op_4")])

    assert [jobs[0], Job(PAYMENTS, "ord_4", "op_4")] == [
        claimed.job for claimed in await queue.claim(PAYMENTS, 10)
    ]
    assert [jobs[1]] == [claimed.job for claimed in await queue.claim(REFUNDS, 10)]
    [webhook] = await queue.claim(WEBHOOKS, 10)
    assert jobs[2] == webhook.job
    assert 1 == webhook.deliveries


async def test_a_job_goes_to_one_consumer(queue, dead):
    """Two processes share the work."""
    await queue.add(payments(10))
    ours, theirs = await queue.claim(PAYMENTS, 5), await dead.claim(PAYMENTS, 10)

    assert payments(10) == [claimed.job for claimed in ours + theirs]
    assert [] == await queue.claim(PAYMENTS, 10)


async def test_a_waiting_claim_gets_the_job_that_comes(own_redis, keys, until_blocked):
    """A blocking read returns with the first job, not with its time."""
    queue = JobQueue(own_redis, keys, "c")
    claim = asyncio.create_task(queue.claim(PAYMENTS, 10, block_milliseconds=30_000))
    await until_blocked(own_redis)
    await queue.add(payments(1))

    assert payments(1) == [claimed.job for claimed in await asyncio.wait_for(claim, 10)]


async def test_a_waiting_claim_returns_empty_after_its_time(redis_url, opened, keys):
    """It may block for longer than any other call may take."""
    redis = opened(redis_url, timeout_seconds=0.2)
    queue = JobQueue(opened(redis_url), keys, "c", reader=redis, timeout_seconds=0.2)
    start = time.monotonic()

    assert [] == await queue.claim(PAYMENTS, 10, block_milliseconds=600)
    assert time.monotonic() - start > 0.55


async def test_acknowledged_jobs_leave_nothing_behind(queue, redis, keys):
    """Thousands, in pieces: the stream is empty afterwards, and no consumer holds anything."""
    await queue.add(payments(3000))
    claimed = await queue.claim(PAYMENTS, 3000)
    assert Depth(waiting=0, in_flight=3000) == (await queue.depths())[PAYMENTS]

    await queue.acknowledge(PAYMENTS, [job.entry_id for job in claimed])

    assert payments(3000) == [job.job for job in claimed]
    assert 0 == await redis.xlen(keys.jobs(PAYMENTS))
    assert 0 == (await redis.xpending(keys.jobs(PAYMENTS), "gateway"))["pending"]


async def test_memory_stays_flat_over_many_rounds(queue, redis, keys):
    """A stream that was worked off a hundred times is no larger than after the first time."""

    async def work_off(rounds: int) -> int:
        for _ in range(rounds):
            await queue.add(payments(100))
            claimed = await queue.claim(PAYMENTS, 100)
            await queue.acknowledge(PAYMENTS, [job.entry_id for job in claimed])
        return await redis.memory_usage(keys.jobs(PAYMENTS))

    assert await work_off(1) >= await work_off(100)


async def test_depths_count_what_waits_and_what_is_held(queue):
    """By kind; also for streams that do not exist."""
    await queue.add([*payments(5), Job(REFUNDS, "ord", "op")])
    claimed = await queue.claim(PAYMENTS, 2)

    assert {
        PAYMENTS: Depth(waiting=3, in_flight=2),
        REFUNDS: Depth(waiting=1, in_flight=0),
        WEBHOOKS: Depth(waiting=0, in_flight=0),
    } == await queue.depths()

    await queue.acknowledge(PAYMENTS, [claimed[0].entry_id])
    await queue._redis.delete(queue._keys.jobs(REFUNDS))

    assert Depth(waiting=3, in_flight=1) == (await queue.depths())[PAYMENTS]
    assert Depth(waiting=0, in_flight=0) == (await queue.depths())[REFUNDS]


async def test_jobs_of_a_dead_consumer_are_taken_over(queue, dead):
    """Thousands of them, followed to the end, with the number of times they were handed out."""
    await queue.add(payments(2500))
    held = await dead.claim(PAYMENTS, 2500)

    taken = await queue.take_over(PAYMENTS, 0, 2500)

    assert payments(2500) == [job.job for job in taken]
    assert [job.entry_id for job in held] == [job.entry_id for job in taken]
    assert {2} == {job.deliveries for job in taken}
    assert {3} == {job.deliveries for job in await dead.take_over(PAYMENTS, 0, 5000)}


async def test_no_more_are_taken_over_than_asked_for_and_the_next_call_goes_on(queue, dead):
    """Nobody takes more than he has room for, and nobody is left out."""
    await queue.add(payments(10))
    await dead.claim(PAYMENTS, 10)
    first = await queue.take_over(PAYMENTS, 0, 4)
    second = await queue.take_over(PAYMENTS, 0, 100)

    assert payments(4) == [job.job for job in first]
    assert payments(10)[4:] == [job.job for job in second]


async def test_a_job_that_is_refreshed_is_not_taken_over(queue, dead, redis, keys):
    """Only who stops refreshing is held for dead."""
    await queue.add(payments(2))
    left, worked_on = await dead.claim(PAYMENTS, 2)
    ids = [left.entry_id, worked_on.entry_id]
    await redis.xclaim(keys.jobs(PAYMENTS), "gateway", "dead", 0, ids, idle=60_000, justid=True)
    assert {worked_on.entry_id} == await dead.refresh(PAYMENTS, [worked_on.entry_id])

    taken = await queue.take_over(PAYMENTS, 50_000, 10)

    assert [left.entry_id] == [job.entry_id for job in taken]


async def test_refreshing_tells_what_is_no_longer_held(queue):
    """Thousands in pieces; a refreshed job counts as handed out no more often than before."""
    await queue.add(payments(1200))
    entry_ids = [job.entry_id for job in await queue.claim(PAYMENTS, 1200)]
    await queue.acknowledge(PAYMENTS, entry_ids[:1])

    assert set(entry_ids[1:]) == await queue.refresh(PAYMENTS, entry_ids)
    assert {2} == {job.deliveries for job in await queue.take_over(PAYMENTS, 0, 2000)}


async def test_taking_over_clears_entries_that_were_deleted(queue, dead, redis, keys):
    """An acknowledgement that was cut in half leaves nothing that comes back for ever."""
    await queue.add(payments(5))
    held = await dead.claim(PAYMENTS, 5)
    await redis.xdel(keys.jobs(PAYMENTS), held[0].entry_id, held[3].entry_id)

    taken = await queue.take_over(PAYMENTS, 0, 10)

    assert ["op_1", "op_2", "op_4"] == [job.job.subject for job in taken]
    assert 3 == (await redis.xpending(keys.jobs(PAYMENTS), "gateway"))["pending"]


async def test_dead_consumers_are_forgotten_when_they_hold_nothing(queue, dead, redis, keys):
    """One that holds jobs stays until they are taken over, and so does the caller."""
    idle = JobQueue(redis, keys, "idle")
    for worker in (queue, idle, dead):
        await queue.add(payments(1))
        [job] = await worker.claim(PAYMENTS, 1)
        if worker is not dead:
            await worker.acknowledge(PAYMENTS, [job.entry_id])

    assert 0 == await queue.remove_dead_consumers(60_000)
    assert 1 == await queue.remove_dead_consumers(0)
    names = {row["name"] for row in await redis.xinfo_consumers(keys.jobs(PAYMENTS), "gateway")}
    assert {b"alive", b"dead"} == names

    [taken] = await queue.take_over(PAYMENTS, 0, 10)
    assert 1 == await queue.remove_dead_consumers(0)
    assert (job.entry_id, 2) == (taken.entry_id, taken.deliveries)


async def test_the_marker_is_gone_when_redis_was_emptied(server, own_redis, keys):
    """Recovery sees it, and setting it again is a new value."""
    queue = JobQueue(own_redis, keys, "c")
    assert not await queue.marker_present()
    await queue.ensure_groups()
    before = await queue.marker()
    await queue.ensure_groups()
    assert before == await queue.marker()
    await own_redis.flushall()
    assert not await queue.marker_present()

    await queue.ensure_groups()

    assert await queue.marker_present()
    assert before != await queue.marker()


async def test_every_call_carries_on_after_redis_was_emptied(own_redis, keys):
    """Groups come back by themselves, jobs added since are delivered, the marker stays away."""
    queue = JobQueue(own_redis, keys, "c")
    await queue.ensure_groups()
    await queue.add(payments(3))
    [job] = await queue.claim(PAYMENTS, 1)
    for call in (
        lambda: queue.claim(PAYMENTS, 1),
        lambda: queue.take_over(PAYMENTS, 0, 10),
        lambda: queue.refresh(PAYMENTS, [job.entry_id]),
        lambda: queue.acknowledge(PAYMENTS, [job.entry_id]),
        lambda: queue.remove_dead_consumers(0),
        queue.depths,
    ):
        await own_redis.flushall()
        await call()
        assert not await queue.marker_present()
    await own_redis.flushall()
    await queue.add(payments(2))

    assert payments(2) == [claimed.job for claimed in await queue.claim(PAYMENTS, 10)]


async def test_a_claim_that_waits_while_redis_is_emptied_gets_what_comes_after(
    own_redis, keys, until_blocked
):
    """The group it waited in is gone; it waits on in the new one."""
    queue = JobQueue(own_redis, keys, "c")
    await queue.ensure_groups()
    claim = asyncio.create_task(queue.claim(PAYMENTS, 10, block_milliseconds=10_000))
    await until_blocked(own_redis)
    await own_redis.flushall()
    await queue.add(payments(1))

    assert payments(1) == [claimed.job for claimed in await asyncio.wait_for(claim, 10)]


async def test_jobs_survive_a_restart_of_redis_and_both_sides_reconnect(server, own_redis, keys):
    """Waiting and held jobs are still there; only calls made meanwhile fail."""
    queue = JobQueue(own_redis, keys, "c")
    await queue.ensure_groups()
    await queue.add(payments(3))
    [held] = await queue.claim(PAYMENTS, 1)
    server.stop()
    with pytest.raises(Exception) as raised:  # noqa: PT011 - the classifier is the test
        await queue.add(payments(1))
    assert is_redis_unavailable(raised.value)
    server.start()

    assert payments(3)[1:] == [claimed.job for claimed in await queue.claim(PAYMENTS, 10)]
    assert {held.entry_id} == await queue.refresh(PAYMENTS, [held.entry_id])
    assert await queue.marker_present()


async def test_a_claim_that_waits_notices_the_end_of_redis(server, own_redis, keys, until_blocked):
    """It fails at once, as unavailable, instead of waiting for nothing."""
    queue = JobQueue(own_redis, keys, "c")
    await queue.ensure_groups()
    claim = asyncio.create_task(queue.claim(PAYMENTS, 10, block_milliseconds=60_000))
    await until_blocked(own_redis)
    server.stop()

    with pytest.raises(Exception) as raised:  # noqa: PT011 - the classifier is the test
        await asyncio.wait_for(claim, 10)
    assert is_redis_unavailable(raised.value)


async def test_sending_to_a_hanging_redis_fails_in_time_and_can_be_repeated(
    server, own_redis, keys
):
    """The whole batch again: jobs may be doubled, none is lost."""
    queue = JobQueue(own_redis, keys, "c", timeout_seconds=0.2)
    await queue.ensure_groups()
    server.freeze()
    start = time.monotonic()
    with pytest.raises(TimeoutError) as raised:
        await queue.send(jobs=payments(5), changed_ids=["pay_1"], due={"whl_1": NOON})
    assert time.monotonic() - start < 2
    assert is_redis_unavailable(raised.value)
    server.thaw()

    await queue.send(jobs=payments(5), changed_ids=["pay_1"], due={"whl_1": NOON})

    claimed = [job.job for job in await queue.claim(PAYMENTS, 100)]
    assert set(payments(5)) == set(claimed)
    assert len(claimed) in (5, 10)
    assert ["whl_1"] == await DueIndex(own_redis, keys).pop_due(NOON, 10)


async def test_a_batch_goes_out_whole(queue, redis, keys):
    """Jobs, changed ids, due deliveries and deletions, thousands of each, in one call."""
    sealed = [f"pay_{n}" for n in range(1500)]
    await redis.mset({keys.sealed(payment_id): b"x" for payment_id in sealed})
    async with redis.pubsub(ignore_subscribe_messages=True) as listener:
        await listener.subscribe(keys.changes)
        await queue.send(
            jobs=payments(1500),
            changed_ids=sealed,
            due=dict.fromkeys(sealed, NOON),
            sealed_delete=sealed,
        )
        told = []
        while len(told) < 1500:
            message = await listener.get_message(timeout=5)
            told += message["data"].decode().split(" ")[1:] if message else []

    assert sealed == told
    assert payments(1500) == [claimed.job for claimed in await queue.claim(PAYMENTS, 2000)]
    assert set(sealed) == set(await DueIndex(redis, keys).pop_due(NOON, 2000))
    assert 0 == await redis.exists(*[keys.sealed(payment_id) for payment_id in sealed])


async def test_sending_nothing_touches_nothing(server, own_redis, keys):
    """An empty batch does not even need Redis."""
    queue = JobQueue(own_redis, keys, "c")
    server.stop()

    await queue.send()
    await queue.acknowledge(PAYMENTS, [])

    assert frozenset() == await queue.refresh(PAYMENTS, [])


async def test_a_queue_nobody_empties_stays_within_its_limit(redis, keys):
    """The oldest jobs are pushed out, in whole nodes of the stream; Recovery finds them."""
    queue = JobQueue(redis, keys, "c", entries_max=1000)
    await queue.ensure_groups()
    await queue.add(payments(3000))

    assert 1000 <= (await queue.depths())[PAYMENTS].waiting < 1200
