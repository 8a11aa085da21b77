"""New tokens, written together with the outcome that they came of."""

from __future__ import annotations

from collections.abc import Iterable

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from gateway.domain.customers import Token
from gateway.storage.rows import Table

__all__ = ["TOKENS", "insert_tokens"]

TOKENS = Table(
    name="tokens",
    fixed="""id text, customer_id text, merchant_id uuid, mode text, payment_id text,
        processor text, reference text instrument.stored, card_network text instrument.card_network,
        card_last4 text instrument.card_last4,
        card_expiry_month smallint instrument.card_expiry_month,
        card_expiry_year smallint instrument.card_expiry_year, state text, created_at timestamptz,
        updated_at timestamptz, processor_account_id uuid""",
)

_STAYS = "fresh.state = 'active' AND customers.deleted_at IS NULL"
_OTHERS = ", ".join(f"fresh.{name}" for name in TOKENS.columns if name != "state")
# A customer who was deleted meanwhile has no tokens: the lock makes one of the two see the other.
_INSERT = f"""
INSERT INTO tokens ({_OTHERS.replace("fresh.", "")}, state, due_at)
SELECT {_OTHERS},
       CASE WHEN {_STAYS} THEN 'active' ELSE 'deleting' END,
       CASE WHEN NOT ({_STAYS}) THEN fresh.created_at END
FROM ({TOKENS.inserted()}) AS fresh JOIN customers ON customers.id = fresh.customer_id
FOR SHARE OF customers
"""  # noqa: S608 - our own names


async def insert_tokens(
    connection: asyncpg.Connection | PoolConnectionProxy, tokens: Iterable[Token]
) -> None:
    """Write them; those of customers who are deleted are deleted at the processor, too."""
    await connection.execute(_INSERT, TOKENS.insert_argument(tokens))
