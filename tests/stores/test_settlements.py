"""Settlements: what is owed is paid out once, booked, and every row of it can be named."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import asyncpg
import pytest

from gateway.actors.bookkeeping import look_through
from gateway.actors.settler import Settler
from gateway.domain.clock import Clock
from gateway.domain.settlements import settled_object
from gateway.storage.books import balances
from gateway.storage.pool import Pool
from gateway.storage.reads_pages import Page, Scope
from gateway.storage.settlements import (
    due_accounts,
    find_settlement,
    list_settlements,
    list_transactions,
    settle,
)
from tests.stores.ledgers import PAYING, lives, tamper, write
from tests.unit.ledger_invariants import balances as sums_of
from tests.unit.scenario import MERCHANT, START, Scenario, captured

ACCOUNT = (MERCHANT, "test", "INR")
SCOPE = Scope(merchant_id=MERCHANT, mode="test")
LATER = START + timedelta(days=30)


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def problems(connection: asyncpg.Connection) -> list[str]:
    @asynccontextmanager
    async def acquire() -> AsyncIterator[asyncpg.Connection]:
        yield connection

    return (await look_through(acquire, slice_max=2)).texts


async def owed(connection: asyncpg.Connection) -> int:
    held = await balances(connection, MERCHANT, "test")
    return -held["INR"]["merchant"]


async def test_all_that_is_owed_is_paid_out_once(connection: asyncpg.Connection) -> None:
    """The amount is the account's balance, the rows add up to it, and nothing is left."""
    orders = lives()
    await write(connection, *orders.values())
    before = -sums_of([it for order in orders.values() for it in order.ledger])["merchant"]
    assert [ACCOUNT] == await due_accounts(connection, LATER)

    settled = await settle(connection, ACCOUNT, LATER, LATER)

    assert settled is not None
    assert before == settled.amount
    assert 0 == await owed(connection)
    assert [] == await due_accounts(connection, LATER)
    assert await settle(connection, ACCOUNT, LATER, LATER) is None
    assert settled == await find_settlement(connection, SCOPE, settled.id)
    listed = await list_settlements(connection, SCOPE, Page())
    assert listed is not None
    assert [settled] == listed[0]
    rows = [
        settled_object(settled, row)
        for row in await list_transactions(connection, settled.id, 100, 0)
    ]
    assert settled.transactions == len(rows)
    assert settled.amount == sum(row["credit"] - row["debit"] for row in rows)
    assert settled.fees + settled.tax == sum(row["fee"] for row in rows)
    assert settled.tax == sum(row["tax"] for row in rows)
    assert {"payment", "refund", "adjustment"} == {row["type"] for row in rows}
    assert {settled.id} == {row["settlement_id"] for row in rows}
    assert [] == await problems(connection)


async def test_a_payment_and_its_refund_in_rows(connection: asyncpg.Connection) -> None:
    """Credited without the fee, which the row shows; the refund is a debit of its own."""
    order = captured(policy=PAYING)
    refund = order.give_back(10_000)
    await write(connection, order)

    settled = await settle(connection, ACCOUNT, LATER, LATER)

    assert settled is not None
    rows = {
        row["type"]: row
        for row in (
            settled_object(settled, each)
            for each in await list_transactions(connection, settled.id, 10, 0)
        )
    }
    payment = {"entity_id": order.payment.id, "amount": 50_000, "credit": 48_466, "debit": 0}
    assert {**payment, "fee": 1_534, "tax": 234}.items() <= rows["payment"].items()
    returned = {"entity_id": refund.id, "amount": 10_000, "credit": 0, "debit": 10_000, "fee": 0}
    assert {**returned, "payment_id": order.payment.id}.items() <= rows["refund"].items()


async def test_what_is_owed_to_us_is_carried_forward(connection: asyncpg.Connection) -> None:
    """A refund after the settlement makes a debt; it is taken off the next settlement."""
    order = captured()
    await write(connection, order)
    first = await settle(connection, ACCOUNT, LATER, LATER)
    written = len(order.works)
    order.give_back(20_000)
    order.carry_out()
    later = Scenario()
    later.works = order.works[written:]
    await write(connection, later)

    assert [] == await due_accounts(connection, LATER)
    assert await settle(connection, ACCOUNT, LATER, LATER) is None
    assert -20_000 == await owed(connection)
    await write(connection, captured())
    second = await settle(connection, ACCOUNT, LATER, LATER)

    assert first is not None
    assert second is not None
    assert (50_000, 30_000) == (first.amount, second.amount)
    assert 0 == await owed(connection)
    assert [] == await problems(connection)


async def test_nothing_is_settled_before_its_time(connection: asyncpg.Connection) -> None:
    """Only what happened until then."""
    await write(connection, captured())

    assert [] == await due_accounts(connection, START - timedelta(seconds=1))
    assert await settle(connection, ACCOUNT, START - timedelta(seconds=1), LATER) is None


async def test_two_that_settle_at_once_pay_once(connection: asyncpg.Connection, pool: Pool) -> None:
    """Whoever comes second finds nothing, or is refused by the key and writes nothing."""
    await write(connection, captured())

    async def one() -> object:
        async with pool.acquire() as other:
            return await settle(other, ACCOUNT, LATER, LATER)

    results = await asyncio.gather(*(one() for _ in range(5)), return_exceptions=True)

    refused = (asyncpg.UniqueViolationError, asyncpg.SerializationError, type(None))
    assert 1 == sum(not isinstance(each, refused) for each in results), results
    assert 1 == await connection.fetchval("SELECT count(*) FROM settlements")
    assert 0 == await owed(connection)
    assert [] == await problems(connection)


async def test_the_settler_keeps_to_its_period(connection: asyncpg.Connection, pool: Pool) -> None:
    """Once in a period of the movable clock, whatever process comes first."""
    clock = Clock()
    settlers = [Settler(pool, clock, period_seconds=3_600) for _ in range(2)]
    for settler in settlers:
        await settler.look()
    await write(connection, captured())
    for settler in settlers:
        await settler.look()
    assert 0 == await connection.fetchval("SELECT count(*) FROM settlements")

    clock.advance(3_600)
    for settler in settlers:
        await settler.look()

    assert 50_000 == await connection.fetchval("SELECT amount FROM settlements")


@pytest.mark.parametrize(
    ("statement", "complaint"),
    [
        ("UPDATE settlements SET amount = amount + 1", "instead of 50001"),
        ("DELETE FROM settlement_transactions", "settlement of 50000 covers 0"),
        ("DELETE FROM ledger_transactions WHERE kind = 'settlement'", "is not booked"),
        ("DELETE FROM settlements", "settlement is booked and has not happened"),
        ("UPDATE settlements SET currency = 'USD'", "covers 50000"),
    ],
)
async def test_forged_settlements_are_found(
    connection: asyncpg.Connection, statement: str, complaint: str
) -> None:
    """By the check of the books."""
    await write(connection, captured())
    await settle(connection, ACCOUNT, LATER, LATER)
    await tamper(connection, statement)

    found = await problems(connection)

    assert any(complaint in text for text in found), found
