"""Disputes for answers to requests, scoped by merchant and mode (P9)."""

from __future__ import annotations

from datetime import datetime

from gateway.domain.disputes import Dispute
from gateway.storage.dispute_rows import DISPUTES, dispute_from_row
from gateway.storage.journal import Connection
from gateway.storage.reads_pages import Listing, Page, Scope, Selection, fetch_page

__all__ = ["disputes_at_the_simulator", "expiring_disputes", "find_dispute", "list_disputes"]

_COLUMNS = ", ".join(DISPUTES.columns)
_FIND = f"""
SELECT {_COLUMNS} FROM disputes WHERE id = $1 AND merchant_id = $2 AND mode = $3
"""  # noqa: S608 - our own names
_EXPIRING = """
SELECT order_id, id FROM disputes WHERE status = 'open' AND respond_by <= $1
ORDER BY respond_by LIMIT $2
"""

_AT_THE_SIMULATOR = f"""
SELECT {", ".join(f"dispute.{name}" for name in DISPUTES.columns)}
FROM disputes AS dispute JOIN payments AS payment ON payment.id = dispute.payment_id
WHERE dispute.status = 'under_review' AND dispute.submitted_at <= $1
  AND payment.processor = 'simulator'
ORDER BY dispute.submitted_at LIMIT $2
"""  # noqa: S608 - our own names


async def find_dispute(connection: Connection, scope: Scope, dispute_id: str) -> Dispute | None:
    """The merchant's dispute."""
    row = await connection.fetchrow(_FIND, dispute_id, scope.merchant_id, scope.mode)
    return None if row is None else dispute_from_row(row)


async def list_disputes(
    connection: Connection,
    scope: Scope,
    page: Page,
    *,
    status: str | None = None,
    payment_id: str | None = None,
) -> tuple[list[Dispute], Listing] | None:
    """The merchant's disputes, newest first; None when the page starts after an unknown one."""
    selection = Selection(scope, page)
    selection.add_unless_none("status = {}", status)
    selection.add_unless_none("payment_id = {}", payment_id)
    listing = await fetch_page(
        connection, table="disputes", columns=_COLUMNS, selection=selection, page=page
    )
    return None if listing is None else ([dispute_from_row(row) for row in listing.rows], listing)


async def expiring_disputes(
    connection: Connection, now: datetime, limit: int
) -> list[tuple[str, str]]:
    """Order and dispute of those that were not answered in time, oldest first."""
    return [tuple(row) for row in await connection.fetch(_EXPIRING, now, limit)]


async def disputes_at_the_simulator(
    connection: Connection, until: datetime, limit: int
) -> list[Dispute]:
    """What has been under review by the simulated bank since then, the oldest first."""
    rows = await connection.fetch(_AT_THE_SIMULATOR, until, limit)
    return [dispute_from_row(row) for row in rows]
