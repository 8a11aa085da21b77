"""The check of the books: it finds nothing in what the journal writes, and whatever was forged."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import asyncpg
import pytest

from gateway import resources
from gateway.actors.bookkeeping import Bookkeeper, BooksReport, look_through
from gateway.domain.books import ACCOUNTS
from gateway.domain.clock import Clock
from gateway.storage.books import balances, last_check
from gateway.storage.pool import Pool
from tests.stores.ledgers import lives, tamper, write
from tests.unit.ledger_invariants import balances as sums_of
from tests.unit.scenario import MERCHANT, Scenario


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def look(connection: asyncpg.Connection, slice_max: int = 3) -> BooksReport:
    @asynccontextmanager
    async def acquire() -> AsyncIterator[asyncpg.Connection]:
        yield connection

    return await look_through(acquire, slice_max=slice_max)


async def test_the_books_of_real_lives_are_in_order(connection: asyncpg.Connection) -> None:
    """Captures, fees, refunds, late approvals and reversals: looked at in slices, all agree."""
    orders = lives()
    await write(connection, *orders.values())

    report = await look(connection)

    assert [] == report.texts
    assert (5, 0) == (report.payments, report.differences)
    booked = [each for order in orders.values() for each in order.ledger]
    assert len(booked) == report.transactions
    assert {("test", "INR"): sums_of(booked)} == report.sums
    assert {"INR": dict(sums_of(booked))} == await balances(connection, MERCHANT, "test")
    assert {} == await balances(connection, MERCHANT, "live")


async def test_books_are_never_changed(connection: asyncpg.Connection) -> None:
    """Neither an update nor a deletion gets through, and nothing is booked twice or unbalanced."""
    order = lives()["refunded"]
    await write(connection, order)

    for statement in (
        "UPDATE ledger_transactions SET merchant = merchant",
        "DELETE FROM ledger_transactions",
        "TRUNCATE ledger_transactions CASCADE",
    ):
        with pytest.raises(asyncpg.RaiseError, match="never changed"):
            await connection.execute(statement)
    copy = "INSERT INTO ledger_transactions SELECT {} FROM ledger_transactions LIMIT 1"
    with pytest.raises(asyncpg.UniqueViolationError):
        await connection.execute(copy.format("*"))
    head = "'op_x', kind, merchant_id, mode, currency, order_id, payment_id, created_at"
    with pytest.raises(asyncpg.CheckViolationError):
        await connection.execute(
            copy.format(f"{head}, 5, -4, {', '.join('0' for _ in ACCOUNTS[2:])}")
        )


_SET = "UPDATE ledger_transactions SET"
_CAPTURE = "WHERE payment_id = $1 AND kind = 'capture'"
_INSERT = "INSERT INTO ledger_transactions"
_COPIED = ", ".join(
    ["kind, merchant_id, mode, currency, order_id, payment_id, created_at", *ACCOUNTS]
)

Subject = Callable[[dict[str, Scenario]], str]


def _payment(name: str) -> Subject:
    return lambda orders: orders[name].payment.id


def _refund(name: str) -> Subject:
    return lambda orders: next(iter(orders[name].state.refunds))


FORGERIES: dict[str, tuple[str, Subject, str]] = {
    "a transaction is missing": (
        "DELETE FROM ledger_transactions WHERE source_id = $1 AND kind = 'refund_processed'",
        _refund("refunded"),
        "is not booked",
    ),
    "an amount was changed, and still adds up": (
        f"{_SET} merchant = merchant - 1, processor = processor + 1 {_CAPTURE}",
        _payment("partly"),
        "is booked with 20001 instead of 20000",
    ),
    "a fee went to the merchant": (
        f"{_SET} merchant = merchant - 1, fees = fees + 1 {_CAPTURE}",
        _payment("refunded"),
        "fees has -1299 instead of -1300",
    ),
    "entries do not add up": (
        f"{_SET} payouts = 1 WHERE source_id = $1 AND kind = 'refund_failed'",
        _refund("failed"),
        "does not add up to zero",
    ),
    "something is booked that never happened": (
        f"{_INSERT} SELECT 'op_forged', {_COPIED} FROM ledger_transactions {_CAPTURE}",
        _payment("refunded"),
        "op_forged: capture is booked and has not happened",
    ),
    "a payment says more than was captured": (
        "UPDATE payments SET amount_captured = amount_captured + 1 WHERE id = $1",
        _payment("partly"),
        "merchant has -25000 instead of -25001",
    ),
    "a payment says less than was refunded": (
        "UPDATE payments SET amount_refunded = amount_refunded - 1 WHERE id = $1",
        _payment("refunded"),
        "processor has 40000 instead of 40001",
    ),
    "it is another currency's": (
        f"{_SET} currency = 'USD' WHERE source_id = $1",
        _refund("refunded"),
        "for another merchant, mode, currency or order",
    ),
    "it is another merchant's": (
        f"{_SET} merchant_id = gen_random_uuid() WHERE source_id = $1",
        _refund("refunded"),
        "for another merchant, mode, currency or order",
    ),
    "it is another payment's": (
        f"{_SET} payment_id = 'pay_other' WHERE source_id = $1",
        _refund("refunded"),
        "is booked for another payment",
    ),
    "a lost dispute is not": (
        "DELETE FROM ledger_transactions WHERE payment_id = $1 AND kind = 'dispute_lost'",
        _payment("disputed"),
        "dispute_lost of disp_",
    ),
    "a dispute says that less was lost": (
        "UPDATE disputes SET status = 'won', amount_deducted = 0 WHERE payment_id = $1",
        _payment("disputed"),
        "dispute_lost is booked and has not happened",
    ),
    "what was reversed is not": (
        "DELETE FROM ledger_transactions WHERE payment_id = $1 AND kind = 'reversal'",
        _payment("late"),
        "reversal of op_",
    ),
}


@pytest.mark.parametrize("name", FORGERIES)
async def test_what_was_forged_is_found(connection: asyncpg.Connection, name: str) -> None:
    """Each is told by what it is about, whatever slice it stands in."""
    statement, subject, complaint = FORGERIES[name]
    orders = lives()
    await write(connection, *orders.values())
    await tamper(connection, statement, subject(orders))

    report = await look(connection)

    assert report.differences == len(report.texts) > 0
    assert any(complaint in text for text in report.texts), report.texts


async def test_the_scheduled_check_is_one_for_all_processes(
    connection: asyncpg.Connection, pool: Pool
) -> None:
    """Once in an interval of the movable clock; what it found is kept and told."""
    orders = lives()
    await write(connection, *orders.values())
    clock, told = Clock(), []
    keepers = [
        Bookkeeper(
            pool,
            clock,
            interval_seconds=3_600,
            slice_max=2,
            observe=lambda differences, _ended_at: told.append(differences),
        )
        for _ in range(2)
    ]
    for keeper in keepers:
        await keeper.look()
    assert [0] == told

    refund = orders["refunded"].refund.id
    await tamper(connection, "DELETE FROM ledger_transactions WHERE source_id = $1", refund)
    clock.advance(3_600)
    for keeper in keepers:
        await keeper.look()

    found = await last_check(connection)
    assert [0, found.differences] == told
    assert found.differences > 0
    assert refund in "".join(found.texts)


async def test_what_happened_before_the_ledger_is_booked_by_its_migration(
    connection: asyncpg.Connection,
) -> None:
    """The same transactions come of the rows alone as the journal has written, without fees."""
    orders = lives()
    # Before the ledger there were neither fees nor disputes.
    del orders["refunded"], orders["disputed"]
    await write(connection, *orders.values())
    compared = "SELECT source_id, kind, payment_id, merchant, processor, refunds, suspense"
    query = f"{compared} FROM ledger_transactions ORDER BY source_id, kind"
    before = await connection.fetch(query)
    migration = resources.path("migrations/0006_ledger.sql").read_text()
    await connection.execute("DROP TABLE ledger_transactions CASCADE")
    await connection.execute("DROP TABLE fee_plans, books_checks CASCADE")
    await connection.execute("DROP FUNCTION refuse_to_change_the_ledger")
    await connection.execute("ALTER TABLE payments DROP COLUMN fee, DROP COLUMN tax")

    await connection.execute(migration)

    assert before == await connection.fetch(query)
    assert [] == (await look(connection)).texts
