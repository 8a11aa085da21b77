"""How payments did at each processor: the sums are what counting them gives."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from gateway.storage.processor_sums import load_processor_sums
from gateway.storage.summaries import fold
from tests.reads.books import START, Books, minutes

HOURS = [START + timedelta(hours=number) for number in (0, 1, 24, 30)]


async def summarise(books: Books, now_minutes: float) -> None:
    async with books.pool.acquire() as connection:
        while await fold(connection, minutes(now_minutes), lag_seconds=60, slice_seconds=36_000):
            pass


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
