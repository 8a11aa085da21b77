"""What the books say, and whether they agree with payments and refunds. Nothing is changed.

Everything is looked at in slices, each in one statement and so at one moment: a gateway that runs
meanwhile does no harm, and nothing is held for long.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import orjson

from gateway.domain.books import ACCOUNTS
from gateway.storage.journal import Connection

__all__ = [
    "BEGINNING",
    "LastCheck",
    "Place",
    "Slice",
    "TransactionSlice",
    "balances",
    "begin_check",
    "check_payments",
    "check_settlements",
    "check_transactions",
    "end_check",
    "last_check",
]

# Each change of money that payments and refunds know of: what has to be in the books, once.
_CHANGES = """
SELECT operation.id AS source_id, 'capture' AS kind, operation.payment_id, operation.amount
FROM operations AS operation
WHERE operation.kind IN ('charge', 'capture') AND operation.state = 'done' AND {operations}
UNION ALL
SELECT refund.id, change.kind, refund.payment_id, refund.amount
FROM refunds AS refund
JOIN operations AS operation ON operation.refund_id = refund.id AND operation.kind = 'refund'
CROSS JOIN LATERAL (
    VALUES ('refund_accepted', true), ('refund_processed', refund.status = 'processed'),
           ('refund_failed', refund.status = 'failed')) AS change(kind, happened)
WHERE change.happened AND {refunds}
UNION ALL
SELECT operation.id,
       CASE operation.purpose WHEN 'reversal' THEN 'reversal' ELSE 'late_approval' END,
       operation.payment_id, operation.amount
FROM operations AS operation
JOIN attempts AS attempt ON attempt.operation_id = operation.id AND attempt.state = 'approved'
WHERE operation.kind IN ('charge', 'capture', 'refund')
  AND (operation.state = 'failed' OR operation.purpose = 'reversal') AND {operations}
  AND NOT EXISTS (
      SELECT FROM attempts AS newer
      WHERE newer.operation_id = attempt.operation_id AND newer.number > attempt.number)
UNION ALL
SELECT attempt.id, 'late_approval', operation.payment_id, operation.amount
FROM operations AS operation
JOIN attempts AS attempt ON attempt.operation_id = operation.id AND attempt.state = 'approved'
JOIN attempts AS newer
  ON newer.operation_id = attempt.operation_id AND newer.number = attempt.number + 1
LEFT JOIN operations AS reversal ON reversal.reverses = attempt.id
WHERE 'refund' IN (operation.kind, reversal.kind) AND {attempts}
UNION ALL
SELECT dispute.id, change.kind, dispute.payment_id, dispute.amount
FROM disputes AS dispute
CROSS JOIN LATERAL (
    VALUES ('dispute_opened', true), ('dispute_won', dispute.status IN ('won', 'closed')),
           ('dispute_lost', dispute.status = 'lost')) AS change(kind, happened)
WHERE change.happened AND {disputes}
"""
_CHANGES_OF_PAYMENTS = _CHANGES.format(
    operations="operation.payment_id = ANY(ARRAY(SELECT id FROM slice))",
    attempts="operation.payment_id = ANY(ARRAY(SELECT id FROM slice))",
    refunds="refund.payment_id = ANY(ARRAY(SELECT id FROM slice))",
    disputes="dispute.payment_id = ANY(ARRAY(SELECT id FROM slice))",
)
_CHANGES_OF_SOURCES = _CHANGES.format(
    operations="operation.id = ANY(ARRAY(SELECT source_id FROM slice))",
    attempts="attempt.id = ANY(ARRAY(SELECT source_id FROM slice))",
    refunds="refund.id = ANY(ARRAY(SELECT source_id FROM slice))",
    disputes="dispute.id = ANY(ARRAY(SELECT source_id FROM slice))",
)
_BOOKED = ", ".join(f"entry.{name}" for name in ACCOUNTS)
_ADDED_UP = ", ".join(f"sum({name})::bigint AS {name}" for name in ACCOUNTS)
_TOTAL = " + ".join(f"slice.{name}" for name in ACCOUNTS)
# What a transaction moves: the merchant's share of a capture is less by the fee.
_MOVED = "greatest({})".format(
    ", ".join(
        f"abs(entry.{name})" for name in ("processor", "refunds", "disputes", "suspense", "payouts")
    )
)

# What each account has to hold for a payment, by the payment's own sums.
_EXPECTED = {
    "merchant": "slice.fee + slice.amount_refunded + slice.amount_refund_pending"
    " + slice.amount_disputed - slice.amount_captured",
    "fees": "slice.tax - slice.fee",
    "tax": "-slice.tax",
    "refunds": "-slice.amount_refund_pending",
    "disputes": "coalesce(disputed.lost, 0) - slice.amount_disputed",
    "processor": "slice.amount_captured - slice.amount_refunded - coalesce(disputed.lost, 0)"
    " - coalesce(booked.suspense, 0)",
}
_COMPARED = ", ".join(
    f"('{name}', coalesce(booked.{name}, 0), {expected})" for name, expected in _EXPECTED.items()
)
_PAYMENTS = f"""
WITH slice AS MATERIALIZED (SELECT * FROM payments WHERE id > $1 ORDER BY id LIMIT $2),
changes AS MATERIALIZED ({_CHANGES_OF_PAYMENTS}),
paired AS MATERIALIZED (
    SELECT changes.source_id, changes.kind, changes.payment_id, changes.amount,
           entry.payment_id AS booked_payment_id, {_MOVED} AS moved, {_BOOKED}
    FROM changes JOIN slice ON slice.id = changes.payment_id
    LEFT JOIN ledger_transactions AS entry
      ON entry.merchant_id = slice.merchant_id
     AND entry.source_id = changes.source_id AND entry.kind = changes.kind),
booked AS (
    SELECT payment_id, {_ADDED_UP} FROM paired GROUP BY payment_id),
disputed AS (
    SELECT payment_id, sum(amount_deducted)::bigint AS lost FROM disputes
    WHERE payment_id = ANY(ARRAY(SELECT id FROM slice)) GROUP BY payment_id),
differences AS (
    SELECT payment_id AS subject_id, kind || ' of ' || source_id || CASE
               WHEN booked_payment_id IS NULL THEN ' is not booked'
               WHEN booked_payment_id <> payment_id THEN ' is booked for another payment'
               ELSE ' is booked with ' || moved || ' instead of ' || amount END AS text
    FROM paired WHERE (booked_payment_id, moved) IS DISTINCT FROM (payment_id, amount)
    UNION ALL
    SELECT slice.id, account.name || ' has ' || account.booked || ' instead of ' || account.expected
    FROM slice LEFT JOIN booked ON booked.payment_id = slice.id
    LEFT JOIN disputed ON disputed.payment_id = slice.id
    CROSS JOIN LATERAL (VALUES {_COMPARED}) AS account(name, booked, expected)
    WHERE account.booked <> account.expected)
SELECT (SELECT max(id) FROM slice) AS last, (SELECT count(*) FROM slice) AS count,
       (SELECT array_agg(subject_id || ': ' || text) FROM (
            SELECT * FROM differences LIMIT $3) AS shown) AS texts,
       (SELECT count(*) FROM differences) AS differences
"""  # noqa: S608 - our own names

_TRANSACTIONS = f"""
WITH slice AS MATERIALIZED (
    SELECT * FROM ledger_transactions WHERE (merchant_id, source_id, kind) > ($1, $2, $3)
    ORDER BY merchant_id, source_id, kind LIMIT $4),
changes AS MATERIALIZED ({_CHANGES_OF_SOURCES}),
differences AS (
    SELECT slice.source_id AS subject_id, slice.kind || CASE
        WHEN {_TOTAL} <> 0 THEN ' does not add up to zero'
        WHEN coalesce(changes.source_id, settlement.id) IS NULL
            THEN ' is booked and has not happened'
        WHEN settlement.id IS NOT NULL AND settlement.amount <> slice.merchant
            THEN ' is booked with ' || slice.merchant || ' instead of ' || settlement.amount
        ELSE ' is booked for another merchant, mode, currency or order' END AS text
    FROM slice
    LEFT JOIN changes ON changes.source_id = slice.source_id AND changes.kind = slice.kind
    LEFT JOIN settlements AS settlement
      ON settlement.id = slice.source_id AND slice.kind = 'settlement'
    LEFT JOIN payments AS payment ON payment.id = changes.payment_id
    WHERE {_TOTAL} <> 0
       OR coalesce(changes.source_id, settlement.id) IS NULL
       OR settlement.amount <> slice.merchant
       OR (coalesce(payment.merchant_id, settlement.merchant_id),
           coalesce(payment.mode, settlement.mode),
           coalesce(payment.currency, settlement.currency), payment.order_id)
          IS DISTINCT FROM (slice.merchant_id, slice.mode, slice.currency, slice.order_id))
SELECT (SELECT ARRAY[merchant_id::text, source_id, kind] FROM slice
        ORDER BY merchant_id DESC, source_id DESC, kind DESC LIMIT 1) AS last,
       (SELECT count(*) FROM slice) AS count,
       (SELECT array_agg(subject_id || ': ' || text) FROM (
            SELECT * FROM differences LIMIT $5) AS shown) AS texts,
       (SELECT count(*) FROM differences) AS differences,
       (SELECT jsonb_agg(each) FROM (
            SELECT mode, currency, {_ADDED_UP} FROM slice GROUP BY mode, currency) AS each) AS sums
"""  # noqa: S608 - our own names

_SETTLEMENTS = """
WITH slice AS MATERIALIZED (SELECT * FROM settlements WHERE id > $1 ORDER BY id LIMIT $2),
covered AS (
    SELECT settled.settlement_id, -sum(entry.merchant)::bigint AS amount, count(*) AS count,
           count(*) FILTER (WHERE (entry.mode, entry.currency) <> (slice.mode, slice.currency)
               OR entry.merchant_id <> slice.merchant_id) AS strange
    FROM slice
    JOIN settlement_transactions AS settled ON settled.settlement_id = slice.id
    JOIN ledger_transactions AS entry
      ON entry.merchant_id = settled.merchant_id AND entry.source_id = settled.source_id
     AND entry.kind = settled.kind
    GROUP BY settled.settlement_id),
differences AS (
    SELECT slice.id AS subject_id, CASE
        WHEN entry.source_id IS NULL THEN 'settlement is not booked'
        ELSE 'settlement of ' || slice.amount || ' covers ' || coalesce(covered.amount, 0)
        END AS text
    FROM slice LEFT JOIN covered ON covered.settlement_id = slice.id
    LEFT JOIN ledger_transactions AS entry
      ON entry.merchant_id = slice.merchant_id AND entry.source_id = slice.id
     AND entry.kind = 'settlement'
    WHERE entry.source_id IS NULL
       OR (covered.amount, covered.count, covered.strange)
          IS DISTINCT FROM (slice.amount, slice.transactions, 0::bigint))
SELECT (SELECT max(id) FROM slice) AS last, (SELECT count(*) FROM slice) AS count,
       (SELECT array_agg(subject_id || ': ' || text) FROM (
            SELECT * FROM differences LIMIT $3) AS shown) AS texts,
       (SELECT count(*) FROM differences) AS differences
"""

_BEGIN_CHECK = """
INSERT INTO books_checks (begun_at) VALUES ($1)
ON CONFLICT (single) DO UPDATE SET begun_at = excluded.begun_at
WHERE books_checks.begun_at <= $2 RETURNING true
"""
_END_CHECK = """
UPDATE books_checks SET ended_at = $1, transactions = $2, differences = $3, texts = $4
"""
_LAST_CHECK = "SELECT ended_at, transactions, differences, texts FROM books_checks"

_BALANCES = f"""
SELECT currency, {_ADDED_UP} FROM ledger_transactions
WHERE merchant_id = $1 AND mode = $2 GROUP BY currency ORDER BY currency
"""  # noqa: S608 - our own names


Place = tuple[UUID, str, str]
"""Where a transaction stands: merchant, source, kind."""
BEGINNING: Place = (UUID(int=0), "", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """Some payments or settlements, by their ids; `last` is None when there are no more."""

    last: str | None
    count: int
    differences: int
    texts: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionSlice:
    """Some transactions; `sums` are those of the accounts, by mode and currency."""

    last: Place | None
    count: int
    differences: int
    texts: Sequence[str]
    sums: Mapping[tuple[str, str], Mapping[str, int]]


async def check_payments(connection: Connection, after: str, limit: int, texts_max: int) -> Slice:
    """Whether each change of the payments after that id is booked once, and the sums agree."""
    return await _checked(connection, _PAYMENTS, after, limit, texts_max)


async def check_settlements(
    connection: Connection, after: str, limit: int, texts_max: int
) -> Slice:
    """Whether each settlement after that id is booked, and is the sum of what it covers."""
    return await _checked(connection, _SETTLEMENTS, after, limit, texts_max)


async def _checked(
    connection: Connection, statement: str, after: str, limit: int, texts_max: int
) -> Slice:
    (row,) = await connection.fetch(statement, after, limit, texts_max)
    return Slice(
        last=row["last"],
        count=row["count"],
        differences=row["differences"],
        texts=row["texts"] or (),
    )


async def check_transactions(
    connection: Connection, after: Place, limit: int, texts_max: int
) -> TransactionSlice:
    """Whether each transaction after that one adds up, and tells of something that happened."""
    (row,) = await connection.fetch(_TRANSACTIONS, *after, limit, texts_max)
    last = row["last"]
    return TransactionSlice(
        last=None if last is None else (UUID(last[0]), last[1], last[2]),
        count=row["count"],
        differences=row["differences"],
        texts=row["texts"] or (),
        sums={
            (each["mode"], each["currency"]): {name: each[name] for name in ACCOUNTS}
            for each in orjson.loads(row["sums"] or "[]")
        },
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LastCheck:
    """What the last scheduled check found; `texts` are the first of the differences."""

    ended_at: datetime
    transactions: int
    differences: int
    texts: Sequence[str]


async def begin_check(connection: Connection, now: datetime, not_since: datetime) -> bool:
    """Whether a check is due: none was begun since `not_since`, in any process."""
    return bool(await connection.fetchval(_BEGIN_CHECK, now, not_since))


async def end_check(connection: Connection, found: LastCheck) -> None:
    """Keep what was found, for operators."""
    await connection.execute(
        _END_CHECK, found.ended_at, found.transactions, found.differences, list(found.texts)
    )


async def last_check(connection: Connection) -> LastCheck | None:
    """What the last check found; None when there was none."""
    row = await connection.fetchrow(_LAST_CHECK)
    return None if row is None or row["ended_at"] is None else LastCheck(**row)


async def balances(
    connection: Connection, merchant_id: UUID, mode: str
) -> Mapping[str, Mapping[str, int]]:
    """What each account of the merchant holds, by currency: the sum of its entries."""
    rows = await connection.fetch(_BALANCES, merchant_id, mode)
    return {row["currency"]: {name: row[name] for name in ACCOUNTS} for row in rows}
