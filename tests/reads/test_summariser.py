"""The summariser as a unit of the process."""

from __future__ import annotations

from gateway.actors.summariser import Summariser
from gateway.domain.clock import Clock
from gateway.storage.pool import Pool
from tests.reads.books import Books
from tests.support import eventually


async def settled(pool: Pool) -> int:
    return await pool.fetchval(
        "SELECT coalesce(sum(entries), 0) FROM sums WHERE kind = 'payment' AND minutes = 15"
    )


async def test_sums_up_again_when_time_has_passed(books: Books) -> None:
    """At the start, after each interval, and when the clock is moved."""
    clock = Clock()
    summariser = Summariser(pool=books.pool, clock=clock, interval_seconds=3600, lag_seconds=1)
    await books.payment(clock.now())
    await summariser.start()
    try:
        await eventually(lambda: settled(books.pool))
        await books.payment(clock.now())
        clock.advance(10)

        async def both() -> bool:
            return 2 == await settled(books.pool)

        await eventually(both)
        assert summariser.tree().alive
    finally:
        await summariser.stop()
    assert not summariser.tree().alive
    assert not summariser.failed.done()


async def test_waits_for_a_database_that_is_away(books: Books) -> None:
    """A lost connection is no failure: the next round goes on."""
    clock = Clock()
    summariser = Summariser(pool=books.pool, clock=clock, interval_seconds=0.01, lag_seconds=1)
    await summariser.start()
    try:
        for _ in range(3):
            await books.pool.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        await books.payment(clock.now())
        await eventually(lambda: settled(books.pool))
    finally:
        await summariser.stop()
    assert not summariser.failed.done()
