"""`GET /dashboard/transactions/export.csv`: the payments of the filters, as a file.

Read in slices and sent as it goes, so neither memory nor a connection to the database is held by a
reader who is slow. A cell that a spreadsheet would take for a formula gets an apostrophe before it
(OWASP, CSV injection). There is no card data in it.
"""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC
from decimal import Decimal

from aiohttp import web

from gateway.domain.entities import Payment
from gateway.domain.errors import Unavailable
from gateway.domain.money import exponent
from gateway.domain.representation import timestamp
from gateway.storage.reads_dashboard import PAYMENT_LIST, find_rows, receipts_of
from gateway.storage.reads_dashboard_cursors import Cursor
from gateway.storage.reads_dashboard_query import Filters, searching
from gateway.web.calls import Call, call_of
from gateway.web.dashboard.lists import filters_of, limits_of
from gateway.web.dashboard.transactions import PAYMENT_FILTERS
from gateway.web.dashboard.writing import writer_of

__all__ = ["EXPORTS", "export_transactions", "safe_cell"]

EXPORTS: web.AppKey[asyncio.Semaphore] = web.AppKey("exports", asyncio.Semaphore)
"""How many more exports may begin."""

_SLICE = 1_000
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_COLUMNS = (
    "payment_id",
    "order_id",
    "receipt",
    "created_at_utc",
    "created_at_local",
    "status",
    "method",
    "currency",
    "amount",
    "amount_captured",
    "amount_refunded",
    "customer_name",
    "customer_email",
    "customer_contact",
    "error_code",
    "error_reason",
)


async def export_transactions(request: web.Request) -> web.StreamResponse:
    """The newest payments that the filters let through, `dashboard_export_rows_max` at most.

    Raises InvalidRequest for a filter that cannot be, Unavailable while too many are under way.
    """
    call = call_of(request)
    writer = writer_of(request)
    filters = filters_of(request, writer.zone, PAYMENT_FILTERS)
    if filters.until is None:
        # What arrives while the file is read is not in it.
        filters = replace(filters, until=call.services.clock.now())
    exports = request.app[EXPORTS]
    if exports.locked():
        raise Unavailable("Too many exports are under way", retry_after_seconds=10)
    name = f"transactions-{call.member.mode}-{writer.file_moment(call.services.clock.now())}.csv"
    response = web.StreamResponse(
        headers={
            "Content-Type": "text/csv; charset=utf-8",
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "X-Request-Id": call.request_id,
        }
    )
    async with exports:
        try:
            async with asyncio.timeout(call.services.settings.dashboard_export_seconds_max):
                await _send(request, response, call, filters)
        except (TimeoutError, ConnectionError):
            if not response.prepared:
                raise
            # Half a file must not look like a whole one.
            if request.transport is not None:
                request.transport.abort()
    return response


async def _send(
    request: web.Request, response: web.StreamResponse, call: Call, filters: Filters
) -> None:
    slices = _slices(request, call, filters)
    first = await anext(slices, ())
    await response.prepare(request)
    if request.method == "HEAD":
        return
    await response.write(_csv([_COLUMNS]) + _csv(first))
    async for rows in slices:
        await response.write(_csv(rows))
    await response.write_eof()


async def _slices(
    request: web.Request, call: Call, filters: Filters
) -> AsyncIterator[Sequence[Sequence[str]]]:
    writer = writer_of(request)
    settings = call.services.settings
    left: int = settings.dashboard_export_rows_max
    cursor: Cursor | None = None
    while left > 0:
        limits = limits_of(request, page=min(_SLICE, left))
        async with searching(call.services.reading_pool) as connection:
            found = await find_rows(
                connection,
                PAYMENT_LIST,
                call.member.scope,
                filters,
                cursor=cursor,
                limits=limits,
            )
            order_ids = [payment.order_id for payment in found.rows]
            receipts = await receipts_of(connection, call.member.scope, order_ids)
        left -= len(found.rows)
        yield [
            _row(payment, receipts, writer.moment_text(payment.created_at))
            for payment in found.rows
        ]
        cursor = found.older or found.further
        if cursor is None:
            return


def _row(payment: Payment, receipts: Mapping[str, str], local: str) -> Sequence[str]:
    digits = exponent(payment.currency)
    amounts = (payment.amount, payment.amount_captured, payment.amount_refunded)
    return [
        payment.id,
        payment.order_id,
        receipts.get(payment.order_id, ""),
        timestamp(payment.created_at.astimezone(UTC)) or "",
        local,
        payment.status.value,
        payment.instrument.method,
        payment.currency,
        *(f"{Decimal(amount).scaleb(-digits):f}" for amount in amounts),
        payment.payer.name or "",
        payment.payer.email or "",
        payment.payer.contact or "",
        payment.error_code or "",
        payment.error_reason or "",
    ]


def safe_cell(text: str) -> str:
    """The text, such that no spreadsheet calculates it."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _csv(rows: Iterable[Sequence[str]]) -> bytes:
    """RFC 4180."""
    file = io.StringIO()
    csv.writer(file).writerows([safe_cell(cell) for cell in row] for row in rows)
    return file.getvalue().encode()
