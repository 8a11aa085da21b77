"""The forgetter: what is to be deleted is asked for by one process at a time, until it holds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import pytest

from gateway.actors.errors import ActorError
from gateway.actors.forgetter import Forgetter
from gateway.domain.clock import Clock
from gateway.domain.errors import Unavailable
from gateway.domain.ids import new_id
from gateway.domain.outcomes import Account
from gateway.seeding import TEST_MERCHANT_ID
from gateway.storage.pool import Pool
from gateway.storage.tokens import take_due_deletions
from tests.support import eventually

WAITS = (60.0, 300.0)
DAY = 86_400


class Bank:
    """A processor as far as forgetting goes."""

    class traits:  # noqa: N801 - as the protocol calls it
        timeout_seconds = 5.0

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.works = True

    async def forget(self, stored: str, _account: Account | None) -> None:
        self.asked.append(stored)
        if not self.works:
            raise ConnectionError(stored)


class NoAccounts:
    """The accounts of a process whose database is away."""

    async def credentials(self, _account_id: UUID) -> Account:
        raise Unavailable("The database is not available")


class NoOrders:
    """The orders of a process whose actors do not answer."""

    async def ask(self, *_arguments: Any, **_options: Any) -> None:
        raise ActorError("nobody there")


@pytest.fixture
async def clock() -> Clock:
    return Clock()


async def deleting(pool: Pool, clock: Clock, count: int, processor: str = "bank") -> None:
    """A customer with so many tokens that are to be deleted."""
    now = clock.now()
    await pool.execute(
        "INSERT INTO merchants (id, name, email, api_version, created_at, updated_at)"
        " VALUES ($1, 'Shop', 'a@b.example', '2026-11-01', $2, $2) ON CONFLICT DO NOTHING",
        TEST_MERCHANT_ID,
        now,
    )
    customer_id = new_id("cust")
    await pool.execute(
        "INSERT INTO customers (id, merchant_id, mode, deleted_at, created_at, updated_at)"
        " VALUES ($1, $2, 'test', $3, $3, $3)",
        customer_id,
        TEST_MERCHANT_ID,
        now,
    )
    for _ in range(count):
        await pool.execute(
            "INSERT INTO tokens (id, customer_id, merchant_id, mode, payment_id, processor,"
            " reference, card_last4, state, due_at, created_at, updated_at)"
            " VALUES ($1, $2, $3, 'test', 'pay', $4, $5, '4242', 'deleting', $6, $6, $6)",
            new_id("tok"),
            customer_id,
            TEST_MERCHANT_ID,
            processor,
            new_id("card"),
            now,
        )


@asynccontextmanager
async def forgetting(pool: Pool, clock: Clock, bank: Bank) -> AsyncIterator[Forgetter]:
    """A forgetter at work."""
    forgetter = Forgetter(
        pool=pool,
        processors={"bank": bank},  # type: ignore[dict-item] # all that is asked of one
        accounts=NoAccounts(),
        orders=NoOrders(),  # type: ignore[arg-type] # all that is asked of them
        clock=clock,
        interval_seconds=30,
        calls_max=4,
        ask_seconds=1,
    )
    await forgetter.start()
    try:
        yield forgetter
    finally:
        await forgetter.stop()


async def states(pool: Pool) -> list[str]:
    return [row["state"] for row in await pool.fetch("SELECT state FROM tokens ORDER BY state")]


async def test_each_deletion_is_taken_once(pool: Pool, clock: Clock) -> None:
    """Of many that ask at once each gets others; none again before its time, all of them then."""
    await deleting(pool, clock, 12)

    async def take() -> list[str]:
        async with pool.acquire() as connection:
            taken = await take_due_deletions(connection, clock.now(), WAITS, 5)
            return [each.id for each in taken]

    taken = [token for each in await asyncio.gather(*(take() for _ in range(6))) for token in each]
    assert (12, 12) == (len(taken), len(set(taken)))
    for seconds, expected in ((59, 0), (2, 5), (0, 5), (0, 2), (299, 0), (2, 5), (0, 5)):
        clock.advance(seconds)
        assert expected == len(await take())
    # The last wait holds for all that follow.
    clock.advance(301)
    assert 5 == len(await take())


async def test_two_processes_ask_once(pool: Pool, clock: Clock) -> None:
    """Both look, each card is asked for once, and nothing is left of it here."""
    await deleting(pool, clock, 9)
    bank = Bank()
    async with forgetting(pool, clock, bank), forgetting(pool, clock, bank):

        async def done() -> bool:
            return ["deleted"] * 9 == await states(pool)

        await eventually(done)
    assert (9, 9) == (len(bank.asked), len(set(bank.asked)))
    assert 0 == await pool.fetchval(
        "SELECT count(*) FROM tokens WHERE reference IS NOT NULL OR card_last4 IS NOT NULL"
    )


async def test_what_cannot_be_deleted_now_stays(pool: Pool, clock: Clock) -> None:
    """A processor that fails, or is not there any more, is asked again, and lives to tell."""
    await deleting(pool, clock, 1)
    await deleting(pool, clock, 1, processor="gone")
    bank = Bank()
    bank.works = False
    async with forgetting(pool, clock, bank) as forgetter:
        for times in (1, 2, 3):

            async def asked(times: int = times) -> bool:
                rows = await pool.fetch("SELECT deletions FROM tokens")
                return [times, times] == [row["deletions"] for row in rows]

            await eventually(asked)
            clock.advance(DAY + 1)
        bank.works = True
        clock.advance(DAY + 1)

        async def one_done() -> bool:
            return ["deleted", "deleting"] == await states(pool)

        await eventually(one_done)
        assert forgetter.failed is not None
        assert not forgetter.failed.done()


async def test_a_customer_stays_on_the_list_while_orders_do_not_answer(
    pool: Pool, clock: Clock
) -> None:
    """Only when no payment says any more who it was the customer is done with."""
    await deleting(pool, clock, 0)
    await deleting(pool, clock, 0)
    [named, nameless] = [
        row["id"] for row in await pool.fetch("SELECT id FROM customers ORDER BY created_at, id")
    ]
    await pool.execute(
        "INSERT INTO orders (id, merchant_id, mode, amount, currency, status, capture, version,"
        " last_unit_id, created_at, updated_at) VALUES ('order', $1, 'test', 100, 'INR',"
        " 'attempted', 'manual', 1, $1, $2, $2)",
        TEST_MERCHANT_ID,
        clock.now(),
    )
    await pool.execute(
        "INSERT INTO payments (id, order_id, merchant_id, mode, amount, currency, method, capture,"
        " status, processor, payer_name, customer_id, created_at, updated_at) VALUES ('pay',"
        " 'order', $1, 'test', 100, 'INR', 'upi', 'manual', 'failed', 'bank', 'Asha', $2, $3, $3)",
        TEST_MERCHANT_ID,
        named,
        clock.now(),
    )

    async def erased() -> bool:
        rows = await pool.fetch("SELECT id FROM customers WHERE erased_at IS NOT NULL")
        return [nameless] == [row["id"] for row in rows]

    async with forgetting(pool, clock, Bank()):
        await eventually(erased)
    assert "Asha" == await pool.fetchval("SELECT payer_name FROM payments")
