"""News between processes: who waits is woken, and who cannot be told learns of the gap."""

from __future__ import annotations

import asyncio
import time

import pytest

from gateway.queue.jobs import JobQueue
from gateway.queue.notifications import ChangeHub, Changes, TooManySubscriptions


@pytest.fixture
async def listening(own_redis):
    """Starts the listeners of hubs and ends them with the test."""
    tasks = []

    async def start(hub: ChangeHub) -> ChangeHub:
        tasks.append(asyncio.create_task(hub.run(own_redis)))
        await asyncio.wait_for(hub.connected.wait(), 10)
        return hub

    yield start
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def new_hub(keys, **options) -> ChangeHub:
    return ChangeHub(keys, idle_seconds=0.5, backoff_seconds=0.01, **options)


async def test_a_change_of_another_process_wakes_who_waits_for_it(own_redis, keys, listening):
    """And nobody else."""
    hub = await listening(new_hub(keys))
    with hub.subscribe("pay_1", "ord_1") as changes, hub.subscribe("pay_2") as others:
        await Changes(own_redis, keys, "other").publish(["ord_1"])

        assert await changes.wait(10)
        assert not await changes.wait(0.01)
        assert not await others.wait(0)


async def test_a_change_in_the_same_process_wakes_without_redis(keys):
    """A change told before the wait is not missed; one told before the subscription is."""
    hub = new_hub(keys)
    hub.notify(["pay_1"])
    with hub.subscribe("pay_1") as changes:
        assert not await changes.wait(0.01)
        hub.notify(["pay_0", "pay_1"])

        assert await changes.wait(10)


async def test_several_may_wait_for_the_same(keys):
    """All of them are woken."""
    hub = new_hub(keys)
    with hub.subscribe("pay_1") as one, hub.subscribe("pay_1") as two:
        waits = asyncio.gather(one.wait(10), two.wait(10))
        await asyncio.sleep(0)
        hub.notify(["pay_1"])

        assert [True, True] == await waits


async def test_a_batch_of_jobs_carries_the_news_and_own_news_are_passed_over(
    own_redis, keys, listening
):
    """With its own name a hub leaves out what its process has told it already."""
    theirs = await listening(new_hub(keys, own_name="b"))
    ours = await listening(new_hub(keys, own_name="a"))
    with ours.subscribe("pay_1") as at_ours, theirs.subscribe("pay_1") as at_theirs:
        await JobQueue(own_redis, keys, "a").send(changed_ids=["pay_1"])

        assert await at_theirs.wait(10)
        await Changes(own_redis, keys, "b").publish(["pay_1"])
        assert await at_ours.wait(10)
        assert not await at_ours.wait(0)


async def test_thousands_of_changes_arrive(own_redis, keys, listening):
    """In few messages."""
    hub = await listening(new_hub(keys))
    ids = [f"pay_{n}" for n in range(5000)]
    with hub.subscribe(ids[0]) as first, hub.subscribe(ids[-1]) as last:
        await Changes(own_redis, keys, "other").publish(ids)

        assert await first.wait(10)
        assert await last.wait(10)


async def test_subscriptions_are_limited_and_leave_nothing_behind(keys):
    """One too many is refused; those that end make room."""
    hub = new_hub(keys, subscriptions_max=2)
    with hub.subscribe("pay_1"), hub.subscribe("pay_1"):
        with pytest.raises(TooManySubscriptions), hub.subscribe("pay_1"):
            pass
        assert 2 == hub.subscriptions
    with hub.subscribe("pay_1"):
        assert 1 == hub.subscriptions
    assert 0 == hub.subscriptions
    assert {} == hub._waiting


async def test_closing_lets_everybody_go(keys):
    """At the end of the process nobody waits for his time."""
    hub = new_hub(keys)
    with hub.subscribe("pay_1") as changes:
        wait = asyncio.create_task(changes.wait(60))
        await asyncio.sleep(0)
        hub.close()

        assert not await asyncio.wait_for(wait, 10)
        assert not await changes.wait(60)


async def test_revoked_keys_are_told_to_every_process_the_own_included(own_redis, keys, listening):
    """Whoever keeps keys in memory drops them."""
    hub = await listening(new_hub(keys, own_name="a"))
    revoked: asyncio.Queue[tuple[str, ...]] = asyncio.Queue()
    hub.on_revocation(revoked.put_nowait)

    await Changes(own_redis, keys, "a").revoke(["key_1", "key_2"])

    assert ("key_1", "key_2") == await asyncio.wait_for(revoked.get(), 10)


@pytest.mark.parametrize("outage", ["restart", "hang"])
async def test_the_listener_comes_back_after_an_outage_and_tells_of_the_gap(
    server, own_redis, keys, listening, outage
):
    """A server that ends and one that hangs are both noticed, both ends of the gap are told."""
    gaps: asyncio.Queue[float] = asyncio.Queue()
    hub = new_hub(keys)
    hub.on_gap(lambda: gaps.put_nowait(time.monotonic()))
    await listening(hub)
    await asyncio.wait_for(gaps.get(), 10)
    if outage == "hang":
        server.freeze()
    else:
        server.stop()
    await asyncio.wait_for(gaps.get(), 10)
    assert not hub.connected.is_set()
    if outage == "hang":
        server.thaw()
    else:
        server.start()
    await asyncio.wait_for(hub.connected.wait(), 10)
    assert 1 == gaps.qsize()

    with hub.subscribe("pay_1") as changes:
        await Changes(own_redis, keys, "other").publish(["pay_1"])
        assert await changes.wait(10)


async def test_an_idle_listener_stays_connected(own_redis, keys, listening):
    """Silence is tried with a PING, not taken for an outage."""
    hub = await listening(new_hub(keys))
    lost = asyncio.Event()
    hub.on_gap(lost.set)

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(lost.wait(), 1.5)
    with hub.subscribe("pay_1") as changes:
        await Changes(own_redis, keys, "other").publish(["pay_1"])
        assert await changes.wait(10)


async def test_publishing_nothing_needs_no_redis(server, own_redis, keys):
    """An empty batch is no message."""
    server.stop()

    await Changes(own_redis, keys, "a").publish([])
    await Changes(own_redis, keys, "a").revoke([])
