"""Group commit: many units of work in one transaction, each of them whole or not at all.

Every order is locked in the order of ids before anything is compared, so that two processes cannot
lock each other out. A unit whose version is stale, or whose idempotency key somebody else holds, is
left out and told so; the rest is written with one statement a table.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import asyncpg

from gateway.domain.entities import Attempt, Operation, Payment, Refund
from gateway.domain.errors import StaleVersion
from gateway.domain.jobs import Job, JobKind
from gateway.domain.work import Entity, UnitOfWork
from gateway.storage.dispute_rows import put_disputes
from gateway.storage.rows import (
    ATTEMPTS,
    AUDITS,
    EVENTS,
    LEDGER,
    OPERATIONS,
    ORDERS,
    PAYMENTS,
    REFUNDS,
    Table,
)
from gateway.storage.token_rows import insert_tokens

__all__ = [
    "BEGIN",
    "DELIVER",
    "Committed",
    "Connection",
    "Found",
    "KeyTaken",
    "NewDelivery",
    "find_committed",
    "write_units",
]

Connection = asyncpg.Connection | asyncpg.pool.PoolConnectionProxy

BEGIN = "BEGIN; SET LOCAL enable_seqscan = off"
"""How a transaction begins that `write_units` is called in.

Postgres keeps the plans that it makes for a new, nearly empty table until it has time to analyse
it, and goes on reading the whole table for ten rows while it grows.
"""

# In the order of the foreign keys.
_TABLES: tuple[tuple[type[Entity], Table], ...] = (
    (Payment, PAYMENTS),
    (Refund, REFUNDS),
    (Operation, OPERATIONS),
    (Attempt, ATTEMPTS),
)

_LOCK = "SELECT id, version FROM orders WHERE id = ANY($1::text[]) ORDER BY id FOR UPDATE"

# A key that has expired is taken over; one that is held is left alone and not returned.
_CLAIM = """
INSERT INTO idempotency_keys AS held
    (scope, key, fingerprint, surface, operation_id, status, body, created_at, expires_at)
SELECT * FROM unnest($1::text[], $2::text[], $3::bytea[], $4::text[], $5::text[], $6::smallint[],
                     $7::bytea[], $8::timestamptz[], $9::timestamptz[]) ORDER BY 1, 2
ON CONFLICT (scope, key) DO UPDATE SET
    fingerprint = excluded.fingerprint, surface = excluded.surface,
    operation_id = excluded.operation_id, status = excluded.status, body = excluded.body,
    sealed = false, created_at = excluded.created_at, expires_at = excluded.expires_at
    WHERE held.expires_at <= excluded.created_at
RETURNING scope, key
"""

_ANSWER = """
UPDATE idempotency_keys AS held SET status = final.status, body = final.body
FROM unnest($1::text[], $2::smallint[], $3::bytea[]) AS final(operation_id, status, body)
WHERE held.operation_id = final.operation_id AND held.body IS NULL
"""


def _write_statement() -> str:
    """All changes of a batch in one statement, which answers with the deliveries that came of it.

    Its arguments: changed orders, changed and new rows of each of `_TABLES`, transactions of the
    ledger, events. A statement a table took twice as many round trips, and every one of them waits
    for its turn of the loop.
    """
    parts = [f"changed_orders AS ({ORDERS.update('$1')})"]
    for number, (_, table) in enumerate(_TABLES):
        changed, fresh = f"${2 * number + 2}", f"${2 * number + 3}"
        # A payment that fails makes room for the next one: updates go before inserts.
        before = f"changed_{table.name}"
        parts.append(f"{before} AS ({table.update(changed)} RETURNING 1)")
        parts.append(f"new_{table.name} AS ({table.insert(fresh, after=before)})")
    ledger, happened = f"${2 * len(_TABLES) + 2}", f"${2 * len(_TABLES) + 3}"
    parts.append(f"booked AS ({LEDGER.insert(ledger)})")
    events = EVENTS.inserted(happened)
    parts.append(f"happened AS MATERIALIZED ({events})")
    columns = ", ".join(EVENTS.columns)
    parts.append(f"told AS (INSERT INTO events ({columns}) SELECT * FROM happened)")  # noqa: S608
    parts.append(f"delivered AS ({DELIVER})")
    return f"WITH {', '.join(parts)} {_DELIVERED}"


DELIVER = """
INSERT INTO webhook_logs
    (id, merchant_id, mode, event_id, endpoint_id, event, status, next_retry_at, created_at,
     api_version)
SELECT gen_random_uuid(), happened.merchant_id, happened.mode, happened.id, endpoint.id,
       happened.type, 'pending', happened.created_at, happened.created_at,
       (SELECT api_version FROM merchants WHERE merchants.id = happened.merchant_id)
FROM happened
JOIN webhook_endpoints AS endpoint
  ON endpoint.merchant_id = happened.merchant_id AND endpoint.mode = happened.mode
 AND endpoint.active AND endpoint.deleted_at IS NULL
 AND (endpoint.events = '{}' OR happened.type = ANY(endpoint.events))
RETURNING id, endpoint_id, event_id, api_version
"""
"""Deliveries to all active endpoints that want them, of the events of the query `happened`."""

# A row's xmin is another one after every change of it.
_DELIVERED = """
SELECT delivered.id::text, endpoint_id, event_id, delivered.api_version,
       endpoint.xmin::text AS endpoint_version
FROM delivered JOIN webhook_endpoints AS endpoint ON endpoint.id = delivered.endpoint_id
"""

_WRITE = _write_statement()

_FORGET_PAYERS = """
UPDATE payments SET payer_name = NULL, payer_email = NULL, payer_contact = NULL
WHERE id = ANY($1::text[])
"""


class KeyTaken(Exception):
    """The unit's idempotency key is held by another request; nothing of the unit was written."""


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """A delivery that came of an event, to be sent as `api_version` of the contract has it.

    Its endpoint is open, as it stands in `endpoint_version`; that is empty where it was not looked
    at.
    """

    id: str
    endpoint_id: str
    event_id: str
    api_version: str | None
    endpoint_version: str

    @property
    def job(self) -> Job:
        """For whoever is to send it."""
        return Job(JobKind.WEBHOOKS, self.endpoint_id, self.id)


@dataclass(frozen=True, slots=True)
class Committed:
    """The deliveries that came of a batch."""

    deliveries: Sequence[NewDelivery]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What was read back after a lost COMMIT."""

    units: Sequence[UnitOfWork]
    unclear: Sequence[UnitOfWork]
    committed: Committed


async def write_units(
    connection: Connection, units: Sequence[UnitOfWork]
) -> tuple[list[Exception | None], Committed]:
    """Write the units inside the caller's transaction; at most one unit an order.

    Answers for each unit None or why it was left out (`StaleVersion`, `KeyTaken`), and the
    deliveries that came of the others. Raises what asyncpg raises: then nothing is written.
    """
    reasons: list[Exception | None] = await _stale(connection, units)
    taken = await _claim(connection, _kept(units, reasons))
    for number, unit in enumerate(units):
        if reasons[number] is None and unit.id in taken:
            reasons[number] = KeyTaken()
    kept = _kept(units, reasons)
    if not kept:
        return reasons, Committed(())
    return reasons, Committed(await _write(connection, kept))


async def find_committed(connection: Connection, units: Sequence[UnitOfWork]) -> Found:
    """What became of units whose COMMIT was not answered. What is in neither list was not written.

    Each unit left its id on its order. Where somebody else has written the order since, the unit's
    own is gone and the answer unclear.
    """
    rows = await connection.fetch(
        "SELECT id, version, last_unit_id FROM orders WHERE id = ANY($1::text[])",
        [unit.order.id for unit in units],
    )
    stored = {row["id"]: row for row in rows}
    written: list[UnitOfWork] = []
    unclear: list[UnitOfWork] = []
    for unit in units:
        row = stored.get(unit.order.id)
        if row is not None and row["last_unit_id"].hex == unit.id:
            written.append(unit)
        elif row is not None and row["version"] > unit.order.version:
            unclear.append(unit)
    deliveries = await connection.fetch(
        "SELECT id::text, endpoint_id, event_id, api_version FROM webhook_logs"
        " WHERE event_id = ANY($1::text[])",
        [event.id for unit in written for event in unit.events],
    )
    found = [
        NewDelivery(id_, endpoint_id, event_id, api_version, "")
        for id_, endpoint_id, event_id, api_version in deliveries
    ]
    return Found(units=written, unclear=unclear, committed=Committed(found))


def _kept(units: Sequence[UnitOfWork], reasons: Sequence[Exception | None]) -> list[UnitOfWork]:
    return [unit for unit, reason in zip(units, reasons, strict=True) if reason is None]


async def _stale(connection: Connection, units: Sequence[UnitOfWork]) -> list[Exception | None]:
    existing = [unit.order.id for unit in units if unit.expected_version]
    versions: dict[str, int] = {}
    if existing:
        rows = await connection.fetch(_LOCK, existing)
        versions = {row["id"]: row["version"] for row in rows}
    return [
        None
        if versions.get(unit.order.id, 0) == unit.expected_version
        else StaleVersion(unit.order.id)
        for unit in units
    ]


async def _claim(connection: Connection, units: Sequence[UnitOfWork]) -> set[str]:
    """The units whose key somebody else holds, within the batch too."""
    first: dict[tuple[str, str], UnitOfWork] = {}
    for unit in units:
        if unit.claim is not None:
            first.setdefault((unit.claim.scope, unit.claim.key), unit)
    if not first:
        return set()
    rows = [
        (
            claim.scope,
            claim.key,
            claim.fingerprint,
            claim.surface,
            claim.operation_id,
            claim.answer.status if claim.answer else None,
            claim.answer.body if claim.answer else None,
            claim.created_at,
            claim.expires_at,
        )
        for claim in (unit.claim for unit in first.values())
        if claim is not None
    ]
    granted = await connection.fetch(_CLAIM, *zip(*rows, strict=True))
    winners = {first[row["scope"], row["key"]].id for row in granted}
    return {unit.id for unit in units if unit.claim is not None and unit.id not in winners}


async def _write(connection: Connection, units: Sequence[UnitOfWork]) -> Sequence[NewDelivery]:
    """The units' rows; the deliveries that came of their events."""
    new_orders = [unit.order for unit in units if unit.expected_version == 0]
    if new_orders:
        await connection.execute(ORDERS.insert(), ORDERS.insert_argument(new_orders))
    # Most new orders come alone.
    more = [unit for unit in units if unit.expected_version or unit.inserts]
    if not more:
        return ()
    rows = await connection.fetch(_WRITE, *_write_arguments(more))
    await _write_rarities(connection, more)
    return [NewDelivery(*row) for row in rows]


def _write_arguments(units: Sequence[UnitOfWork]) -> Iterator[list[str]]:
    yield ORDERS.update_argument(unit.order for unit in units if unit.expected_version)
    updates = _by_type(entity for unit in units for entity in unit.updates)
    inserts = _by_type(entity for unit in units for entity in unit.inserts)
    for kind, table in _TABLES:
        yield table.update_argument(updates.get(kind, ()))
        yield table.insert_argument(inserts.get(kind, ()))
    yield LEDGER.insert_argument(each for unit in units for each in unit.ledger)
    yield EVENTS.insert_argument(event for unit in units for event in unit.events)


async def _write_rarities(connection: Connection, units: Sequence[UnitOfWork]) -> None:
    """Rows that hardly any batch has."""
    tokens = [token for unit in units for token in unit.tokens]
    if tokens:
        await insert_tokens(connection, tokens)
    disputes = [dispute for unit in units for dispute in unit.disputes]
    if disputes:
        await put_disputes(connection, disputes)
    nameless = [payment_id for unit in units for payment_id in unit.nameless]
    if nameless:
        await connection.execute(_FORGET_PAYERS, nameless)
    audits = [audit for unit in units for audit in unit.audits]
    if audits:
        await connection.execute(AUDITS.insert(), AUDITS.insert_argument(audits))
    answers = [
        (operation_id, answer.status, answer.body)
        for unit in units
        for operation_id, answer in unit.answers
    ]
    if answers:
        await connection.execute(_ANSWER, *zip(*answers, strict=True))


def _by_type(entities: Iterable[Entity]) -> dict[type[Entity], list[Entity]]:
    sorted_out: dict[type[Entity], list[Entity]] = {}
    for entity in entities:
        sorted_out.setdefault(type(entity), []).append(entity)
    return sorted_out
