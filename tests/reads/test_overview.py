"""The overview's sums: made beside the payment path, and true at every moment."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from gateway.domain.clock import Clock
from gateway.storage import reads_dashboard_overview as overview_reads
from gateway.storage.reads_dashboard_overview import (
    FailureSum,
    Overview,
    PaymentSums,
    RefundSums,
    WebhookHealth,
    load_overview,
    load_webhook_health,
)
from gateway.storage.reads_dashboard_query import searching
from gateway.storage.summaries import fold, prepare_search
from tests.reads.books import START, Books, minutes

DAY = [START + timedelta(hours=number) for number in range(25)]


async def load(books: Books, edges: list[datetime] = DAY) -> Overview:
    async with searching(books.pool) as connection:
        return await load_overview(connection, books.scope, edges)


async def summarise(books: Books, now: datetime, *, slice_seconds: float = 900) -> None:
    async with books.pool.acquire() as connection:
        while await fold(connection, now, lag_seconds=60, slice_seconds=slice_seconds):
            pass


async def stored(books: Books) -> list[tuple[Any, ...]]:
    """What is in the table of sums."""
    rows = await books.pool.fetch("SELECT * FROM sums ORDER BY 1, 2, 3, 4, 5, 6, 7")
    return [tuple(row) for row in rows]


async def some_payments(books: Books) -> list[str]:
    """Two hours with approved, failed and open payments of two currencies, and refunds."""
    made = [
        await books.payment(minutes(0), amount=100),
        await books.payment(minutes(14.9), amount=200),
        await books.payment(minutes(59), amount=400, currency="USD", method="card"),
        await books.payment(minutes(60), amount=800, status="failed", error_reason="declined"),
        await books.payment(minutes(61), amount=1600, status="failed", error_reason="declined"),
        await books.payment(minutes(62), amount=3200, status="failed"),
        await books.payment(minutes(63), amount=6400, status="processing"),
    ]
    await books.refund(made[0], minutes(90), amount=50)
    await books.refund(made[0], minutes(91), amount=10, status="failed")
    return made


EXPECTED = Overview(
    payments=[
        PaymentSums(
            currency="INR",
            method="upi",
            bars=[0, 1],
            payments=[2, 4],
            succeeded=[2, 0],
            failed=[0, 3],
            amount=[300, 0],
        ),
        PaymentSums(
            currency="USD",
            method="card",
            bars=[0],
            payments=[1],
            succeeded=[1],
            failed=[0],
            amount=[400],
        ),
    ],
    refunds=[RefundSums(currency="INR", bars=[1], refunds=[1], amount=[50])],
    failures=[
        FailureSum(reason="declined", payments=2),
        FailureSum(reason="unknown", payments=1),
    ],
    is_current=True,
)


async def test_adds_up_before_and_after_the_summariser_came(
    books: Books, other_books: Books, live_books: Books
) -> None:
    """The figures are the same from the rows, from the sums, and of nobody else's."""
    for owner in (books, other_books, live_books):
        await some_payments(owner)
    assert [EXPECTED] * 3 == [await load(each) for each in (books, other_books, live_books)]

    await summarise(books, minutes(300))

    assert [EXPECTED] * 3 == [await load(each) for each in (books, other_books, live_books)]
    by_minutes = Counter(row[2] for row in await stored(books) if row[4] == "payment")
    assert {15: 3 * 3, 60: 3 * 3, 360: 3 * 2} == by_minutes


async def test_sees_what_happened_since(books: Books) -> None:
    """Changes of payments that are summed up already, and new ones, count at once."""
    made = await some_payments(books)
    await summarise(books, minutes(300))

    await books.change(made[6], minutes(301), status="success")
    await books.change(made[1], minutes(302), status="cancelled")
    await books.payment(minutes(303), amount=7, method="wallet")
    await books.refund(made[2], minutes(304), amount=20)
    found = await load(books)

    assert [[100, 6400], [7], [400]] == [each.amount for each in found.payments]
    assert [[2, 4], [1], [1]] == [each.payments for each in found.payments]
    assert [[0, 1], [5], [0]] == [each.bars for each in found.payments]
    assert [("INR", [50]), ("USD", [20])] == [
        (each.currency, each.amount) for each in found.refunds
    ]
    await summarise(books, minutes(310))
    assert found == await load(books)


async def test_what_becomes_visible_late_is_not_lost(books: Books) -> None:
    """An event that was stamped before the sums were made and committed after them is folded in."""
    await books.payment(minutes(1))
    await summarise(books, minutes(2))
    await books.payment(minutes(1.5), amount=7)
    await summarise(books, minutes(2.1))

    assert [(2, 2, 0, 50_007)] * 3 == [row[7:] for row in await stored(books)]


async def test_old_events_are_folded_in_slices(books: Books) -> None:
    """A long time without a summariser is made up for piece by piece, with the same result."""
    await some_payments(books)
    await summarise(books, minutes(100_000), slice_seconds=60)
    in_slices = await stored(books)
    await books.pool.execute("UPDATE summary_state SET settled_until = 'epoch'")
    await summarise(books, minutes(100_000), slice_seconds=10_000_000)

    assert in_slices == await stored(books)
    assert EXPECTED == await load(books)


async def test_many_changes_are_not_waited_for(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where too much has changed lately, the sums are shown as they are and said to be so."""
    await some_payments(books)
    await summarise(books, minutes(300))
    monkeypatch.setattr(overview_reads, "_RECENT_EVENTS_MAX", 2)
    for number in range(3):
        await books.payment(minutes(301 + number))

    found = await load(books)

    assert not found.is_current
    assert EXPECTED.payments == found.payments


async def test_processes_take_turns(books: Books) -> None:
    """Of many that sum up at once one does it, and none waits or fails."""
    await some_payments(books)

    async def one() -> bool:
        async with books.pool.acquire() as connection:
            return await fold(connection, minutes(300), lag_seconds=60, slice_seconds=9e6)

    assert {False: 8} == Counter(await asyncio.gather(*(one() for _ in range(8))))
    assert EXPECTED == await load(books)


async def test_search_is_prepared_without_getting_in_the_way(books: Books) -> None:
    """Pages of new rows are summarised; an index that somebody else works on is left alone."""
    await some_payments(books)
    async with books.pool.acquire() as holder, books.pool.acquire() as connection:
        async with holder.transaction():
            await holder.execute("LOCK TABLE payments IN SHARE UPDATE EXCLUSIVE MODE")
            await prepare_search(connection)
        await prepare_search(connection)
        left = await connection.fetchval("SELECT brin_summarize_new_values('payments_search')")
    assert 0 == left


async def test_days_begin_where_the_edges_say(books: Books) -> None:
    """A day of a zone half an hour off takes the payments up to its own midnight."""
    midnight = START.replace(hour=18, minute=30)
    await books.payment(midnight - timedelta(seconds=1), amount=1)
    await books.payment(midnight, amount=2)
    await books.payment(midnight + timedelta(days=1), amount=4)
    await summarise(books, minutes(10_000))
    edges = [midnight + timedelta(days=number) for number in (-1, 0, 1)]

    found = await load(books, edges)

    assert [([0, 1], [1, 2])] == [(each.bars, each.amount) for each in found.payments]


async def test_webhook_health(books: Books, other_books: Books) -> None:
    """Deliveries of the last day by outcome, the oldest that waits, endpoints by how they do."""
    now = Clock().now()
    for owner in (books, other_books):
        for number, (active, failing, reason) in enumerate(
            [(True, None, None), (True, now, None), (False, now, "failures")]
        ):
            await owner._insert(
                "webhook_endpoints",
                id=f"we_{owner.scope.merchant_id.hex[:12]}{number:04}",
                url="https://example.com/",
                secret_sealed=b"",
                active=active,
                failing_since=failing,
                disabled_reason=reason,
                created_at=now,
                updated_at=now,
            )
    order = await books.order()
    for hours, status in (
        (1, "success"),
        (2, "success"),
        (3, "failed"),
        (4, "pending"),
        (30, "failed"),
    ):
        event = await books.event("payment.success", now, order)
        await books._insert(
            "webhook_logs",
            id=uuid4(),
            event_id=event,
            endpoint_id=f"we_{books.scope.merchant_id.hex[:12]}0000",
            event="payment.success",
            status=status,
            created_at=now - timedelta(hours=hours),
        )
    async with searching(books.pool) as connection:
        mine = await load_webhook_health(connection, books.scope, now)
        theirs = await load_webhook_health(connection, other_books.scope, now)

    assert mine == WebhookHealth(
        succeeded=2,
        failed=1,
        pending=1,
        oldest_pending=now - timedelta(hours=4),
        active=2,
        failing=1,
        disabled=1,
    )
    assert 0 == theirs.deliveries
