"""Tokens as they are stored: scoped by merchant and mode (P9) for whoever reads, in order of their
time for the unit that has them deleted at the processor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from gateway.domain.customers import Token, TokenState
from gateway.domain.instruments import Instrument
from gateway.storage.journal import Connection
from gateway.storage.reads_pages import Listing, Page, Scope, Selection, fetch_page
from gateway.storage.token_rows import TOKENS

__all__ = [
    "DueDeletion",
    "begin_deletion",
    "begin_deletions_of",
    "earliest_deletion",
    "find_token",
    "finish_deletion",
    "list_tokens",
    "take_due_deletions",
]

_COLUMNS = ", ".join(TOKENS.columns)
_OWN = "merchant_id = $1 AND mode = $2 AND state = 'active'"
# The names come from our own table, none from a request.
_FIND = f"SELECT {_COLUMNS} FROM tokens WHERE id = $3 AND {_OWN}"  # noqa: S608
_DELETE = f"""
UPDATE tokens SET state = 'deleting', due_at = $4, updated_at = $4
WHERE id = $3 AND customer_id = $5 AND {_OWN} RETURNING true
"""  # noqa: S608
_DELETE_ALL = f"""
UPDATE tokens SET state = 'deleting', due_at = $4, updated_at = $4
WHERE customer_id = $3 AND {_OWN}
"""  # noqa: S608
# Whoever takes one has it until it is due again: a process that dies in between loses nothing.
_TAKE = """
UPDATE tokens SET deletions = least(deletions + 1, 32767), updated_at = $1,
    due_at = $1 + ($3::interval[])[least(deletions + 1, cardinality($3))]
WHERE id IN (
    SELECT id FROM tokens WHERE state = 'deleting' AND due_at <= $1
    ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED)
RETURNING id, processor, processor_account_id, reference, deletions
"""
_FINISH = """
UPDATE tokens
SET state = 'deleted', reference = NULL, due_at = NULL, updated_at = $2, card_network = NULL,
    card_last4 = NULL, card_expiry_month = NULL, card_expiry_year = NULL
WHERE id = $1 AND state = 'deleting'
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DueDeletion:
    """A card that its processor is to forget; `deletions` counts how often it was asked."""

    id: str
    processor: str
    processor_account_id: UUID | None
    reference: str = field(repr=False)
    deletions: int


async def find_token(connection: Connection, scope: Scope, token_id: str) -> Token | None:
    """The merchant's token, unless it is deleted."""
    row = await connection.fetchrow(_FIND, scope.merchant_id, scope.mode, token_id)
    return None if row is None else _token(row)


async def list_tokens(
    connection: Connection, scope: Scope, page: Page, customer_id: str
) -> tuple[list[Token], Listing] | None:
    """The customer's tokens, newest first; None when the page starts after an unknown one."""
    selection = Selection(scope, page)
    selection.add("state = 'active'")
    selection.add_unless_none("customer_id = {}", customer_id)
    listing = await fetch_page(
        connection, table="tokens", columns=_COLUMNS, selection=selection, page=page
    )
    return None if listing is None else ([_token(row) for row in listing.rows], listing)


async def begin_deletion(
    connection: Connection, scope: Scope, customer_id: str, token_id: str, now: datetime
) -> bool:
    """Nobody sees it any more, and the processor is to forget it. Whether there was such a one."""
    deleted = await connection.fetchval(
        _DELETE, scope.merchant_id, scope.mode, token_id, now, customer_id
    )
    return deleted is True


async def begin_deletions_of(
    connection: Connection, scope: Scope, customer_id: str, now: datetime
) -> None:
    """The same for all of the customer's tokens."""
    await connection.execute(_DELETE_ALL, scope.merchant_id, scope.mode, customer_id, now)


async def take_due_deletions(
    connection: Connection, now: datetime, waits_seconds: Sequence[float], limit: int
) -> list[DueDeletion]:
    """What processors are to forget now. Each is due again after the next of the waits, and then
    always after the last one, until `finish_deletion`."""
    waits = [timedelta(seconds=seconds) for seconds in waits_seconds]
    return [DueDeletion(**row) for row in await connection.fetch(_TAKE, now, limit, waits)]


async def earliest_deletion(connection: Connection) -> datetime | None:
    """When a processor is to be asked next."""
    due: datetime | None = await connection.fetchval(
        "SELECT min(due_at) FROM tokens WHERE state = 'deleting'"
    )
    return due


async def finish_deletion(connection: Connection, token_id: str, now: datetime) -> None:
    """The processor has forgotten it: nothing of the card is left here either."""
    await connection.execute(_FINISH, token_id, now)


def _token(row: asyncpg.Record) -> Token:
    fields = dict(row)
    instrument = Instrument(
        method="card",
        stored=fields.pop("reference"),
        **{
            name: fields.pop(name)
            for name in ("card_network", "card_last4", "card_expiry_month", "card_expiry_year")
        },
    )
    return Token(instrument=instrument, **{**fields, "state": TokenState(fields["state"])})
