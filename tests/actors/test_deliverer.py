"""What the deliverer has in its hands, and how its loops end. Deliveries: tests/webhooks."""

from __future__ import annotations

import asyncio

from gateway.actors.cancelling import cancel_all
from gateway.actors.under_way import UnderWay


def test_a_delivery_is_under_way_once_however_often_it_is_named() -> None:
    """Jobs and popped ids about the same delivery: the first one begins it."""
    under_way = UnderWay(10)

    assert ["a"] == under_way.admit_claimed([("a", "1-0"), ("a", "2-0")])
    assert ["b"] == under_way.admit_due(["a", "b"])
    assert [] == under_way.admit_claimed([("a", "1-0"), ("b", "3-0")])
    assert ["1-0", "2-0", "3-0"] == under_way.entry_ids
    assert 2 == len(under_way)


def test_what_was_held_comes_back_with_the_release() -> None:
    """All entries to acknowledge, and whether the delivery became due once more meanwhile."""
    under_way = UnderWay(10)
    under_way.admit_claimed([("a", "1-0"), ("a", "2-0"), ("b", "3-0")])
    under_way.admit_due(["a"])

    first, second, unknown = (under_way.release(id_) for id_ in ("a", "b", "c"))

    assert (["1-0", "2-0"], True) == (first.entry_ids, first.again)
    assert (["3-0"], False) == (second.entry_ids, second.again)
    assert ([], False) == (unknown.entry_ids, unknown.again)


def test_room_and_emptiness_are_signalled() -> None:
    """Claims wait for room; a stop waits until nothing is left."""
    under_way = UnderWay(2)
    assert under_way.has_room.is_set()
    assert under_way.is_empty.is_set()

    under_way.admit_due(["a", "b"])
    assert (0, False, False) == states(under_way)

    under_way.release("a")
    assert (1, True, False) == states(under_way)

    under_way.release("b")
    assert (2, True, True) == states(under_way)


def states(under_way: UnderWay) -> tuple[int, bool, bool]:
    return under_way.room, under_way.has_room.is_set(), under_way.is_empty.is_set()


async def test_a_task_that_swallows_its_first_cancellation_is_ended() -> None:
    """As one inside redis-py may do: the second one ends it."""
    swallowed = asyncio.Event()

    async def stubborn() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            swallowed.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)

    await asyncio.wait_for(cancel_all([task]), 5)

    assert swallowed.is_set()
    assert task.cancelled()


async def test_tasks_that_have_ended_are_no_trouble() -> None:
    """None, and one that is done."""
    task = asyncio.create_task(asyncio.sleep(0))
    await task

    await cancel_all([])
    await cancel_all([task])
