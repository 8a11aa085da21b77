"""Settlements in rows: closed for each merchant, mode and currency, and read.

What is due is what the books hold for the merchant and no settlement covers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from gateway.domain import books
from gateway.domain.books import ACCOUNTS, Entries, LedgerTransaction, TransactionKind
from gateway.domain.ids import new_id
from gateway.domain.settlements import SettledTransaction, Settlement
from gateway.storage.journal import Connection
from gateway.storage.reads_pages import Listing, Page, Scope, Selection, fetch_page
from gateway.storage.rows import LEDGER

__all__ = [
    "Account",
    "Reconciled",
    "begin_run",
    "due_accounts",
    "find_settlement",
    "list_between",
    "list_settlements",
    "list_transactions",
    "settle",
]

Account = tuple[UUID, str, str]
"""Merchant, mode and currency."""

_COLUMNS = "id, merchant_id, mode, currency, amount, fees, tax, transactions, created_at"
_BEGIN = """
INSERT INTO settlement_runs (begun_at) VALUES ($1)
ON CONFLICT (single) DO UPDATE SET begun_at = excluded.begun_at
WHERE settlement_runs.begun_at <= $2 RETURNING true
"""
_DUE = """
FROM ledger_transactions AS entry
WHERE entry.merchant <> 0 AND entry.kind <> 'settlement' AND entry.created_at <= $1
  AND NOT EXISTS (
      SELECT FROM settlement_transactions AS settled
      WHERE settled.merchant_id = entry.merchant_id AND settled.source_id = entry.source_id
        AND settled.kind = entry.kind)
"""
# What is owed to us is carried forward until there is more on the other side.
_ACCOUNTS = f"""
SELECT merchant_id, mode, currency {_DUE}
GROUP BY merchant_id, mode, currency HAVING sum(entry.merchant) < 0 ORDER BY 1, 2, 3
"""
_OWN = "AND entry.merchant_id = $2 AND entry.mode = $3 AND entry.currency = $4"
_SUMS = f"""
SELECT coalesce(-sum(entry.merchant), 0)::bigint, coalesce(-sum(entry.fees), 0)::bigint,
       coalesce(-sum(entry.tax), 0)::bigint, count(*) {_DUE} {_OWN}
"""
_INSERT = f"""
INSERT INTO settlements ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""  # noqa: S608 - our own names
_COVER = f"""
INSERT INTO settlement_transactions (settlement_id, merchant_id, source_id, kind)
SELECT $5, entry.merchant_id, entry.source_id, entry.kind {_DUE} {_OWN}
"""
_FIND = f"""
SELECT {_COLUMNS} FROM settlements WHERE id = $1 AND merchant_id = $2 AND mode = $3
"""  # noqa: S608 - our own names
_ENTRY = f"""
       entry.kind, entry.source_id, entry.payment_id, entry.order_id, entry.currency,
       entry.created_at, {", ".join(f"entry.{name}" for name in ACCOUNTS)}
"""
_COVERED = """
FROM settlement_transactions AS settled
JOIN ledger_transactions AS entry
  ON entry.merchant_id = settled.merchant_id AND entry.source_id = settled.source_id
 AND entry.kind = settled.kind
"""
_ROWS = f"""
SELECT {_ENTRY} {_COVERED} WHERE settled.settlement_id = $1
ORDER BY entry.created_at DESC, entry.source_id DESC, entry.kind DESC LIMIT $2 OFFSET $3
"""
_BETWEEN = f"""
SELECT {_ENTRY}, settlement.id AS settlement_id, settlement.amount, settlement.fees AS all_fees,
       settlement.tax AS all_tax, settlement.transactions, settlement.created_at AS settled_at,
       payment.method, orders.receipt
{_COVERED}
JOIN settlements AS settlement ON settlement.id = settled.settlement_id
JOIN payments AS payment ON payment.id = entry.payment_id
JOIN orders ON orders.id = entry.order_id
WHERE settlement.merchant_id = $1 AND settlement.mode = $2
  AND settlement.created_at >= $3 AND settlement.created_at <= $4
ORDER BY settlement.created_at DESC, settlement.id, entry.created_at DESC, entry.source_id,
         entry.kind
LIMIT $5 OFFSET $6
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """A transaction with its settlement, and what merchants know its payment by."""

    settlement: Settlement
    transaction: SettledTransaction
    method: str
    receipt: str | None


async def begin_run(connection: Connection, now: datetime, not_since: datetime) -> bool:
    """Whether it is time: no run was begun since `not_since`, in any process."""
    return bool(await connection.fetchval(_BEGIN, now, not_since))


async def due_accounts(connection: Connection, until: datetime) -> Sequence[Account]:
    """Whom something is owed of what happened until then."""
    return [tuple(row) for row in await connection.fetch(_ACCOUNTS, until)]


async def settle(
    connection: Connection, account: Account, until: datetime, now: datetime
) -> Settlement | None:
    """Pay out what is due and book it; None when there is nothing.

    All statements see the same moment. Raises asyncpg.UniqueViolationError where somebody else has
    settled the same: then nothing is written.
    """
    async with connection.transaction(isolation="repeatable_read"):
        (sums,) = await connection.fetch(_SUMS, until, *account)
        amount, fees, tax, count = sums
        if amount <= 0:
            return None
        merchant_id, mode, currency = account
        settlement = Settlement(
            id=new_id("setl"),
            merchant_id=merchant_id,
            mode=mode,
            currency=currency,
            amount=amount,
            fees=fees,
            tax=tax,
            transactions=count,
            created_at=now,
        )
        await connection.execute(
            _INSERT, settlement.id, *account, amount, fees, tax, count, settlement.created_at
        )
        await connection.execute(_COVER, until, *account, settlement.id)
        booked = LedgerTransaction(
            kind=TransactionKind.SETTLEMENT,
            source_id=settlement.id,
            merchant_id=merchant_id,
            mode=mode,
            currency=currency,
            order_id=None,
            payment_id=None,
            created_at=now,
            entries=books.paid_out(amount),
        )
        await connection.execute(LEDGER.insert(), LEDGER.insert_argument([booked]))
    return settlement


async def find_settlement(
    connection: Connection, scope: Scope, settlement_id: str
) -> Settlement | None:
    """The merchant's settlement."""
    row = await connection.fetchrow(_FIND, settlement_id, scope.merchant_id, scope.mode)
    return None if row is None else Settlement(**row)


async def list_settlements(
    connection: Connection, scope: Scope, page: Page, *, currency: str | None = None
) -> tuple[list[Settlement], Listing] | None:
    """The merchant's settlements, newest first; None when it starts after an unknown one."""
    selection = Selection(scope, page)
    selection.add_unless_none("currency = {}", currency)
    listing = await fetch_page(
        connection, table="settlements", columns=_COLUMNS, selection=selection, page=page
    )
    return None if listing is None else ([Settlement(**row) for row in listing.rows], listing)


async def list_transactions(
    connection: Connection, settlement_id: str, limit: int, offset: int
) -> list[SettledTransaction]:
    """What a settlement covers, newest first."""
    rows = await connection.fetch(_ROWS, settlement_id, limit, offset)
    return [_transaction(row) for row in rows]


async def list_between(connection: Connection, scope: Scope, page: Page) -> list[Reconciled]:
    """What the merchant's settlements of the page's time cover, the latest settlement first."""
    rows = await connection.fetch(
        _BETWEEN,
        scope.merchant_id,
        scope.mode,
        page.since,
        page.until,
        page.limit,
        page.offset,
    )
    return [
        Reconciled(
            settlement=Settlement(
                id=row["settlement_id"],
                merchant_id=scope.merchant_id,
                mode=scope.mode,
                currency=row["currency"],
                amount=row["amount"],
                fees=row["all_fees"],
                tax=row["all_tax"],
                transactions=row["transactions"],
                created_at=row["settled_at"],
            ),
            transaction=_transaction(row),
            method=row["method"],
            receipt=row["receipt"],
        )
        for row in rows
    ]


def _transaction(row: asyncpg.Record) -> SettledTransaction:
    return SettledTransaction(
        kind=TransactionKind(row["kind"]),
        source_id=row["source_id"],
        payment_id=row["payment_id"],
        order_id=row["order_id"],
        currency=row["currency"],
        created_at=row["created_at"],
        entries=Entries(*(row[name] for name in ACCOUNTS)),
    )
