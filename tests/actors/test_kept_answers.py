"""What idempotency keys stand for, read many in one go."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from gateway.actors.kept_answers import KeptAnswers
from gateway.domain.clock import Clock
from gateway.domain.errors import Unavailable
from gateway.storage.pool import open_pool

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


class FixedClock(Clock):
    """Stands still."""

    def now(self) -> datetime:
        return NOW


def reader(pool, *, pending_max: int = 100) -> KeptAnswers:
    """With small limits."""
    return KeptAnswers(
        pool, FixedClock(), batch_max=50, pending_max=pending_max, acquire_seconds=0.5
    )


async def keep(pool, scope: str, key: str, body: bytes, *, expires_in_seconds: float = 60) -> None:
    """Store an answer under a key."""
    await pool.execute(
        """INSERT INTO idempotency_keys (
            scope, key, fingerprint, surface, status, body, sealed, created_at, expires_at
        ) VALUES ($1, $2, $3, 'order', 201, $4, false, $5, $6)""",
        scope,
        key,
        b"fingerprint",
        body,
        NOW - timedelta(seconds=60),
        NOW + timedelta(seconds=expires_in_seconds),
    )


async def test_each_question_gets_its_own_answer(pool) -> None:
    """Asked at once, also twice: by scope and key, what is new or expired is not there."""
    await keep(pool, "shop-1", "a", b"one")
    await keep(pool, "shop-2", "a", b"two")
    await keep(pool, "shop-1", "b", b"three", expires_in_seconds=0)
    answers = reader(pool)
    questions = [
        ("shop-1", "a"),
        ("shop-1", "b"),
        ("shop-2", "a"),
        ("shop-1", "c"),
        ("shop-1", "a"),
    ]

    found = await asyncio.gather(*(answers.find(*question) for question in questions))

    assert [b"one", None, b"two", None, b"one"] == [each and each.body for each in found]
    assert (b"fingerprint", "order", 201, False) == (
        found[0].fingerprint,
        found[0].surface,
        found[0].status,
        found[0].sealed,
    )


async def test_a_question_sees_what_was_committed_before_it(pool) -> None:
    """Also while an older batch is being read."""
    answers = reader(pool)
    older = [asyncio.ensure_future(answers.find("shop-1", str(number))) for number in range(20)]
    await asyncio.sleep(0)
    await keep(pool, "shop-1", "new", b"one")
    found = await answers.find("shop-1", "new")

    assert found is not None
    assert [None] * 20 == await asyncio.gather(*older)


async def test_too_many_questions_are_refused(pool) -> None:
    """A limit: whoever comes in vain is told to come again."""
    answers = reader(pool, pending_max=1)
    async with asyncio.timeout(10):
        found = await asyncio.gather(
            *(answers.find("shop-1", str(number)) for number in range(10)), return_exceptions=True
        )

    assert {type(None), Unavailable} == {type(each) for each in found}


async def test_a_database_that_is_away_is_unavailable(database_url) -> None:
    """No connection in time, or no pool any more."""
    gone = await open_pool(database_url, size_max=1)
    async with gone.acquire():
        with pytest.raises(Unavailable):
            await reader(gone).find("shop-1", "a")
    await gone.close()


async def test_keys_are_looked_up_and_nothing_else_is_read(database_url) -> None:
    """Also where the table was empty when the plan was made, which is kept while it grows."""
    pool = await open_pool(database_url, size_max=1)
    await pool.execute("ANALYZE idempotency_keys")
    answers = reader(pool)

    async def rows_read() -> int:
        await pool.execute("SELECT pg_stat_force_next_flush()")
        return await pool.fetchval(
            "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_user_tables "
            "WHERE relname = 'idempotency_keys'"
        )

    for number in range(10):  # as many as it takes for a plan to be kept
        assert await answers.find("shop-1", str(number)) is None
    for number in range(50):
        await keep(pool, "shop-2", str(number), b"one")
    before = await rows_read()
    for number in range(10):
        assert await answers.find("shop-1", str(number)) is None
    assert before == await rows_read()
    await pool.close()
