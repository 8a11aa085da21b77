"""The simulated bank's books in Postgres, in transactions of the bank's own."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import TypeAlias

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from gateway.processors._books import APPROVED, DECLINED, Account, Entry, judge
from gateway.processors._grouping import Grouping
from gateway.processors.protocol import Pool

Connection: TypeAlias = "PoolConnectionProxy[asyncpg.Record]"

_COLUMNS = tuple(field.name for field in fields(Entry))  # in the order of the statement
_INSERT = """
INSERT INTO simulator_transactions (reference, kind, outcome, reason, payment_id, refund_id,
    original, amount, currency, created_at)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
    $7::text[], $8::bigint[], $9::text[], $10::timestamptz[])
ON CONFLICT (reference) DO NOTHING
RETURNING reference
"""
_FIND = "SELECT * FROM simulator_transactions WHERE reference = ANY($1)"
# In one order in every process, so that two groups never wait for each other in a circle.
_LOCK = f"{_FIND} ORDER BY reference FOR UPDATE"
_FOLLOWERS = "SELECT * FROM simulator_transactions WHERE original = ANY($1)"
# A new sequence number: who pages through the ledger meets it after what they have seen.
_COMPLETE = """
UPDATE simulator_transactions
SET outcome = $2, reason = $3, created_at = $4, sequence = DEFAULT
WHERE reference = $1 AND outcome = 'requires_action'
"""


class ReferenceReused(Exception):
    """The reference stands for another request; whose money it is about cannot be told."""


@dataclass(frozen=True, slots=True)
class Booked:
    """What stands in the books now; `is_new` for the one who had it written."""

    entry: Entry
    is_new: bool


class Ledger:
    """Idempotent by reference: the first entry stands, and is what every repeat gets.

    Entries that come together are written together. Everything returns after the commit.
    """

    def __init__(
        self, pool: Pool, *, group_max: int, pending_max: int, write_seconds_max: float
    ) -> None:
        self._pool = pool
        self._payments: Grouping[Entry, Booked] = Grouping(
            self._book,
            name="simulator-payments",
            size_max=group_max,
            pending_max=pending_max,
            seconds_max=write_seconds_max,
        )
        self._followers: Grouping[Entry, Booked] = Grouping(
            self._book_followers,
            name="simulator-followers",
            size_max=group_max,
            pending_max=pending_max,
            seconds_max=write_seconds_max,
        )

    async def book(self, entry: Entry) -> Booked:
        """Write a charge or authorization. Raises ReferenceReused, TooBusy."""
        return await self._payments.submit(entry)

    async def book_follower(self, entry: Entry) -> Booked:
        """Judge and write what follows a payment. Raises ReferenceReused, TooBusy."""
        return await self._followers.submit(entry)

    async def find(self, reference: str) -> Entry | None:
        """The entry under that reference."""
        return (await _entries(self._pool, _FIND, [reference])).get(reference)

    async def complete(self, reference: str, reason: str | None, now: datetime) -> Entry | None:
        """End an open challenge, declined when there is a reason; what the books say afterwards."""
        outcome = DECLINED if reason else APPROVED
        await self._pool.execute(_COMPLETE, reference, outcome, reason, now)
        return await self.find(reference)

    async def close(self) -> None:
        """Finish writing what was submitted."""
        await asyncio.gather(self._payments.close(), self._followers.close())

    async def _book(self, entries: Sequence[Entry]) -> list[Booked | Exception]:
        async with self._pool.acquire() as connection:
            return await _write(connection, entries)

    async def _book_followers(self, entries: Sequence[Entry]) -> list[Booked | Exception]:
        async with self._pool.acquire() as connection, connection.transaction():
            accounts = await _accounts(connection, {entry.original for entry in entries})
            judged = [judge(entry, accounts.get(entry.original)) for entry in entries]
            return await _write(connection, entries, judged)


async def _accounts(
    connection: Connection, originals: set[str | None]
) -> Mapping[str | None, Account]:
    """The accounts of these payments, locked: nobody else adds to them before our commit."""
    references = sorted(original for original in originals if original is not None)
    payments = await _entries(connection, _LOCK, references)
    accounts: dict[str | None, Account] = {
        reference: Account(payment) for reference, payment in payments.items()
    }
    # A statement of its own: this one sees what others committed while we waited for the locks.
    for follower in (await _entries(connection, _FOLLOWERS, references)).values():
        if follower.original in accounts:
            accounts[follower.original].add(follower)
    return accounts


async def _write(
    connection: Connection, asked: Sequence[Entry], judged: Sequence[Entry] | None = None
) -> list[Booked | Exception]:
    """Write what is not in the books yet; for each that was asked, what stands there now."""
    rows: dict[str, Entry] = {}
    for entry in judged or asked:
        rows.setdefault(entry.reference, entry)
    ordered = sorted(rows.values(), key=lambda entry: entry.reference)
    columns = ([getattr(entry, name) for entry in ordered] for name in _COLUMNS)
    written = {record["reference"] for record in await connection.fetch(_INSERT, *columns)}
    known = [reference for reference in rows if reference not in written]
    if known:
        rows |= await _entries(connection, _FIND, known)
    return [_answer(entry, rows[entry.reference], written) for entry in asked]


def _answer(asked: Entry, stands: Entry, unanswered: set[str]) -> Booked | Exception:
    if not stands.asks_the_same(asked):
        return ReferenceReused(f"{asked.reference} was used for another {stands.kind}")
    is_new = asked.reference in unanswered
    unanswered.discard(asked.reference)  # one of two in the same group had it written
    return Booked(stands, is_new)


async def _entries(
    database: Pool | Connection, statement: str, references: Sequence[str]
) -> dict[str, Entry]:
    records = await database.fetch(statement, references)
    return {
        record["reference"]: Entry(**{name: record[name] for name in _COLUMNS})
        for record in records
    }
