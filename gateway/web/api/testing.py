"""What exists in test mode only: the seeded merchant, queues, the bank's books, clock, faults."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

from aiohttp import web

from gateway.domain.errors import InvalidRequest, NotFound
from gateway.domain.representation import timestamp
from gateway.storage.reads_accounts import find_merchant, oldest_key_id
from gateway.storage.reads_jobs import count_jobs
from gateway.storage.reads_pages import Scope
from gateway.web.api.common import found
from gateway.web.api.testing_disputes import decide_dispute, open_dispute
from gateway.web.bodies import read_body
from gateway.web.calls import call_of
from gateway.web.queries import OFFSET_MAX, integer
from gateway.web.responses import json_response
from gateway.web.routes import Access, Route
from gateway.web.schemas import ClockBody, FaultBody

__all__ = [
    "advance_clock",
    "arm_fault",
    "control_routes",
    "get_bank_ledger",
    "get_jobs_status",
    "get_test_merchant",
    "test_routes",
]

_TEST_MERCHANT = UUID("550e8400-e29b-41d4-a716-446655440000")
_LEDGER_LIMIT = 1_000


def test_routes() -> Iterable[Route]:
    """For TEST_MODE."""
    yield _route("GET", "/test/merchant", get_test_merchant)
    yield _route("GET", "/test/jobs/status", get_jobs_status)
    yield _route("GET", "/test/bank/ledger", get_bank_ledger)
    for path, handler in (
        ("/test/disputes", open_dispute),
        ("/test/disputes/{id}/decide", decide_dispute),
    ):
        yield Route(
            method="POST",
            path=f"/api/v1{path}",
            handler=handler,
            access=Access.KEY,
            permission="disputes:write",
            step="testing",
        )


def control_routes() -> Iterable[Route]:
    """For TEST_MODE with GATEWAY_TEST_CONTROLS, on the same machine."""
    yield _route("POST", "/test/clock", advance_clock, Access.LOOPBACK)
    yield _route("POST", "/test/faults", arm_fault, Access.LOOPBACK)


def _route(method: str, path: str, handler: Any, access: Access = Access.TESTER) -> Route:
    return Route(
        method=method, path=f"/api/v1{path}", handler=handler, access=access, step="testing"
    )


async def get_test_merchant(request: web.Request) -> web.Response:
    """`GET /test/merchant`: that the sandbox is ready, and for whom."""
    services = call_of(request).services
    async with services.pool.acquire() as connection:
        merchant = found(await find_merchant(connection, _TEST_MERCHANT), "Merchant")
        scope = Scope(merchant_id=_TEST_MERCHANT, mode="test")
        key_id = await oldest_key_id(connection, scope, services.clock.now())
    return json_response(
        {"id": str(merchant.id), "email": merchant.email, "api_key": key_id, "seeded": True}
    )


async def get_jobs_status(request: web.Request) -> web.Response:
    """`GET /test/jobs/status`: how much work is open and done, by the rows."""
    services = call_of(request).services
    async with services.pool.acquire() as connection:
        jobs = await count_jobs(connection)
    running = services.worker_is_running()
    return json_response(
        {
            "pending": jobs.pending,
            "processing": jobs.processing,
            "completed": jobs.completed,
            "failed": jobs.failed,
            "worker_status": "running" if running else "stopped",
        }
    )


async def get_bank_ledger(request: web.Request) -> web.Response:
    """`GET /test/bank/ledger`: what the simulated bank says it did, oldest first."""
    ledger = call_of(request).services.bank_ledger
    if ledger is None:
        raise NotFound("The simulated bank is not there")
    limit = integer(request, "limit", _LEDGER_LIMIT, at_least=1, at_most=_LEDGER_LIMIT)
    offset = integer(request, "offset", 0, at_least=0, at_most=OFFSET_MAX)
    page = await ledger(limit=limit, offset=offset)
    rows: Sequence[Any] = page.rows
    return json_response(
        {
            "data": [{**asdict(row), "created_at": timestamp(row.created_at)} for row in rows],
            "total": page.total,
            "limit": limit,
            "offset": offset,
        }
    )


async def advance_clock(request: web.Request) -> web.Response:
    """`POST /test/clock`: move the time that is stored forward."""
    clock = call_of(request).services.clock
    fields = (await read_body(request)).as_model(ClockBody)
    clock.advance(fields.advance_seconds)
    return json_response({"now": timestamp(clock.now())})


async def arm_fault(request: web.Request) -> web.Response:
    """`POST /test/faults`: have a fault point strike."""
    arm = call_of(request).services.arm_fault
    fields = (await read_body(request)).as_model(FaultBody)
    if arm is None:
        raise NotFound("There are no fault points")
    try:
        arm(fields.point, fields.action, after=fields.after)
    except ValueError as error:
        raise InvalidRequest(str(error), field="point") from None
    return json_response({"armed": fields.point, "action": fields.action})
