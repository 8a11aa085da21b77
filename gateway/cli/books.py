"""What `gateway check --books` says: the trial balance, and where the books are wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

from gateway.actors.bookkeeping import BooksReport, look_through
from gateway.cli.execution import open_stores
from gateway.cli.findings import Report
from gateway.settings import load_settings
from gateway.storage.journal import Connection

__all__ = ["make_books_report"]


async def make_books_report() -> Report:
    """Look through the books of the stores in the settings; nothing is changed."""
    settings = load_settings()
    async with open_stores(settings) as opened:
        connection = opened.connection
        await connection.execute("SET default_transaction_read_only = on")

        @asynccontextmanager
        async def acquire() -> AsyncIterator[Connection]:
            yield connection

        report = await look_through(acquire, slice_max=settings.books_check_slice)
    return Report("\n".join(_lines(report)), report.differences == 0)


def _lines(report: BooksReport) -> Iterator[str]:
    yield "Trial balance, in minor units: debits are positive, credits negative"
    for (mode, currency), sums in sorted(report.sums.items()):
        yield ""
        yield f"{mode} {currency}"
        yield from (f"  {name:<10} {amount:>20}" for name, amount in sums.items() if amount)
        yield f"  {'sum':<10} {sum(sums.values()):>20}"
    yield ""
    yield (
        f"Payments compared: {report.payments}, settlements: {report.settlements}, "
        f"transactions: {report.transactions}"
    )
    yield from (f"PROBLEM  {text}" for text in report.texts)
    unshown = report.differences - len(report.texts)
    if unshown:
        yield f"PROBLEM  and {unshown} more"
    yield (
        f"Differences found: {report.differences}" if report.differences else "No difference found"
    )
