"""The due index: to the millisecond, each id to one process."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from gateway.queue.schedule import DueIndex

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


async def test_what_is_due_comes_out_longest_due_first_and_the_rest_stays(redis, keys):
    """A later time on the clock brings out later deliveries."""
    index = DueIndex(redis, keys)
    await index.put({f"whl_{n}": NOON + timedelta(minutes=n) for n in (3, 1, 2)})

    assert [] == await index.pop_due(NOON, 10)
    assert ["whl_1", "whl_2"] == await index.pop_due(NOON + timedelta(minutes=2), 10)
    assert ["whl_3"] == await index.pop_due(NOON + timedelta(days=1), 10)
    assert [] == await index.pop_due(NOON + timedelta(days=1), 10)


async def test_nothing_comes_out_before_it_is_due(redis, keys):
    """Not even by the part of a millisecond that Redis is not told."""
    index = DueIndex(redis, keys)
    due = NOON + timedelta(microseconds=300)
    await index.put({"whl_1": due})

    assert [] == await index.pop_due(due - timedelta(microseconds=1), 10)
    assert [] == await index.pop_due(due, 10)
    assert ["whl_1"] == await index.pop_due(NOON + timedelta(milliseconds=1), 10)


async def test_no_more_come_out_than_asked_for(redis, keys):
    """The count bounds the answer, and nothing is lost by it."""
    index = DueIndex(redis, keys)
    await index.put({f"whl_{n}": NOON for n in range(5)})
    first = await index.pop_due(NOON, 3)
    second = await index.pop_due(NOON, 3)

    assert 3 == len(first)
    assert {f"whl_{n}" for n in range(5)} == {*first, *second}


async def test_the_earliest_is_told(redis, keys):
    """The deliverer's one timer is set for it, never before the time itself."""
    index = DueIndex(redis, keys)
    assert await index.earliest() is None
    await index.put({"whl_1": NOON + timedelta(hours=1), "whl_2": NOON})

    assert NOON == await index.earliest()

    await index.put({"whl_2": NOON + timedelta(hours=2, microseconds=1)})

    assert NOON + timedelta(hours=1) == await index.earliest()

    await index.remove(["whl_1"])

    assert NOON + timedelta(hours=2, milliseconds=1) == await index.earliest()


async def test_thousands_go_in_and_out_and_each_goes_to_one_of_two_processes(
    redis_url, opened, keys
):
    """Two clients pop side by side: together they get everything once."""
    ids = {f"whl_{n}" for n in range(5000)}
    ours, theirs = (DueIndex(opened(redis_url), keys) for _ in range(2))
    await ours.put(dict.fromkeys(ids, NOON))

    async def pop_all(index: DueIndex) -> list[str]:
        popped = []
        while part := await index.pop_due(NOON, 70):
            popped += part
        return popped

    parts = await asyncio.gather(pop_all(ours), pop_all(theirs), pop_all(ours), pop_all(theirs))
    popped = [id_ for part in parts for id_ in part]

    assert 5000 == len(popped)
    assert ids == set(popped)
    assert all(parts)


async def test_removing_thousands_and_putting_nothing(redis, keys):
    """Long lists go out in pieces, empty ones not at all."""
    index = DueIndex(redis, keys)
    ids = [f"whl_{n}" for n in range(3000)]
    await index.put(dict.fromkeys(ids, NOON))
    await index.remove(ids)
    await index.put({})
    await index.remove([])

    assert await index.earliest() is None
