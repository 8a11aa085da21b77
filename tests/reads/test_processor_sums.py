"""How payments did at each processor: the sums are what counting them gives."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from gateway.domain.ids import new_id
from gateway.storage.processor_sums import load_processor_sums
from gateway.storage.summaries import fold
from tests.reads.books import START, Books, minutes

HOURS = [START + timedelta(hours=number) for number in (0, 1, 24, 30)]


async def summarise(books: Books, now_minutes: float) -> None:
    async with books.pool.acquire() as connection:
        while await fold(connection, minutes(now_minutes), lag_seconds=60, slice_seconds=36_000):
            pass


async def failed_attempt(books: Books, payment_id: str, processor: str | None) -> None:
    """One that surely did nothing."""
    operation_id = new_id("op")
    order_id = await books.pool.fetchval("SELECT order_id FROM payments WHERE id = $1", payment_id)
    await books.pool.execute(
        "INSERT INTO operations (id, payment_id, order_id, kind, purpose, amount, state,"
        " created_at, updated_at) VALUES ($1, $2, $3, 'charge', 'payment', 1, 'done', $4, $4)",
        operation_id,
        payment_id,
        order_id,
        START,
    )
    await books.pool.execute(
        "INSERT INTO attempts (id, operation_id, payment_id, order_id, number, state, sent_at,"
        " lease_until, processor) VALUES ($1, $2, $3, $4, 1, 'failed', $5, $5, $6)",
        new_id("att"),
        operation_id,
        payment_id,
        order_id,
        START,
        processor,
    )


async def test_attempts_that_did_nothing_count_where_they_were_made(books: Books) -> None:
    """The payment counts where it ended; an old attempt that names nobody is the payment's."""
    moved = await books.payment(minutes(5), processor="elsewhere")
    kept = await books.payment(minutes(6))
    await failed_attempt(books, moved, "simulator")
    await failed_attempt(books, moved, "third")
    await failed_attempt(books, kept, None)
    await summarise(books, 30 * 60)
    async with books.pool.acquire() as connection:
        [bar, *_] = await load_processor_sums(connection, books.scope, [START, HOURS[-1]])

    assert {"elsewhere": (1, 1, 0), "simulator": (1, 1, 2), "third": (0, 0, 1)} == {
        name: (each.payments, each.succeeded, each.not_reached) for name, each in bar.items()
    }


async def figures(books: Books) -> list[dict[str, tuple[int, int, Counter[str]]]]:
    async with books.pool.acquire() as connection:
        bars = await load_processor_sums(connection, books.scope, HOURS)
    return [
        {name: (each.payments, each.succeeded, each.reasons) for name, each in bar.items()}
        for bar in bars
    ]


async def test_payments_are_counted_by_processor_and_reason(books: Books) -> None:
    """In the bar that they were made in; what changes later is counted anew, once."""
    await books.payment(minutes(5))
    await books.payment(minutes(20), processor="elsewhere")
    await books.payment(minutes(30), status="failed", error_reason="declined")
    await books.payment(minutes(31), status="failed", error_reason="declined")
    late = await books.payment(minutes(90), status="processing", processor="elsewhere")
    await books.payment(minutes(25 * 60), status="failed")
    await summarise(books, 26 * 60)
    before = await figures(books)
    await books.change(late, minutes(26 * 60), status="failed", error_reason="timeout")
    await summarise(books, 27 * 60)
    await summarise(books, 27 * 60)

    assert [
        {"simulator": (3, 1, Counter(declined=2)), "elsewhere": (1, 1, Counter())},
        {"elsewhere": (1, 0, Counter())},
        {"simulator": (1, 0, Counter(unknown=1))},
    ] == before
    assert {"elsewhere": (1, 0, Counter(timeout=1))} == (await figures(books))[1]
