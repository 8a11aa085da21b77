"""Settlements, and the rows to reconcile them by."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from gateway.domain.errors import InvalidRequest
from gateway.domain.settlements import Settlement, settled_object
from gateway.storage import settlements as reads
from gateway.web.api.common import found, path_id
from gateway.web.calls import call_of
from gateway.web.queries import integer
from gateway.web.razorpay.answers import collection_response
from gateway.web.razorpay.queries import page_of
from gateway.web.razorpay.wire import WireRoute
from gateway.web.responses import json_response

__all__ = ["ROUTES"]

_YEARS = (2000, 2999)


async def list_settlements(request: web.Request) -> web.Response:
    """`GET /v1/settlements`: settlements, newest first."""
    call = call_of(request)
    page = page_of(request)
    async with call.services.pool.acquire() as connection:
        listed = await reads.list_settlements(connection, call.caller.scope, page)
    return collection_response([_entity(each) for each in (listed[0] if listed else [])])


async def get_settlement(request: web.Request) -> web.Response:
    """`GET /v1/settlements/{id}`: one settlement."""
    call = call_of(request)
    settlement_id = path_id(request, "setl", "Settlement")
    async with call.services.pool.acquire() as connection:
        settlement = await reads.find_settlement(connection, call.caller.scope, settlement_id)
    return json_response(_entity(found(settlement, "Settlement")))


async def list_reconciliation(request: web.Request) -> web.Response:
    """`GET /v1/settlements/recon/combined`: what was settled in a month or on a day, in UTC."""
    call = call_of(request)
    since, until = _period(request)
    page = replace(page_of(request), since=since, until=until - timedelta(microseconds=1))
    async with call.services.pool.acquire() as connection:
        rows = await reads.list_between(connection, call.caller.scope, page)
    return collection_response([_row(each) for each in rows])


def _period(request: web.Request) -> tuple[datetime, datetime]:
    """From and until, the end not included; raises InvalidRequest that names the parameter."""
    year = integer(request, "year", 0, at_least=_YEARS[0], at_most=_YEARS[1])
    month = integer(request, "month", 0, at_least=1, at_most=12)
    for name, number in (("year", year), ("month", month)):
        if number == 0:
            raise InvalidRequest(f"The {name} field is required.", field=name)
    day = integer(request, "day", 0, at_least=1, at_most=31)
    try:
        since = datetime(year, month, day or 1, tzinfo=UTC)
    except ValueError:
        raise InvalidRequest("day must be a day of the month", field="day") from None
    if day:
        return since, since + timedelta(days=1)
    return since, datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)


def _entity(settlement: Settlement) -> dict[str, Any]:
    return {
        "id": settlement.id,
        "entity": "settlement",
        "amount": settlement.amount,
        "status": "processed",
        "fees": settlement.fees + settlement.tax,
        "tax": settlement.tax,
        "utr": None,
        "created_at": int(settlement.created_at.timestamp()),
    }


def _row(found_row: reads.Reconciled) -> dict[str, Any]:
    settlement, row = found_row.settlement, found_row.transaction
    shown = settled_object(settlement, row)
    same = ("entity_id", "type", "debit", "credit", "amount", "currency", "fee", "tax")
    return {
        **{name: shown[name] for name in same},
        "on_hold": False,
        "settled": True,
        "created_at": int(row.created_at.timestamp()),
        "settled_at": int(settlement.created_at.timestamp()),
        "settlement_id": settlement.id,
        "settlement_utr": None,
        "description": None,
        "notes": "{}",
        "payment_id": None if shown["type"] == "payment" else row.payment_id,
        "order_id": row.order_id,
        "order_receipt": found_row.receipt,
        "method": found_row.method,
        "dispute_id": row.source_id if row.kind.startswith("dispute") else None,
    }


ROUTES = (
    WireRoute("GET", "/v1/settlements", list_settlements, "settlements:read"),
    WireRoute("GET", "/v1/settlements/recon/combined", list_reconciliation, "settlements:read"),
    WireRoute("GET", "/v1/settlements/{id}", get_settlement, "settlements:read"),
)
