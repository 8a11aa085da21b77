"""The operators' page: how the gateway itself is, and what it waits for a person to decide.

Nothing here belongs to a merchant. What an operator does stands in the trail of the merchant whose
delivery or operation it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID, uuid4

from aiohttp import web

from gateway import __version__
from gateway.actors.supervisor import TreeNode
from gateway.domain.jobs import JobKind
from gateway.domain.work import Audit
from gateway.queue.client import is_redis_unavailable
from gateway.queue.jobs import Depth
from gateway.storage.books import last_check
from gateway.storage.reads_operators import (
    count_dead_letters,
    count_not_given_back,
    count_unknown,
    list_dead_letters,
    list_unknown,
)
from gateway.web.api.common import uuid_of
from gateway.web.calls import call_of
from gateway.web.dashboard.frame import dashboard_response
from gateway.web.dashboard.writing import writer_of
from gateway.web.operations import database_is_connected, redis_is_connected
from gateway.web.services import Services

__all__ = [
    "KINDS",
    "PATH",
    "letters_page",
    "operator_audit",
    "operator_name",
    "show_letters",
    "show_operators",
    "show_settings",
    "show_unknown",
    "unknown_page",
]

PATH = "/dashboard/operators"
"""Where the pages are."""

KINDS = ("webhook", "job", "notification")
"""What a dead letter can be."""

_DEPTHS_SECONDS = 1.0


async def show_operators(request: web.Request) -> web.Response:
    """`GET /dashboard/operators`: stores, actors and queues as they are now."""
    services = call_of(request).services
    database, redis, depths = await asyncio.gather(
        database_is_connected(services), redis_is_connected(services), _depths(services)
    )
    counted_max: int = services.settings.dashboard_total_max
    letters = unknown = late = books = None
    if database:
        async with services.pool.acquire() as connection:
            letters = await count_dead_letters(connection, counted_max)
            unknown = await count_unknown(connection, counted_max)
            late = await count_not_given_back(connection, counted_max)
            books = await last_check(connection)
    context = {
        "tab": "health",
        "write": writer_of(request),
        "version": __version__,
        "parts": _parts(services, database=database, redis=redis),
        "letters": letters,
        "unknown": unknown,
        "late": late,
        "books": books,
        "depths": depths,
        "kinds": list(JobKind),
        "breakers": services.breakers(),
        "nodes": list(_flat(services.supervision_tree())),
        "now": services.clock.now(),
    }
    return dashboard_response(request, "dashboard/operators.html", context, active="operators")


async def show_letters(request: web.Request) -> web.Response:
    """`GET /dashboard/operators/dead-letters?kind=&after=`: oldest first."""
    return await letters_page(request)


async def letters_page(request: web.Request, *, error: str = "") -> web.Response:
    """The dead letters; `error` is why one could not be replayed."""
    services, query = call_of(request).services, request.query
    kind, limit = query.get("kind", ""), services.settings.dashboard_page_rows
    async with services.pool.acquire() as connection:
        found = await list_dead_letters(
            connection,
            kind=kind if kind in KINDS else None,
            after=uuid_of(query.get("after", "")),
            limit=limit + 1,
        )
    more = len(found) > limit
    context = {
        "tab": "letters",
        "write": writer_of(request),
        "rows": found[:limit],
        "next_id": found[limit - 1].id if more else None,
        "kind": kind if kind in KINDS else "",
        "kinds": KINDS,
        "is_first": not query.get("after"),
        "error": error,
    }
    status = 400 if error else 200
    return dashboard_response(
        request, "dashboard/operators_letters.html", context, active="operators", status=status
    )


async def show_unknown(request: web.Request) -> web.Response:
    """`GET /dashboard/operators/unknown`: what the processor never answered about."""
    return await unknown_page(request)


async def unknown_page(
    request: web.Request, *, operation_id: str = "", error: str = ""
) -> web.Response:
    """The operations of unknown outcome; `error` is why one of them could not be resolved."""
    services = call_of(request).services
    limit = services.settings.dashboard_page_rows
    async with services.pool.acquire() as connection:
        found = await list_unknown(connection, limit + 1)
    context = {
        "tab": "unknown",
        "write": writer_of(request),
        "rows": found[:limit],
        "more": len(found) > limit,
        "operation_id": operation_id,
        "error": error,
    }
    status = 400 if error else 200
    return dashboard_response(
        request, "dashboard/operators_unknown.html", context, active="operators", status=status
    )


async def show_settings(request: web.Request) -> web.Response:
    """`GET /dashboard/operators/settings`: those in effect, secrets hidden."""
    context = {
        "tab": "settings",
        "version": __version__,
        "rows": list(call_of(request).services.shown_settings()),
    }
    return dashboard_response(
        request, "dashboard/operators_settings.html", context, active="operators"
    )


def operator_name(request: web.Request) -> str:
    """As on the command line: the trail tells operators from a merchant's own people."""
    return f"operator:{call_of(request).member.user.email}"


def operator_audit(
    request: web.Request,
    action: str,
    subject_id: str,
    *,
    merchant_id: UUID | None,
    mode: str | None,
    details: str = "{}",
) -> Audit:
    """What an operator did, for the trail of the merchant it concerns, if it concerns one."""
    call = call_of(request)
    return Audit(
        id=uuid4(),
        merchant_id=merchant_id,
        mode=mode,
        actor=operator_name(request),
        action=action,
        subject_id=subject_id,
        details=details,
        request_id=call.request_id,
        address=call.member.address,
        created_at=call.services.clock.now(),
    )


def _parts(
    services: Services, *, database: bool, redis: bool
) -> Sequence[tuple[str, str, str, str]]:
    """Name, test id, tone and word of each part."""
    worker, draining = services.worker_is_running(), services.is_draining()
    return (
        ("Database", "database", *(("success", "Connected") if database else _DOWN)),
        ("Redis", "redis", *(("success", "Connected") if redis else _DOWN)),
        ("Worker", "worker", *(("success", "Running") if worker else ("danger", "Stopped"))),
        (
            "Requests",
            "accepting",
            *(("warning", "Draining") if draining else ("success", "Accepted")),
        ),
    )


_DOWN = ("danger", "Away")


async def _depths(services: Services) -> Mapping[JobKind, Depth] | None:
    """How long the queues are; None while Redis is away."""
    try:
        async with asyncio.timeout(_DEPTHS_SECONDS):
            return await services.jobs.depths()
    except Exception as error:
        if not isinstance(error, TimeoutError) and not is_redis_unavailable(error):
            raise
        return None


def _flat(node: TreeNode, level: int = 0) -> Iterator[Mapping[str, Any]]:
    """The tree as lines, each with how deep it stands."""
    yield {"node": node, "level": level}
    for child in node.children:
        yield from _flat(child, level + 1)
