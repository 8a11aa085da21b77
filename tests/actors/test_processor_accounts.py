"""Merchants' own accounts in memory: bounded, up to date, and silent about what is in them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest

from gateway.actors.processor_accounts import AccountUnreadable, ProcessorAccounts
from gateway.domain.clock import Clock
from gateway.domain.errors import Unavailable
from gateway.domain.processor_accounts import CheckResult
from gateway.processors.protocol import CredentialsRefused
from gateway.security.records import processor_account_record
from gateway.security.vault import Vault, new_key
from gateway.storage.pool import Pool, open_pool
from tests.support import eventually

Insert = Callable[..., Awaitable[UUID]]
SECRET = "the-secret-of-the-shop"


@pytest.fixture
def vault() -> Vault:
    return Vault([new_key()])


@pytest.fixture
async def merchant_id(pool: Pool) -> UUID:
    """A merchant."""
    merchant_id = uuid4()
    await pool.execute(
        "INSERT INTO merchants (id, name, email, api_version, created_at, updated_at)"
        " VALUES ($1, 'Shop', 'a@b.example', '2026-11-01', now(), now())",
        merchant_id,
    )
    return merchant_id


@pytest.fixture
def insert(pool: Pool, vault: Vault, merchant_id: UUID) -> Insert:
    """Stores accounts of the merchant."""

    async def store(processor: str = "bank", *, active: bool = True, **credentials: str) -> UUID:
        account_id = uuid4()
        await pool.execute(
            "INSERT INTO processor_accounts (id, merchant_id, mode, processor, name, active,"
            " credentials_sealed, credentials_shown, check_result, created_at, updated_at)"
            " VALUES ($1, $2, 'test', $3, 'Main', $4, $5, '{}', 'accepted', $6, $6)",
            account_id,
            merchant_id,
            processor,
            active,
            sealed(vault, account_id, **credentials),
            Clock().now(),
        )
        return account_id

    return store


def sealed(vault: Vault, account_id: UUID, **credentials: str) -> bytes:
    plain = orjson.dumps({"key": SECRET, **credentials})
    return vault.seal(plain, record=processor_account_record(account_id))


def accounts_of(pool: Any, vault: Vault, bank: Any = None, **changes: Any) -> ProcessorAccounts:
    limits: dict[str, Any] = {
        "interval_seconds": 3600,
        "unsealed_max": 3,
        "check_seconds": 5,
        "checks_max": 1,
        "per_merchant_max": 20,
    }
    processors = {} if bank is None else {"bank": bank}
    return ProcessorAccounts(pool=pool, vault=vault, processors=processors, **limits | changes)


async def test_active_accounts_are_known_from_the_start_on(
    pool: Pool, vault: Vault, insert: Insert, merchant_id: UUID
) -> None:
    """By merchant, mode and processor; after a look what has changed."""
    account_id = await insert()
    await insert(active=False)
    accounts = accounts_of(pool, vault)
    await accounts.start()
    try:
        assert account_id == accounts.active(merchant_id, "test", "bank")
        for other in (
            (merchant_id, "live", "bank"),
            (merchant_id, "test", "b"),
            (uuid4(), "test", "bank"),
        ):
            assert accounts.active(*other) is None
        await pool.execute("UPDATE processor_accounts SET active = false")
        accounts.look()
        await eventually(lambda: accounts.active(merchant_id, "test", "bank") is None)
    finally:
        await accounts.stop()


async def test_credentials_are_read_once_and_a_few_are_kept(
    pool: Pool, vault: Vault, insert: Insert
) -> None:
    """Without a further statement; the oldest of more than three makes room."""
    ids = [await insert(f"bank{number}", login=str(number)) for number in range(4)]
    accounts = accounts_of(pool, vault)
    found = [await accounts.credentials(each) for each in ids]
    await pool.execute("DELETE FROM processor_accounts")

    assert [str(number) for number in range(4)] == [each["login"] for each in found]
    assert found[1:] == [await accounts.credentials(each) for each in ids[1:]]
    with pytest.raises(AccountUnreadable):
        await accounts.credentials(ids[0])


async def test_what_was_read_before_a_change_is_not_kept(
    pool: Pool, vault: Vault, insert: Insert
) -> None:
    """A read that began before everything was read anew says nothing for later."""
    account_id = await insert(login="old")
    has_read, goes_on = asyncio.Event(), asyncio.Event()

    @asynccontextmanager
    async def slow() -> AsyncIterator[Any]:
        async with pool.acquire() as connection:
            yield connection
        has_read.set()
        await goes_on.wait()

    slow_pool = SimpleNamespace(acquire=slow)
    accounts = accounts_of(slow_pool, vault)
    reading = asyncio.create_task(accounts.credentials(account_id))
    await has_read.wait()
    await pool.execute(
        "UPDATE processor_accounts SET credentials_sealed = $2 WHERE id = $1",
        account_id,
        sealed(vault, account_id, login="new"),
    )
    slow_pool.acquire = pool.acquire
    assert "new" == (await accounts.stored_credentials(account_id))["login"]
    await accounts.load()
    goes_on.set()

    assert "old" == (await reading)["login"]
    assert "new" == (await accounts.credentials(account_id))["login"]


async def test_a_seal_of_another_key_or_row_is_unreadable(
    pool: Pool, vault: Vault, insert: Insert, merchant_id: UUID
) -> None:
    """Neither opens; the merchant's other accounts do."""
    good = await insert(active=False)
    bad = await insert()
    await pool.execute(
        "UPDATE processor_accounts SET credentials_sealed = $2 WHERE id = $1",
        bad,
        sealed(vault, good),
    )
    accounts = accounts_of(pool, vault)

    with pytest.raises(AccountUnreadable):
        await accounts.credentials(bad)
    with pytest.raises(AccountUnreadable):
        await accounts_of(pool, Vault([new_key()])).credentials(good)
    listed = await accounts.of_merchant(merchant_id, "bank")
    assert [(good, "test", SECRET)] == [
        (each.id, each.mode, each.credentials["key"]) for each in listed
    ]
    assert SECRET not in repr(listed)
    assert [] == list(await accounts.of_merchant(uuid4(), "bank"))


async def test_a_database_that_is_away_is_said_so(
    database_url: str, vault: Vault, insert: Insert
) -> None:
    """What is known is still answered; what is not, is Unavailable."""
    known, unknown = await insert(), await insert(active=False)
    pool = await open_pool(
        database_url, size_max=2, command_timeout_seconds=5, acquire_timeout_seconds=0.2
    )
    try:
        accounts = accounts_of(pool, vault)
        await accounts.credentials(known)
        async with pool.acquire(), pool.acquire():
            assert SECRET == (await accounts.credentials(known))["key"]
            with pytest.raises(Unavailable):
                await accounts.credentials(unknown)
    finally:
        await pool.close()


class Bank:
    """A processor as far as credentials go."""

    def __init__(self) -> None:
        self.answer: Exception | None = None
        self.asked = asyncio.Event()
        self.goes_on = asyncio.Event()
        self.goes_on.set()

    async def check(self, _account: Any) -> None:
        self.asked.set()
        await self.goes_on.wait()
        if self.answer is not None:
            raise self.answer


async def test_checks_are_bounded_and_quote_nothing(pool: Pool, vault: Vault) -> None:
    """Refusals are told in the processor's words, failures in ours; one too many is refused."""
    bank = Bank()
    accounts = accounts_of(pool, vault, bank, check_seconds=0.05)
    assert CheckResult.ACCEPTED == (await accounts.check("bank", {"key": SECRET})).result
    bank.answer = CredentialsRefused("No such login" + "!" * 1000)
    refused = await accounts.check("bank", {"key": SECRET})
    bank.answer = ConnectionError(SECRET)
    failed = await accounts.check("bank", {"key": SECRET})
    bank.goes_on.clear()
    bank.asked.clear()
    slow = asyncio.create_task(accounts.check("bank", {"key": SECRET}))
    await bank.asked.wait()
    with pytest.raises(Unavailable):
        await accounts.check("bank", {"key": SECRET})

    assert (CheckResult.REFUSED, True) == (
        refused.result,
        str(refused.message).startswith("No such login"),
    )
    assert len(str(refused.message)) <= 300
    assert (CheckResult.UNCHECKED, "The processor could not be reached") == (
        failed.result,
        failed.message,
    )
    assert CheckResult.UNCHECKED == (await slow).result
