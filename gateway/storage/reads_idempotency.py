"""The rows of idempotency keys: what was answered before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import asyncpg

from gateway.storage.journal import BEGIN, Connection

__all__ = ["KeptAnswer", "find_kept_answers"]

# `OFFSET 0` has each key looked up by itself, which the primary key answers. A plan that was made
# while the table was empty would else go on reading all of an index for each of them.
_KEPT = """
SELECT scope, key, fingerprint, surface, operation_id, status, body, sealed
FROM unnest($1::text[], $2::text[]) AS asked (scope, key)
CROSS JOIN LATERAL (
    SELECT fingerprint, surface, operation_id, status, body, sealed, expires_at
    FROM idempotency_keys AS kept
    WHERE kept.scope = asked.scope AND kept.key = asked.key OFFSET 0) AS held
WHERE expires_at > $3
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptAnswer:
    """What a key stands for. Without `body` its operation is still under way.

    A `sealed` body is opened with the vault; its record is in `gateway.web.idempotency`.
    """

    fingerprint: bytes
    surface: str
    operation_id: str | None
    status: int | None
    body: bytes | None = field(repr=False)
    sealed: bool


async def find_kept_answers(
    connection: Connection, keys: Sequence[tuple[str, str]], now: datetime
) -> Mapping[tuple[str, str], KeptAnswer]:
    """The rows of those keys, scope and key each, that are there and have not expired.

    Begun as the journal's transactions are: the whole table must never be read for a few keys.
    """
    scopes, names = [scope for scope, _ in keys], [name for _, name in keys]
    await connection.execute(BEGIN)
    try:
        rows = await connection.fetch(_KEPT, scopes, names, now)
    finally:
        # Nothing was changed; a connection that is lost has nothing to end.
        if not connection.is_closed():
            await connection.execute("ROLLBACK")
    return {(row["scope"], row["key"]): _kept_answer(row) for row in rows}


def _kept_answer(row: asyncpg.Record) -> KeptAnswer:
    return KeptAnswer(
        fingerprint=row["fingerprint"],
        surface=row["surface"],
        operation_id=row["operation_id"],
        status=row["status"],
        body=row["body"],
        sealed=row["sealed"],
    )
