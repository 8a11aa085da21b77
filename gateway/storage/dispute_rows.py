"""Disputes in rows: written by the journal, read by whoever needs them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from gateway.domain.disputes import Dispute, DisputePhase, DisputeStatus
from gateway.storage.rows import Table

__all__ = ["DISPUTES", "dispute_from_row", "load_disputes", "put_disputes"]

Connection = asyncpg.Connection | PoolConnectionProxy

DISPUTES = Table(
    name="disputes",
    fixed="""id text, payment_id text, order_id text, merchant_id uuid, mode text, amount bigint,
        currency text, phase text, reason_code text, respond_by timestamptz,
        created_at timestamptz""",
    mutable="""status text, amount_deducted bigint, summary text, submitted_at timestamptz,
        decided_at timestamptz, updated_at timestamptz""",
)
_CHANGING = ("status", "amount_deducted", "summary", "submitted_at", "decided_at", "updated_at")
# The names come from the table above, none from a request.
_PUT = (
    f"{DISPUTES.insert()} ON CONFLICT (id) DO UPDATE SET "
    f"{', '.join(f'{name} = excluded.{name}' for name in _CHANGING)}"
)
_LOAD = f"""
SELECT {", ".join(DISPUTES.columns)} FROM disputes
WHERE payment_id = ANY($1::text[]) ORDER BY created_at
"""  # noqa: S608 - as above


async def put_disputes(connection: Connection, disputes: Iterable[Dispute]) -> None:
    """Write new ones, and those that have changed."""
    await connection.execute(_PUT, DISPUTES.insert_argument(disputes))


async def load_disputes(connection: Connection, payment_ids: Sequence[str]) -> list[Dispute]:
    """The disputes of these payments, oldest first."""
    return [dispute_from_row(row) for row in await connection.fetch(_LOAD, payment_ids)]


def dispute_from_row(row: asyncpg.Record) -> Dispute:
    """The dispute that a row of `disputes` holds."""
    fields = dict(row)
    fields["phase"] = DisputePhase(fields["phase"])
    fields["status"] = DisputeStatus(fields["status"])
    return Dispute(**fields)
