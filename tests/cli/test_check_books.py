"""`gateway check --books`: a report to read, and a status for programs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import asyncpg

from tests.cli.conftest import Run
from tests.stores.ledgers import lives, tamper, write


def _work(url: str, work: Callable[[asyncpg.Connection], Awaitable[None]]) -> None:
    async def connected() -> None:
        connection = await asyncpg.connect(url)
        try:
            await work(connection)
        finally:
            await connection.close()

    asyncio.run(connected())


def test_says_what_is_in_the_books_and_what_is_wrong(run: Run, settings: dict[str, str]) -> None:
    """The trial balance, and status 0; status 1 and the place once something was forged."""
    url = settings["DATABASE_URL"]
    order = lives()["refunded"]
    _work(url, lambda connection: write(connection, order))

    good = run("check", "--books")

    assert 0 == good.exit_code, good.output
    lines = [line.split() for line in good.output.splitlines()]
    for line in ["test INR", "processor 40000", "merchant -38466", "fees -1300", "sum 0"]:
        assert line.split() in lines
    assert "No difference found" == good.output.splitlines()[-1]

    statement = "DELETE FROM ledger_transactions WHERE source_id = $1"
    _work(url, lambda connection: tamper(connection, statement, order.refund.id))
    bad = run("check", "--books")

    assert 1 == bad.exit_code
    assert f"refund_accepted of {order.refund.id} is not booked" in bad.output
    assert bad.output.splitlines()[-1].startswith("Differences found: ")
