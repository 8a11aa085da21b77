"""Refunds: made by either of two paths, listed, read, noted."""

from __future__ import annotations

import re
from typing import Literal

from aiohttp import web
from pydantic import Field

from gateway.domain.decisions import RefundPayment
from gateway.domain.errors import InvalidRequest, NotFound
from gateway.domain.ids import is_id, new_id
from gateway.domain.representation import refund_object
from gateway.storage import reads
from gateway.web.api.common import found, merchant_key, path_id
from gateway.web.api.refunds import refund_command
from gateway.web.bodies import Body
from gateway.web.calls import call_of
from gateway.web.fields import notes_text
from gateway.web.idempotency import Key, make_key
from gateway.web.queries import identifier
from gateway.web.razorpay.answers import REFUND_CREATED, collection_response, command_answer
from gateway.web.razorpay.bodies import read_wire_body, wire_model
from gateway.web.razorpay.errors import REFUND_KEY
from gateway.web.razorpay.fields import Receipt, WireLaterAmount, WireModel, WireNotes
from gateway.web.razorpay.noting import change_notes
from gateway.web.razorpay.queries import page_of
from gateway.web.razorpay.wire import WireRoute
from gateway.web.razorpay_entities import refund_entity
from gateway.web.responses import json_response
from gateway.web.writes import merchant_scope

__all__ = ["ROUTES"]

_KEY = re.compile(r"[A-Za-z0-9_-]{10,255}", re.ASCII)


class _RefundBody(WireModel):
    """`POST /v1/payments/{id}/refund`; every refund goes at normal speed."""

    amount: WireLaterAmount | None = None
    speed: Literal["normal", "optimum"] = "normal"
    notes: WireNotes = Field(default_factory=dict)
    receipt: Receipt = None


class _RefundOfPaymentBody(_RefundBody):
    """`POST /v1/refunds`."""

    payment_id: str


async def create_refund(request: web.Request) -> web.Response:
    """`POST /v1/refunds`: give back, all that is left without an amount."""
    body = await read_wire_body(request)
    fields = wire_model(body, _RefundOfPaymentBody)
    if not is_id(fields.payment_id, "pay"):
        raise NotFound("Payment not found", field="payment_id")
    return await _refund(request, fields.payment_id, body, fields)


async def refund_payment(request: web.Request) -> web.Response:
    """`POST /v1/payments/{id}/refund`: the same with the payment in the path."""
    body = await read_wire_body(request)
    fields = wire_model(body, _RefundBody)
    return await _refund(request, path_id(request, "pay", "Payment"), body, fields)


async def list_refunds(request: web.Request) -> web.Response:
    """`GET /v1/refunds`: refunds, newest first."""
    return await _list(request, identifier(request, "payment_id", "pay"))


async def list_refunds_of_payment(request: web.Request) -> web.Response:
    """`GET /v1/payments/{id}/refunds`: the refunds of one payment, newest first."""
    call = call_of(request)
    payment_id = path_id(request, "pay", "Payment")
    async with call.services.pool.acquire() as connection:
        found(await reads.order_of_payment(connection, call.caller.scope, payment_id), "Payment")
    return await _list(request, payment_id)


async def get_refund(request: web.Request) -> web.Response:
    """`GET /v1/refunds/{id}`: one refund."""
    return await _get(request, path_id(request, "rfnd", "Refund"), None)


async def get_refund_of_payment(request: web.Request) -> web.Response:
    """`GET /v1/payments/{id}/refunds/{refund_id}`: one refund, if it is of this payment."""
    refund_id = request.match_info["refund_id"]
    if not is_id(refund_id, "rfnd"):
        raise NotFound("Refund not found")
    return await _get(request, refund_id, path_id(request, "pay", "Payment"))


async def change_refund(request: web.Request) -> web.Response:
    """`PATCH /v1/refunds/{id}`: other notes."""
    call = call_of(request)
    refund_id = path_id(request, "rfnd", "Refund")
    async with call.services.pool.acquire() as connection:
        refund = await reads.find_refund(connection, call.caller.scope, refund_id)
    done = await change_notes(request, found(refund, "Refund").order_id, refund_id)
    return json_response(refund_entity(refund_object(found(done.refund, "Refund"))))


async def _refund(
    request: web.Request, payment_id: str, body: Body, fields: _RefundBody
) -> web.Response:
    wish = RefundPayment(
        refund_id=new_id("rfnd"),
        payment_id=payment_id,
        amount=fields.amount,
        receipt=fields.receipt,
        notes=notes_text(fields.notes),
    )
    key = _refund_key(request, body)
    command = await refund_command(call_of(request), wish, surface=REFUND_CREATED, key=key)
    return await command_answer(request, command)


def _refund_key(request: web.Request, body: Body) -> Key | None:
    """Razorpay's header for refunds, or the one that all calls take.

    Its form: https://razorpay.com/docs/api/refunds/create-instant#idempotency, April 2026.
    """
    values = request.headers.getall(REFUND_KEY, ())
    if not values:
        return merchant_key(request, body)
    if len(values) > 1 or "Idempotency-Key" in request.headers:
        raise InvalidRequest("There is more than one idempotency key", field=REFUND_KEY)
    if _KEY.fullmatch(values[0]) is None:
        raise InvalidRequest(
            f"{REFUND_KEY} must have at least 10 letters, digits, hyphens or underscores",
            field=REFUND_KEY,
        )
    services = call_of(request).services
    return make_key(request, services, merchant_scope(request), values[0], body)


async def _list(request: web.Request, payment_id: str | None) -> web.Response:
    call = call_of(request)
    page = page_of(request)
    async with call.services.pool.acquire() as connection:
        listed = await reads.list_refunds(
            connection, call.caller.scope, page, payment_id=payment_id
        )
    refunds = listed[0] if listed else []
    return collection_response([refund_entity(refund_object(refund)) for refund in refunds])


async def _get(request: web.Request, refund_id: str, payment_id: str | None) -> web.Response:
    call = call_of(request)
    async with call.services.pool.acquire() as connection:
        refund = found(await reads.find_refund(connection, call.caller.scope, refund_id), "Refund")
    if payment_id not in (None, refund.payment_id):
        raise NotFound("Refund not found")
    return json_response(refund_entity(refund_object(refund)))


ROUTES = (
    WireRoute("POST", "/v1/refunds", create_refund, "refunds:write"),
    WireRoute("GET", "/v1/refunds", list_refunds, "refunds:read"),
    WireRoute("GET", "/v1/refunds/{id}", get_refund, "refunds:read"),
    WireRoute("PATCH", "/v1/refunds/{id}", change_refund, "refunds:write"),
    WireRoute("POST", "/v1/payments/{id}/refund", refund_payment, "refunds:write"),
    WireRoute("GET", "/v1/payments/{id}/refunds", list_refunds_of_payment, "refunds:read"),
    WireRoute(
        "GET", "/v1/payments/{id}/refunds/{refund_id}", get_refund_of_payment, "refunds:read"
    ),
)
