"""The batcher: what gathers, what is limited, and who learns of which failure."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextvars import ContextVar

import pytest

from gateway.actors.batching import Batcher
from gateway.actors.errors import (
    ActorStopped,
    BatcherClosed,
    BatcherFull,
    HandlerCancelled,
    Overloaded,
    WrongThread,
)
from tests.actors.actor_samples import Broken

caller: ContextVar[str] = ContextVar("caller", default="nobody")


class Store:
    """Doubles numbers in batches, each when its gate is open."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.begun = asyncio.Semaphore(0)
        self.running = 0
        self.running_max = 0

    async def flush(self, items: Sequence[int]) -> Sequence[int | Exception]:
        self.batches.append(list(items))
        self.running += 1
        self.running_max = max(self.running_max, self.running)
        self.begun.release()
        try:
            await self.gate.wait()
        finally:
            self.running -= 1
        if 13 in items:
            raise Broken
        return [Broken() if item < 0 else item * 2 for item in items]


@pytest.fixture
async def store() -> Store:
    return Store()


def batcher_of(store: Store, **settings: object) -> Batcher[int, int]:
    return Batcher(
        store.flush, **{"name": "test", "size_max": 100, "pending_max": 1000, **settings}
    )


async def held(store: Store, batcher: Batcher[int, int]) -> asyncio.Future[int]:
    """A first item whose flush has begun and waits for the gate."""
    store.gate.clear()
    first = batcher.submit(0)
    await store.begun.acquire()
    return first


async def test_items_of_one_moment_share_a_batch(store: Store) -> None:
    """What is submitted before the flush begins goes together, and each gets its own result."""
    batcher = batcher_of(store)

    assert [2, 4, 6] == await asyncio.gather(*(batcher.submit(item) for item in (1, 2, 3)))
    assert [[1, 2, 3]] == store.batches


async def test_what_gathers_during_a_flush_goes_into_the_next(store: Store) -> None:
    """One flush at a time; the next one takes what came meanwhile."""
    batcher = batcher_of(store)
    first = await held(store, batcher)
    others = [batcher.submit(item) for item in (1, 2, 3)]
    await asyncio.sleep(0)
    assert 3 == batcher.pending
    store.gate.set()

    assert [0, 2, 4, 6] == await asyncio.gather(first, *others)
    assert ([[0], [1, 2, 3]], 1) == (store.batches, store.running_max)


async def test_one_submitter_can_go_on_and_on(store: Store) -> None:
    """An item that comes just as a flush ends is not left waiting."""
    batcher = batcher_of(store)
    async with asyncio.timeout(5):
        results = [await batcher.submit(item) for item in range(10)]

    assert [item * 2 for item in range(10)] == results


async def test_a_batch_has_a_limit(store: Store) -> None:
    """No batch is longer than size_max; the order is that of submission."""
    batcher = batcher_of(store, size_max=4)
    results = await asyncio.gather(*(batcher.submit(item) for item in range(10)))

    assert [item * 2 for item in range(10)] == results
    assert [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]] == store.batches


async def test_several_flushes_can_run(store: Store) -> None:
    """Up to `concurrency` flushes run at a time."""
    batcher = batcher_of(store, size_max=1, concurrency=3)
    store.gate.clear()
    waiting = [batcher.submit(item) for item in range(10)]
    for _ in range(3):
        await store.begun.acquire()
    store.gate.set()
    await asyncio.gather(*waiting)

    assert (3, 10) == (store.running_max, len(store.batches))


async def test_too_many_waiting_items_are_refused(store: Store) -> None:
    """Beyond pending_max submit raises BatcherFull; what was accepted is done."""
    batcher = batcher_of(store, pending_max=2)
    first = await held(store, batcher)
    others = [batcher.submit(item) for item in (1, 2)]
    with pytest.raises(BatcherFull) as caught:
        batcher.submit(3)
    store.gate.set()

    assert isinstance(caught.value, Overloaded)
    assert [0, 2, 4] == await asyncio.gather(first, *others)


async def test_a_failed_flush_fails_its_whole_batch(store: Store) -> None:
    """Every submitter of the batch gets the exception; the next batch is not concerned."""
    batcher = batcher_of(store)
    waiting = [batcher.submit(item) for item in (12, 13)]
    results = await asyncio.gather(*waiting, return_exceptions=True)

    assert [Broken, Broken] == [type(result) for result in results]
    assert 28 == await batcher.submit(14)


async def test_a_result_can_be_an_exception(store: Store) -> None:
    """An exception in the place of a result is raised to that submitter alone."""
    batcher = batcher_of(store)
    waiting = [batcher.submit(item) for item in (1, -1, 2)]
    results = await asyncio.gather(*waiting, return_exceptions=True)

    assert [2, Broken, 4] == [r if isinstance(r, int) else type(r) for r in results]


async def test_a_wrong_number_of_results_is_an_error() -> None:
    """A flush that answers too few results fails the batch rather than mixing answers up."""

    async def forgetful(items: Sequence[int]) -> Sequence[int]:
        return items[1:]

    batcher: Batcher[int, int] = Batcher(forgetful, name="test", size_max=9, pending_max=9)
    with pytest.raises(RuntimeError, match="0 results for 1 items"):
        await batcher.submit(1)


async def test_a_cancelled_submitter_does_not_disturb_others(store: Store) -> None:
    """The others of its batch get their results."""
    batcher = batcher_of(store)
    first = await held(store, batcher)
    cancelled = batcher.submit(1)
    other = batcher.submit(2)
    first.cancel()
    cancelled.cancel()
    store.gate.set()

    assert 4 == await other
    assert [[0], [2]] == store.batches


async def test_a_flush_that_is_cancelled_inside_is_told(store: Store) -> None:
    """A CancelledError of something the flush waits for reaches submitters as an ordinary error."""

    async def cancelled(items: Sequence[int]) -> Sequence[int]:
        if items[0] == 2:
            return items
        raise asyncio.CancelledError

    batcher: Batcher[int, int] = Batcher(cancelled, name="test", size_max=1, pending_max=9)
    results = await asyncio.gather(batcher.submit(1), batcher.submit(2), return_exceptions=True)

    assert [HandlerCancelled, 2] == [r if isinstance(r, int) else type(r) for r in results]


async def test_closing_flushes_what_waits(store: Store) -> None:
    """close() drains; later items are refused; a second close does nothing."""
    batcher = batcher_of(store, size_max=1)
    waiting = [batcher.submit(item) for item in (1, 2, 3)]
    await batcher.close(5)
    await batcher.close(5)
    with pytest.raises(BatcherClosed):
        batcher.submit(4)

    assert [2, 4, 6] == [future.result() for future in waiting]


async def test_closing_has_a_limit(store: Store) -> None:
    """What is not done in time is cancelled, and everybody who waits is told."""
    batcher = batcher_of(store)
    first = await held(store, batcher)
    second = batcher.submit(1)
    await batcher.close(0.001)
    results = await asyncio.gather(first, second, return_exceptions=True)

    assert [BatcherClosed, BatcherClosed] == [type(result) for result in results]
    assert issubclass(BatcherClosed, ActorStopped)


async def test_batches_are_observed(store: Store) -> None:
    """The observer learns of each batch's size and of the oldest item's wait."""
    seen: list[tuple[int, float]] = []
    batcher = batcher_of(store, observe=lambda size, waited: seen.append((size, waited)))
    first = await held(store, batcher)
    others = [batcher.submit(item) for item in (1, 2)]
    store.gate.set()
    await asyncio.gather(first, *others)

    assert [1, 2] == [size for size, _waited in seen]
    assert all(0 <= waited < 5 for _size, waited in seen)


async def test_a_failing_observer_leaves_nobody_waiting(store: Store) -> None:
    """Its exception goes to the batch instead of ending the batcher."""

    def fail(_size: int, _waited: float) -> None:
        raise Broken

    with pytest.raises(Broken):
        await batcher_of(store, observe=fail).submit(1)


async def test_there_is_no_task_while_nothing_waits(store: Store) -> None:
    """The task that flushes ends with the last batch."""
    await batcher_of(store).submit(1)
    await asyncio.sleep(0)

    assert {asyncio.current_task()} == asyncio.all_tasks()


async def test_a_flush_does_not_inherit_its_first_submitters_context() -> None:
    """A batch belongs to many submitters, so it runs in the context of none."""

    async def look(items: Sequence[int]) -> Sequence[str]:
        return [caller.get() for _ in items]

    batcher: Batcher[int, str] = Batcher(look, name="test", size_max=9, pending_max=9)
    caller.set("somebody")

    assert "nobody" == await batcher.submit(1)


async def test_a_foreign_thread_cannot_submit(store: Store) -> None:
    """Once used on a loop, a batcher belongs to it."""
    batcher = batcher_of(store)
    await batcher.submit(1)

    with pytest.raises(WrongThread):
        await asyncio.to_thread(batcher.submit, 2)


def test_limits_are_positive(store: Store) -> None:
    """A batcher that could never flush is refused."""
    with pytest.raises(ValueError, match="at least 1"):
        batcher_of(store, size_max=0)
