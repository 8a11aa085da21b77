"""The journal: batches, stale units, taken keys, poisonous units, commits whose answer was lost."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from gateway.actors.journal import CommitUnknown, Journal
from gateway.domain.clock import Clock
from gateway.domain.decisions import (
    CreateOrder,
    CreatePayment,
    Moment,
    create_order,
    create_payment,
)
from gateway.domain.entities import OperationState, OrderState, PaymentStatus
from gateway.domain.errors import StaleVersion, Unavailable
from gateway.domain.ids import new_id, new_unit_id
from gateway.domain.work import Claim, StoredAnswer, UnitOfWork
from gateway.security.passwords import PasswordHasher
from gateway.security.vault import Vault
from gateway.seeding import TEST_MERCHANT_ID, seed_test_merchant
from gateway.storage.journal import KeyTaken
from tests.actors.process import KEY
from tests.unit.scenario import POLICY, UPI, rules_to

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def _order_unit(**changes: object) -> UnitOfWork:
    command = CreateOrder(
        order_id=new_id("order"),
        merchant_id=TEST_MERCHANT_ID,
        mode="test",
        amount=50_000,
        currency="INR",
        capture="manual",
    )
    work = create_order(command, Moment(now=NOW, real_now=NOW), POLICY).work
    assert work is not None
    return replace(work, **changes) if changes else work


def _next_unit(unit: UnitOfWork) -> UnitOfWork:
    """A later change of the same order."""
    unit_id = new_unit_id()
    order = replace(unit.order, version=unit.order.version + 1, last_unit_id=unit_id)
    return UnitOfWork(id=unit_id, order=order, expected_version=unit.order.version)


def _claim(key: str) -> Claim:
    return Claim(
        scope="merchant:test",
        key=key,
        fingerprint=b"f",
        surface="order.created",
        answer=StoredAnswer(status=201, body=b"{}"),
        created_at=NOW,
        expires_at=NOW + timedelta(days=1),
    )


@pytest.fixture
async def seeded(pool):
    """The test's database with its merchant."""
    passwords = PasswordHasher()
    async with pool.acquire() as connection:
        await seed_test_merchant(connection, Vault([KEY]), passwords, Clock())
    passwords.close()
    return pool


@pytest.fixture
async def journal(seeded):
    """A running journal; `committed` lists what it told of."""
    committed: list[UnitOfWork] = []
    running = Journal(
        seeded,
        lambda units, _deliveries: committed.extend(units),
        batch_max=100,
        pending_max=1_000,
        acquire_seconds=2,
    )
    running.told = committed
    await running.start()
    yield running
    await running.stop()


async def _commit_together(journal: Journal, units: list[UnitOfWork]) -> list[object]:
    return await asyncio.gather(*(journal.commit(unit) for unit in units), return_exceptions=True)


async def test_units_are_committed_in_few_transactions(journal, seeded):
    """What gathers while one batch is written goes into the next one."""
    before = await seeded.fetchval("SELECT pg_current_xact_id()::text::bigint")
    results = await _commit_together(journal, [_order_unit() for _ in range(90)])
    after = await seeded.fetchval("SELECT pg_current_xact_id()::text::bigint")

    assert [None] * 90 == results
    assert 90 == await seeded.fetchval("SELECT count(*) FROM orders")
    assert after - before <= 5


async def test_what_ends_makes_room_for_what_begins_in_the_same_unit(journal, seeded):
    """One statement writes all tables, and in each of them changes come before new rows."""
    made = _order_unit()
    await journal.commit(made)
    state = OrderState(order=made.order)
    command = CreatePayment(payment_id=new_id("pay"), instrument=UPI, rules=rules_to("bank"))
    paid = create_payment(state, command, Moment(now=NOW, real_now=NOW), POLICY).work
    await journal.commit(paid)
    [payment, operation] = paid.inserts
    failed = replace(payment, status=PaymentStatus.FAILED)
    next_payment = replace(payment, id=new_id("pay"))
    next_operation = replace(operation, id=new_id("op"), payment_id=next_payment.id)
    second = replace(operation, id=new_id("op"))

    unit = replace(
        _next_unit(paid),
        updates=(failed, replace(operation, state=OperationState.DONE)),
        inserts=(next_payment, next_operation, second),
    )
    assert [None] == await _commit_together(journal, [unit])

    assert 2 == await seeded.fetchval("SELECT count(*) FROM payments")
    assert 3 == await seeded.fetchval("SELECT count(*) FROM operations")


async def test_stale_unit_is_left_out_and_the_others_written(journal, seeded):
    """Two writers of one order: the version decides, and nobody else is hurt."""
    first = _order_unit()
    await journal.commit(first)
    winner, loser, other = _next_unit(first), _next_unit(first), _order_unit()
    await journal.commit(winner)

    results = await _commit_together(journal, [loser, other])

    assert isinstance(results[0], StaleVersion)
    assert results[1] is None
    stored = "SELECT last_unit_id FROM orders WHERE id = $1"
    assert winner.id == (await seeded.fetchval(stored, first.order.id)).hex


async def test_one_key_is_claimed_once_in_a_batch_and_later(journal, seeded):
    """Same key: the first unit is written, the others are left out and told so."""
    units = [_order_unit(claim=_claim("same")) for _ in range(20)]

    results = await _commit_together(journal, units)
    [late] = await _commit_together(journal, [_order_unit(claim=_claim("same"))])

    assert 1 == results.count(None)
    assert 19 == sum(isinstance(result, KeyTaken) for result in results)
    assert isinstance(late, KeyTaken)
    assert 1 == await seeded.fetchval("SELECT count(*) FROM orders")


async def test_expired_key_is_claimed_anew(journal, seeded):
    """After its time a key is free again."""
    old = replace(_claim("reused"), expires_at=NOW - timedelta(seconds=1))
    await journal.commit(_order_unit(claim=old))

    await journal.commit(_order_unit(claim=_claim("reused")))

    assert 2 == await seeded.fetchval("SELECT count(*) FROM orders")


async def test_poisonous_unit_hurts_only_itself(journal, seeded):
    """A unit that a constraint refuses fails alone; the rest of its batch is committed."""
    poison = _order_unit()
    poison = replace(poison, order=replace(poison.order, currency="RUPEES"))
    units = [_order_unit(), poison, _order_unit()]

    results = await _commit_together(journal, units)

    assert [None, None] == [results[0], results[2]]
    assert isinstance(results[1], asyncpg.CheckViolationError)
    assert 2 == await seeded.fetchval("SELECT count(*) FROM orders")
    assert {units[0].id, units[2].id} == {unit.id for unit in journal.told}


class _LosesCommit:
    """A pool whose connections lose the answer to COMMIT, before or after it took effect."""

    def __init__(self, pool, *, takes_effect: bool, readable: bool = True) -> None:
        self._pool = pool
        self._takes_effect = takes_effect
        self._readable = readable
        self._lost = False

    async def _acquire(self):
        if self._lost and not self._readable:
            raise ConnectionRefusedError
        return await self._pool.acquire()

    def acquire(self, **_options: float):
        return _Acquired(self)

    async def release(self, connection) -> None:
        await self._pool.release(getattr(connection, "inner", connection))


class _Acquired:
    def __init__(self, owner: _LosesCommit) -> None:
        self._owner = owner
        self._connection = None

    def __await__(self):
        return self._connect().__await__()

    async def _connect(self):
        inner = await self._owner._acquire()
        return inner if self._owner._lost else _Connection(inner, self._owner)

    async def __aenter__(self):
        self._connection = await self._connect()
        return self._connection

    async def __aexit__(self, *_error) -> None:
        await self._owner.release(self._connection)


class _Connection:
    def __init__(self, inner, owner: _LosesCommit) -> None:
        self.inner = inner
        self._owner = owner

    def __getattr__(self, name):
        return getattr(self.inner, name)

    async def execute(self, statement: str, *arguments: object) -> str:
        if statement != "COMMIT":
            return await self.inner.execute(statement, *arguments)
        await self.inner.execute("COMMIT" if self._owner._takes_effect else "ROLLBACK")
        self._owner._lost = True
        raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle")


@pytest.mark.parametrize("takes_effect", [True, False])
async def test_lost_commit_is_read_back(seeded, takes_effect):
    """The answer to COMMIT was lost: what stands is not written again, what does not is."""
    told: list[UnitOfWork] = []
    journal = Journal(
        _LosesCommit(seeded, takes_effect=takes_effect),
        lambda units, _deliveries: told.extend(units),
        batch_max=100,
        pending_max=1_000,
        acquire_seconds=2,
    )
    await journal.start()
    units = [_order_unit() for _ in range(3)]

    results = await _commit_together(journal, units)

    await journal.stop()
    assert [None] * 3 == results
    assert 3 == await seeded.fetchval("SELECT count(*) FROM orders")
    assert sorted(unit.id for unit in units) == sorted(unit.id for unit in told)


async def test_lost_commit_that_cannot_be_read_is_unknown(seeded):
    """Nobody is told that it was written, and nobody that it was not."""
    journal = Journal(
        _LosesCommit(seeded, takes_effect=True, readable=False),
        lambda _units, _deliveries: None,
        batch_max=100,
        pending_max=1_000,
        acquire_seconds=2,
    )
    await journal.start()

    results = await _commit_together(journal, [_order_unit()])

    await journal.stop()
    assert isinstance(results[0], CommitUnknown)


async def test_full_journal_says_unavailable(seeded):
    """More than may wait: refused at once, for a 503 with Retry-After."""
    journal = Journal(
        seeded, lambda _units, _deliveries: None, batch_max=1, pending_max=2, acquire_seconds=2
    )
    await journal.start()

    results = await _commit_together(journal, [_order_unit() for _ in range(10)])

    await journal.stop()
    refused = [result for result in results if isinstance(result, Unavailable)]
    assert refused
    assert len(refused) == 10 - await seeded.fetchval("SELECT count(*) FROM orders")
