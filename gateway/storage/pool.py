"""Connections to Postgres, and what their errors mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import asyncpg
from asyncpg.pool import PoolAcquireContext

if TYPE_CHECKING:
    _Pool = asyncpg.Pool[asyncpg.Record]
    _BaseConnection = asyncpg.Connection[asyncpg.Record]
else:
    _Pool = asyncpg.Pool
    _BaseConnection = asyncpg.Connection

__all__ = [
    "DATABASE_ERRORS",
    "Pool",
    "is_connection_lost",
    "is_refusal",
    "is_transient",
    "is_unavailable",
    "open_pool",
    "open_reading_pool",
]

_TRANSIENT = frozenset({"40001", "40P01"})  # serialization failure, deadlock
_CONNECTION_ENDED = frozenset({"57P01", "57P02", "57P04", "57P05"})
# asyncpg has no class of its own for these. The last two come when the server has ended a session
# and the socket is not closed yet, or the pool has taken the connection back at that moment.
_GONE = (
    "is closed",
    "is closing",
    "closed in the middle",
    "cannot switch to state",
    "released back to the pool",
)
# Starting up or shutting down; read only, as a former primary is; cancelled by a time limit.
_NOT_NOW = frozenset({"57P03", "25006", "57014"})


# What talking to Postgres can raise; the functions below tell what it means.
DATABASE_ERRORS = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)


class _Connection(_BaseConnection):
    """Nobody here changes a session, so there is nothing to undo between one use and the next.

    asyncpg still rolls back a transaction that was left open. Its own statement costs a round trip
    with every use, an eighth of those of a commit.
    """

    def get_reset_query(self) -> str:
        """None."""
        return ""


class Pool(_Pool):
    """A pool whose `acquire` waits a limited time, also inside `fetch` and its siblings."""

    def __init__(self, dsn: str, *, acquire_timeout_seconds: float, **options: Any) -> None:
        super().__init__(
            dsn,
            loop=None,
            connection_class=_Connection,
            record_class=asyncpg.Record,
            **options,
        )
        self._acquire_timeout_seconds = acquire_timeout_seconds

    def acquire(self, *, timeout: float | None = None) -> PoolAcquireContext[asyncpg.Record]:
        """A connection. Raises TimeoutError when none is free or can be made in time."""
        return super().acquire(timeout=timeout or self._acquire_timeout_seconds)


async def open_pool(
    dsn: str,
    *,
    size_min: int = 2,
    size_max: int = 10,
    command_timeout_seconds: float = 30.0,
    connect_timeout_seconds: float = 10.0,
    acquire_timeout_seconds: float = 10.0,
    idle_seconds_max: float = 300.0,
    cached_statements_max: int = 256,
    application_name: str = "gateway",
    parameters: Mapping[str, str] | None = None,
) -> Pool:
    """A pool with `size_min` connections made, fewer where `size_max` is, in UTC, that grows to it.

    `parameters` are further ones of Postgres that hold in all its sessions.

    TLS is as the DSN's `sslmode` and `sslrootcert` say. Raises what `is_unavailable` knows when
    the server cannot be reached.
    """
    pool = Pool(
        dsn,
        acquire_timeout_seconds=acquire_timeout_seconds,
        min_size=min(size_min, size_max),
        max_size=size_max,
        max_queries=50_000,
        max_inactive_connection_lifetime=idle_seconds_max,
        timeout=connect_timeout_seconds,
        command_timeout=command_timeout_seconds,
        statement_cache_size=cached_statements_max,
        server_settings={
            "timezone": "UTC",
            "application_name": application_name,
            **(parameters or {}),
        },
    )
    await pool
    return pool


async def open_reading_pool(
    dsn: str, *, size_max: int, statement_timeout_seconds: float, acquire_timeout_seconds: float
) -> Pool:
    """A pool for people's questions, none of which may be in the way of payments.

    It only reads, each statement at most `statement_timeout_seconds` long, and connects when it is
    first used. To compile a plan takes longer than to run it, and parallel workers would take
    processors from payments. Plans are kept, so none may be made for tables that were empty then.
    """
    milliseconds = max(1, int(statement_timeout_seconds * 1000))
    return await open_pool(
        dsn,
        size_min=0,
        size_max=size_max,
        acquire_timeout_seconds=acquire_timeout_seconds,
        parameters={
            "default_transaction_read_only": "on",
            "statement_timeout": str(milliseconds),
            "max_parallel_workers_per_gather": "0",
            "jit": "off",
            "enable_seqscan": "off",
        },
    )


def is_connection_lost(error: BaseException) -> bool:
    """Whether the connection is gone; what was under way may or may not have been committed."""
    if isinstance(error, asyncpg.PostgresConnectionError | ConnectionError):
        return True
    if isinstance(error, asyncpg.InternalClientError):
        return True  # the driver lost track of the protocol, and gives the connection up
    if isinstance(error, asyncpg.InterfaceError):
        return any(words in str(error) for words in _GONE)
    return _sqlstate(error) in _CONNECTION_ENDED


def is_refusal(error: BaseException) -> bool:
    """Whether Postgres itself rolled the transaction back: a constraint, deadlock, conflict."""
    return _sqlstate(error)[:2] in ("23", "40")


def is_transient(error: BaseException) -> bool:
    """Whether the same transaction may succeed when it is tried again at once."""
    return _sqlstate(error) in _TRANSIENT


def is_unavailable(error: BaseException) -> bool:
    """Whether Postgres cannot serve now, through no fault of the statement: answer 503.

    Cannot connect, connection lost, starting or stopping, out of connections, memory or disk,
    timeouts. After a timeout the statement may have taken effect all the same.
    """
    if isinstance(error, OSError | TimeoutError | asyncpg.TargetServerAttributeNotMatched):
        return True
    if is_connection_lost(error):
        return True
    state = _sqlstate(error)
    return state in _NOT_NOW or state.startswith("53")


def _sqlstate(error: BaseException) -> str:
    return getattr(error, "sqlstate", None) or ""
