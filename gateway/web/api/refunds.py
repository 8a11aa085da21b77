"""Refunds: made, read, listed."""

from __future__ import annotations

from aiohttp import web

from gateway.actors.messages import ClaimRequest, MakeRefund
from gateway.domain.decisions import RefundPayment
from gateway.domain.entities import RefundStatus
from gateway.domain.ids import is_id, new_id
from gateway.domain.representation import refund_object
from gateway.storage import reads
from gateway.web.api.common import found, merchant_key, path_id
from gateway.web.bodies import read_body
from gateway.web.calls import Call, call_of
from gateway.web.commands import Command, command_response
from gateway.web.fields import notes_text
from gateway.web.idempotency import Key
from gateway.web.queries import choice, identifier, list_response, page_of, unknown_start
from gateway.web.responses import json_response
from gateway.web.schemas import RefundBody
from gateway.web.surfaces import REFUND_CREATED

__all__ = ["create_refund", "get_refund", "list_payment_refunds", "list_refunds", "refund_command"]

_STATUSES = tuple(RefundStatus)


async def create_refund(request: web.Request) -> web.Response:
    """`POST /payments/{id}/refunds`: give back; accepted at once, carried out afterwards."""
    call = call_of(request)
    payment_id = path_id(request, "pay", "Payment")
    body = await read_body(request)
    fields = body.as_model(RefundBody)
    wish = RefundPayment(
        refund_id=new_id("rfnd"),
        payment_id=payment_id,
        amount=fields.amount,
        reason=fields.reason,
        receipt=fields.receipt,
        notes=notes_text(fields.notes),
    )
    key = merchant_key(request, body)
    command = await refund_command(call, wish, surface=REFUND_CREATED, key=key)
    return await command_response(request.app, call.services, command)


async def refund_command(
    call: Call, wish: RefundPayment, *, surface: str, key: Key | None
) -> Command:
    """The command that refunds; raises NotFound for a payment that is not the caller's."""
    async with call.services.pool.acquire() as connection:
        order_id = await reads.order_of_payment(connection, call.caller.scope, wish.payment_id)

    async def message(claim: ClaimRequest | None) -> MakeRefund:
        return MakeRefund(command=wish, request=call.command_request(claim))

    return Command(order_id=found(order_id, "Payment"), message=message, surface=surface, key=key)


async def get_refund(request: web.Request) -> web.Response:
    """`GET /refunds/{id}`: one refund."""
    call = call_of(request)
    refund_id = path_id(request, "rfnd", "Refund")
    async with call.services.pool.acquire() as connection:
        refund = await reads.find_refund(connection, call.caller.scope, refund_id)
    return json_response(refund_object(found(refund, "Refund")))


async def list_refunds(request: web.Request) -> web.Response:
    """`GET /refunds`: refunds, newest first."""
    return await _list(request, identifier(request, "payment_id", "pay"))


async def list_payment_refunds(request: web.Request) -> web.Response:
    """`GET /payments/{id}/refunds`: the refunds of one payment, newest first."""
    call = call_of(request)
    payment_id = path_id(request, "pay", "Payment")
    async with call.services.pool.acquire() as connection:
        found(await reads.order_of_payment(connection, call.caller.scope, payment_id), "Payment")
    return await _list(request, payment_id)


async def _list(request: web.Request, payment_id: str | None) -> web.Response:
    call = call_of(request)
    page = page_of(request, lambda text: is_id(text, "rfnd"))
    status = choice(request, "status", _STATUSES)
    async with call.services.pool.acquire() as connection:
        listed = await reads.list_refunds(
            connection, call.caller.scope, page, status=status, payment_id=payment_id
        )
    if listed is None:
        raise unknown_start()
    refunds, listing = listed
    return list_response([refund_object(refund) for refund in refunds], listing, page)
