"""Writing together what comes together."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from gateway.processors._grouping import Grouping, TooBusy


class Writer:
    """Notes each group; holds it until released, if it is told to."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.begun = asyncio.Event()
        self.released = asyncio.Event()
        self.released.set()

    async def flush(self, items: Sequence[int]) -> list[int | Exception]:
        self.groups.append(list(items))
        self.begun.set()
        await self.released.wait()
        if 13 in items:
            raise OSError("the disk is full")
        return [LookupError(item) if item < 0 else item * 10 for item in items]


def grouping(writer: Writer, **limits: float) -> Grouping[int, int]:
    values = {"size_max": 3, "pending_max": 100, "seconds_max": 5} | limits
    return Grouping(writer.flush, name="test", **values)


async def test_groups_are_bounded_and_in_order() -> None:
    """Everyone gets their own result, in groups of the allowed size."""
    writer = Writer()
    group = grouping(writer)

    assert [10, 20, 30, 40] == await asyncio.gather(*map(group.submit, [1, 2, 3, 4]))
    assert [[1, 2, 3], [4]] == writer.groups
    assert 50 == await group.submit(5)


async def test_a_failed_group_tells_everybody_and_the_next_one_works() -> None:
    """What the flush raises goes to its own group alone; one result may be an exception."""
    group = grouping(Writer())

    results = await asyncio.gather(*map(group.submit, [1, 13, 2, -1, 3]), return_exceptions=True)

    assert [OSError, OSError, OSError, LookupError, int] == [type(result) for result in results]
    assert 40 == await group.submit(4)


async def test_a_flush_that_hangs_is_given_up() -> None:
    """The next group is not kept waiting by a write that never ends."""
    writer = Writer()
    writer.released.clear()
    group = grouping(writer, seconds_max=0.05)

    with pytest.raises(TimeoutError):
        await group.submit(1)

    writer.released.set()

    assert 20 == await group.submit(2)


async def test_who_has_gone_is_left_out() -> None:
    """An item whose submitter was cancelled before its group began is not written."""
    writer = Writer()
    writer.released.clear()
    group = grouping(writer)
    first = asyncio.ensure_future(group.submit(1))
    await writer.begun.wait()
    gone, stays = (asyncio.ensure_future(group.submit(item)) for item in (2, 3))
    await asyncio.sleep(0)  # lets both submit
    gone.cancel()
    first.cancel()
    writer.released.set()

    assert 30 == await stays
    assert [[1], [3]] == writer.groups


async def test_closing_finishes_what_waits() -> None:
    """Nothing that was taken is dropped; more than may wait is not taken."""
    writer = Writer()
    group = grouping(writer, pending_max=2)
    tasks = [asyncio.ensure_future(group.submit(item)) for item in (1, 2, 3)]
    await asyncio.sleep(0)  # lets all three submit

    await group.close()
    await group.close()

    assert [10, 20] == [await task for task in tasks[:2]]
    with pytest.raises(TooBusy):
        await tasks[2]
