"""Four books, compared: what clients were told, payments, the ledger, and what the bank says."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from gateway.actors.bookkeeping import look_through
from tests.survival.load import Told

_OPEN = {
    "payments": "SELECT count(*) FROM payments WHERE status IN"
    " ('pending', 'processing', 'unknown', 'requires_action')",
    "refunds": "SELECT count(*) FROM refunds WHERE status IN ('pending', 'processing')",
    "operations": "SELECT count(*) FROM operations WHERE state IN ('open', 'unknown')",
    "deliveries": "SELECT count(*) FROM webhook_logs WHERE status = 'pending'",
}


async def until_quiet(connection: asyncpg.Connection, within_seconds: float = 90) -> None:
    """Wait until nothing is under way: every payment, operation and delivery has ended (P3)."""
    open_rows: dict[str, int] = {}
    try:
        async with asyncio.timeout(within_seconds):
            while True:
                open_rows = {
                    name: await connection.fetchval(query) for name, query in _OPEN.items()
                }
                if not any(open_rows.values()):
                    return
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"still open after {within_seconds} s: {open_rows}") from None


async def compare(connection: asyncpg.Connection, told: Told) -> Counter[str]:
    """Compare the books; answers what was counted, to be shown.

    Nothing told may be missing; no operation may stand twice in the ledger; sums must agree.
    """
    payments = {row["id"]: row for row in await connection.fetch("SELECT * FROM payments")}
    refunds = {row["id"]: row for row in await connection.fetch("SELECT * FROM refunds")}
    orders = {row["id"] for row in await connection.fetch("SELECT id FROM orders")}
    ledger = await connection.fetch(
        "SELECT * FROM simulator_transactions WHERE outcome = 'approved'"
    )
    assert told.orders.keys() <= orders, "an acknowledged order is missing"
    assert told.payments.keys() <= payments.keys(), "an acknowledged payment is missing"
    assert told.refunds.keys() <= refunds.keys(), "an acknowledged refund is missing"
    for payment_id, amount in told.captured.items():
        assert payments[payment_id]["amount_captured"] == amount, payment_id
    _compare_with_ledger(payments, refunds, ledger)
    await _look_through_our_own(connection)
    return Counter(
        {
            **Counter(row["status"] for row in payments.values()),
            "card_data_lost": sum(
                row["error_code"] == "CARD_DATA_LOST" for row in payments.values()
            ),
            "ledger": len(ledger),
        }
    )


async def _look_through_our_own(connection: asyncpg.Connection) -> None:
    @asynccontextmanager
    async def acquire() -> AsyncIterator[asyncpg.Connection]:
        yield connection

    report = await look_through(acquire, slice_max=1_000)
    assert report.texts == [], "the ledger is wrong"


def _compare_with_ledger(
    payments: dict[str, Any], refunds: dict[str, Any], ledger: list[Any]
) -> None:
    moved: dict[str, Counter[str]] = defaultdict(Counter)
    times: Counter[tuple[str, str, str | None]] = Counter()
    for entry in ledger:
        moved[entry["payment_id"]][entry["kind"]] += entry["amount"]
        times[entry["payment_id"], entry["kind"], entry["refund_id"]] += 1
    # The load captures each payment once, and each refund has an id of its own.
    doubled = {what: count for what, count in times.items() if count > 1}
    assert not doubled, f"stands twice in the bank's ledger: {doubled}"
    for payment_id, row in payments.items():
        books = moved[payment_id]
        assert books["charge"] + books["capture"] == row["amount_captured"], payment_id
        assert books["refund"] == row["amount_refunded"], payment_id
        if row["status"] == "failed":
            assert not books, f"{payment_id} failed, and the bank has {dict(books)}"
    for refund_id, row in refunds.items():
        count = times[row["payment_id"], "refund", refund_id]
        assert (row["status"] == "processed") == (count == 1), refund_id


async def find_doubled_effects(connection: asyncpg.Connection) -> list[Any]:
    """Orders with more than one payment alive, which no constraint or race may ever allow."""
    return await connection.fetch(
        "SELECT order_id FROM payments WHERE status NOT IN ('failed', 'cancelled', 'expired')"
        " GROUP BY order_id HAVING count(*) > 1"
    )
