"""What the simulated bank did, as `GET /api/v1/test/bank/ledger` shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.processors.protocol import Pool

__all__ = ["LedgerPage", "LedgerRow", "ledger"]

_PAGE = """
SELECT reference, payment_id, refund_id, kind, amount, currency, created_at
FROM simulator_transactions WHERE outcome = 'approved'
ORDER BY sequence {direction} LIMIT $1 OFFSET $2
"""
_TOTAL = "SELECT count(*) FROM simulator_transactions WHERE outcome = 'approved'"


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerRow:
    """Money that the bank moved or reserved; `amount` in minor units."""

    reference: str
    payment_id: str
    refund_id: str | None
    kind: str
    amount: int
    currency: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerPage:
    """Some rows, and how many there are in all."""

    rows: Sequence[LedgerRow]
    total: int


async def ledger(
    pool: Pool, *, limit: int, offset: int = 0, newest_first: bool = False
) -> LedgerPage:
    """What was approved, in the order in which the bank did it.

    Rows and total are of one moment. Raises ValueError for a negative `limit` or `offset`.
    """
    if limit < 0 or offset < 0:
        raise ValueError("limit and offset are not negative")
    page = _PAGE.format(direction="DESC" if newest_first else "ASC")
    async with (
        pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        records = await connection.fetch(page, limit, offset)
        total = await connection.fetchval(_TOTAL)
    return LedgerPage(rows=[LedgerRow(**record) for record in records], total=total)
