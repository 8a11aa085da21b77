"""What the deliverer reads and writes: deliveries on their way, attempts, endpoints that fail."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter
from uuid import UUID, uuid4

import asyncpg

from gateway.domain.delivery import AttemptOutcome, Verdict
from gateway.domain.evolution import directly_made
from gateway.domain.work import Audit
from gateway.storage.administration_endpoints import fail_pending_deliveries
from gateway.storage.journal import Connection
from gateway.storage.many_rows import encode_rows, rows_source
from gateway.storage.rows import AUDITS

__all__ = [
    "Attempt",
    "Delivery",
    "Endpoint",
    "clear_failing",
    "disable_endpoint",
    "fail_deliveries",
    "load_deliveries",
    "mark_failing",
    "record_attempts",
]

_LOAD = """
SELECT delivery.id::text, delivery.event_id, delivery.event, delivery.attempts,
       delivery.next_retry_at, delivery.api_version, event.body, event.request_id,
       endpoint.id AS endpoint_id, endpoint.merchant_id, endpoint.mode, endpoint.url,
       endpoint.format, endpoint.active AND endpoint.deleted_at IS NULL AS is_open,
       endpoint.xmin::text AS version, endpoint.secret_sealed, endpoint.previous_secret_sealed,
       endpoint.previous_secret_expires_at, endpoint.failing_since
FROM webhook_logs AS delivery
JOIN events AS event ON event.id = delivery.event_id
JOIN webhook_endpoints AS endpoint ON endpoint.id = delivery.endpoint_id
WHERE delivery.id = ANY($1::uuid[]) AND delivery.status = 'pending'
ORDER BY delivery.next_retry_at
"""

# Column, its type, and where it is found on an attempt.
_RESULT = (
    ("id", "uuid", "delivery.id"),
    ("expected", "smallint", "delivery.attempts"),
    ("status", "text", "verdict.status"),
    ("next_retry_at", "timestamptz", "verdict.next_retry_at"),
    ("requested_at", "timestamptz", "outcome.requested_at"),
    ("duration", "integer", "duration_milliseconds"),
    ("code", "integer", "outcome.status"),
    ("body", "text", "response_body"),
    ("error", "text", "outcome.error"),
    ("reason", "text", "verdict.reason"),
    ("answered_at", "timestamptz", "outcome.answered_at"),
)
_result_of = attrgetter(*(path for _, _, path in _RESULT))

# A doubled job finds another number of attempts, or a final state, and leaves no trace.
_RECORD = f"""
WITH result AS MATERIALIZED (
    {rows_source([(name, kind) for name, kind, _ in _RESULT])}
), recorded AS (
    UPDATE webhook_logs AS delivery
    SET status = result.status, attempts = result.expected + 1,
        next_retry_at = result.next_retry_at, last_attempt_at = result.requested_at,
        response_code = result.code
    FROM result
    WHERE delivery.id = result.id AND delivery.status = 'pending'
      AND delivery.attempts = result.expected
    RETURNING delivery.id, delivery.merchant_id, delivery.mode
), attempted AS (
    INSERT INTO webhook_attempts
        (delivery_id, number, requested_at, duration_milliseconds, response_code, response_body,
         error)
    SELECT id, expected + 1, requested_at, duration, code, body, error
    FROM result JOIN recorded USING (id)
), buried AS (
    INSERT INTO dead_letters (id, kind, subject_id, merchant_id, mode, reason, created_at)
    SELECT gen_random_uuid(), 'webhook', id::text, merchant_id, mode, reason, answered_at
    FROM result JOIN recorded USING (id) WHERE result.status = 'failed'
)
SELECT id::text FROM recorded
"""  # noqa: S608 - the columns above

_FAIL = """
WITH failed AS (
    UPDATE webhook_logs AS delivery SET status = 'failed', next_retry_at = NULL
    FROM unnest($1::uuid[], $2::text[]) AS given(id, reason)
    WHERE delivery.id = given.id AND delivery.status = 'pending'
    RETURNING delivery.id, delivery.merchant_id, delivery.mode, given.reason
)
INSERT INTO dead_letters (id, kind, subject_id, merchant_id, mode, reason, created_at)
SELECT gen_random_uuid(), 'webhook', id::text, merchant_id, mode, reason, $3 FROM failed
"""

_MARK_FAILING = """
UPDATE webhook_endpoints AS endpoint SET failing_since = given.since
FROM unnest($1::text[], $2::timestamptz[]) AS given(id, since)
WHERE endpoint.id = given.id AND endpoint.failing_since IS NULL
"""

_CLEAR_FAILING = """
UPDATE webhook_endpoints SET failing_since = NULL
WHERE id = ANY($1::text[]) AND failing_since IS NOT NULL
"""

_DISABLE = """
UPDATE webhook_endpoints SET active = false, disabled_reason = $2, updated_at = $3
WHERE id = $1 AND active AND ($4::timestamptz IS NULL OR failing_since <= $4)
RETURNING merchant_id, mode
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where deliveries go; `is_open` when it is neither switched off nor deleted.

    `version` is another one after every change of the row.
    """

    id: str
    version: str
    merchant_id: UUID
    mode: str
    url: str = field(repr=False)  # its query may hold a secret
    format: str
    is_open: bool
    secret_sealed: bytes = field(repr=False)
    previous_secret_sealed: bytes | None = field(default=None, repr=False)
    previous_secret_expires_at: datetime | None = None
    failing_since: datetime | None = None


@directly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One event on its way to one endpoint; `body` is None when it is no longer kept.

    `request_id` is of the request that the event came of, if it came of one. `api_version` is the
    one that the merchant was pinned to then; None: the first.
    """

    id: str
    event_id: str
    event: str
    attempts: int
    next_retry_at: datetime | None
    body: bytes | None = field(repr=False)
    request_id: str | None
    api_version: str | None = None
    endpoint: Endpoint


@directly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One request that was made, and what it means for the delivery."""

    delivery: Delivery
    outcome: AttemptOutcome
    verdict: Verdict
    duration_milliseconds: int
    response_body: str | None = field(default=None, repr=False)

    @property
    def number(self) -> int:
        """The first attempt is 1."""
        return self.delivery.attempts + 1


async def load_deliveries(connection: Connection, ids: Sequence[str]) -> list[Delivery]:
    """Those that are pending, longest due first, with bodies and endpoints; one statement."""
    endpoints: dict[str, Endpoint] = {}
    return [_delivery(row, endpoints) for row in await connection.fetch(_LOAD, ids)]


def _delivery(row: asyncpg.Record, endpoints: dict[str, Endpoint]) -> Delivery:
    endpoint = endpoints.get(row["endpoint_id"])
    if endpoint is None:
        endpoint = endpoints[row["endpoint_id"]] = Endpoint(
            id=row["endpoint_id"],
            version=row["version"],
            merchant_id=row["merchant_id"],
            mode=row["mode"],
            url=row["url"],
            format=row["format"],
            is_open=row["is_open"],
            secret_sealed=row["secret_sealed"],
            previous_secret_sealed=row["previous_secret_sealed"],
            previous_secret_expires_at=row["previous_secret_expires_at"],
            failing_since=row["failing_since"],
        )
    return Delivery(
        id=row["id"],
        event_id=row["event_id"],
        event=row["event"],
        attempts=row["attempts"],
        next_retry_at=row["next_retry_at"],
        body=row["body"],
        request_id=row["request_id"],
        api_version=row["api_version"],
        endpoint=endpoint,
    )


async def record_attempts(connection: Connection, attempts: Sequence[Attempt]) -> set[str]:
    """Write attempts and what follows from them, at most one a delivery; one statement.

    Returns the ids of the deliveries that stood as they were when the attempt was begun. Of the
    others nothing is written.
    """
    rows = await connection.fetch(_RECORD, encode_rows(map(_result_of, attempts)))
    return {row["id"] for row in rows}


async def fail_deliveries(
    connection: Connection, reasons: Mapping[str, str], now: datetime
) -> None:
    """Pending deliveries that cannot be sent, by id, become dead letters without an attempt."""
    await connection.execute(_FAIL, list(reasons), list(reasons.values()), now)


async def mark_failing(connection: Connection, since: Mapping[str, datetime]) -> None:
    """Remember when these endpoints began to fail, unless that is known."""
    ids = sorted(since)  # in one order, lest two processes lock each other out
    await connection.execute(_MARK_FAILING, ids, [since[id_] for id_ in ids])


async def clear_failing(connection: Connection, endpoint_ids: Sequence[str]) -> None:
    """These endpoints have taken a delivery."""
    await connection.execute(_CLEAR_FAILING, sorted(endpoint_ids))


async def disable_endpoint(
    connection: Connection,
    endpoint_id: str,
    reason: str,
    now: datetime,
    *,
    failing_before: datetime | None = None,
) -> bool:
    """Switch the endpoint off: what waits for it has failed, replayable; an audit row says why.

    With `failing_before` only if it has failed since then without a success. False when it was off
    already or has recovered.
    """
    row = await connection.fetchrow(_DISABLE, endpoint_id, reason, now, failing_before)
    if row is None:
        return False
    await fail_pending_deliveries(connection, endpoint_id, reason, now)
    audit = Audit(
        id=uuid4(),
        merchant_id=row["merchant_id"],
        mode=row["mode"],
        actor="gateway",
        action="webhook_endpoint.disabled",
        subject_id=endpoint_id,
        details=json.dumps({"reason": reason}),
        created_at=now,
    )
    await connection.execute(AUDITS.insert(), AUDITS.insert_argument([audit]))
    return True
