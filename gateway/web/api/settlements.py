"""Settlements and balances: what was paid out for what, and what is there."""

from __future__ import annotations

from aiohttp import web

from gateway.domain.books import Entries
from gateway.domain.ids import is_id
from gateway.domain.settlements import balance_object, settled_object, settlement_object
from gateway.storage import settlements as reads
from gateway.storage.books import balances
from gateway.storage.reads_pages import Listing
from gateway.web.api.common import found, path_id
from gateway.web.calls import call_of
from gateway.web.queries import list_response, page_of, text, unknown_start
from gateway.web.responses import json_response

__all__ = ["get_balance", "get_settlement", "list_settled", "list_settlements"]


async def get_settlement(request: web.Request) -> web.Response:
    """`GET /settlements/{id}`: one settlement."""
    call = call_of(request)
    settlement_id = path_id(request, "setl", "Settlement")
    async with call.services.pool.acquire() as connection:
        settlement = await reads.find_settlement(connection, call.caller.scope, settlement_id)
    return json_response(settlement_object(found(settlement, "Settlement")))


async def list_settlements(request: web.Request) -> web.Response:
    """`GET /settlements`: settlements, newest first."""
    call = call_of(request)
    page = page_of(request, lambda text: is_id(text, "setl"))
    currency = text(request, "currency")
    async with call.services.pool.acquire() as connection:
        listed = await reads.list_settlements(
            connection, call.caller.scope, page, currency=currency
        )
    if listed is None:
        raise unknown_start()
    settlements, listing = listed
    return list_response([settlement_object(each) for each in settlements], listing, page)


async def list_settled(request: web.Request) -> web.Response:
    """`GET /settlements/{id}/transactions`: a row for each credit and debit that it covers."""
    call = call_of(request)
    settlement_id = path_id(request, "setl", "Settlement")
    page = page_of(request, lambda _text: False)
    async with call.services.pool.acquire() as connection:
        settlement = found(
            await reads.find_settlement(connection, call.caller.scope, settlement_id),
            "Settlement",
        )
        rows = await reads.list_transactions(connection, settlement.id, page.limit, page.offset)
    total = settlement.transactions
    listing = Listing(rows=(), total=total, has_more=page.offset + len(rows) < total)
    return list_response([settled_object(settlement, row) for row in rows], listing, page)


async def get_balance(request: web.Request) -> web.Response:
    """`GET /balance`: what the merchant's accounts hold, by currency."""
    call = call_of(request)
    scope = call.caller.scope
    async with call.services.pool.acquire() as connection:
        sums = await balances(connection, scope.merchant_id, scope.mode)
    shown = [balance_object(currency, Entries(**held)) for currency, held in sums.items()]
    return json_response({"data": shown})
