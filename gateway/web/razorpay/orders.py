"""`/v1/orders`: made, listed, read, noted, and the payments of one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from aiohttp import web
from pydantic import Field

from gateway.domain.decisions import CreateOrder
from gateway.domain.entities import Order
from gateway.domain.errors import InvalidRequest
from gateway.domain.ids import new_id
from gateway.domain.representation import order_object, payment_object
from gateway.storage import reads
from gateway.storage.journal import Connection
from gateway.web.api.common import found, merchant_key, path_id
from gateway.web.api.orders import order_command
from gateway.web.calls import call_of
from gateway.web.fields import Currency, notes_text
from gateway.web.razorpay.answers import (
    ORDER_CREATED,
    collection,
    collection_response,
    command_answer,
)
from gateway.web.razorpay.bodies import read_wire_body, wire_model
from gateway.web.razorpay.fields import (
    Flag,
    Receipt,
    WireAmount,
    WireInteger,
    WireModel,
    WireNotes,
    WireText,
)
from gateway.web.razorpay.noting import change_notes
from gateway.web.razorpay.queries import expanded, flag, page_of
from gateway.web.razorpay.wire import WireRoute
from gateway.web.razorpay_entities import order_entity, payment_entity
from gateway.web.responses import json_response
from gateway.web.schemas import CustomerId

__all__ = ["ROUTES"]

_EXPANDABLE = ("payments", "payments.card", "transfers", "virtual_account")
_PAYMENTS_MAX = 1_000  # shown with the orders of one page


class _CaptureOptions(WireModel):
    """Taken because merchants send them; the gateway's own time limit for captures holds."""

    automatic_expiry_period: WireInteger | None = None
    manual_expiry_period: WireInteger | None = None
    refund_speed: Literal["normal", "optimum"] | None = None


class _CaptureSettings(WireModel):
    """`payment` of an order."""

    capture: Literal["automatic", "manual"] | None = None
    capture_options: _CaptureOptions | None = None


class _OrderBody(WireModel):
    """`POST /v1/orders`."""

    currency: Currency = "INR"
    amount: WireAmount
    receipt: Receipt = None
    notes: WireNotes = Field(default_factory=dict)
    customer_id: CustomerId | None = None
    payment_capture: Flag | None = None
    payment: _CaptureSettings | None = None
    partial_payment: Flag = False
    first_payment_min_amount: WireInteger | None = None
    method: WireText = None


async def create_order(request: web.Request) -> web.Response:
    """`POST /v1/orders`: a new order."""
    call = call_of(request)
    body = await read_wire_body(request)
    fields = wire_model(body, _OrderBody)
    if fields.partial_payment:
        raise InvalidRequest(
            "partial_payment is not supported: an order takes one successful payment",
            field="partial_payment",
        )
    caller = call.caller
    wish = CreateOrder(
        order_id=new_id("order"),
        merchant_id=caller.merchant_id,
        mode=caller.mode,
        amount=fields.amount,
        currency=fields.currency,
        capture=_capture(fields) or caller.key.default_capture,
        receipt=fields.receipt,
        notes=notes_text(fields.notes),
        customer_id=fields.customer_id,
    )
    key = merchant_key(request, body)
    return await command_answer(request, order_command(call, wish, surface=ORDER_CREATED, key=key))


async def list_orders(request: web.Request) -> web.Response:
    """`GET /v1/orders`: orders, newest first."""
    call = call_of(request)
    page, shown = page_of(request), expanded(request, _EXPANDABLE)
    receipt, authorized = request.query.get("receipt"), flag(request, "authorized")
    async with call.services.pool.acquire() as connection:
        listed = await reads.list_orders(
            connection, call.caller.scope, page, receipt=receipt, authorized=authorized
        )
        orders = listed[0] if listed else []
        return collection_response(await _entities(connection, request, orders, shown))


async def get_order(request: web.Request) -> web.Response:
    """`GET /v1/orders/{id}`: one order."""
    call = call_of(request)
    order_id, shown = path_id(request, "order", "Order"), expanded(request, _EXPANDABLE)
    async with call.services.pool.acquire() as connection:
        order = found(await reads.find_order(connection, call.caller.scope, order_id), "Order")
        return json_response((await _entities(connection, request, [order], shown))[0])


async def change_order(request: web.Request) -> web.Response:
    """`PATCH /v1/orders/{id}`: other notes."""
    done = await change_notes(request, path_id(request, "order", "Order"))
    return json_response(order_entity(order_object(done.order)))


async def list_order_payments(request: web.Request) -> web.Response:
    """`GET /v1/orders/{id}/payments`: all payments of an order, newest first."""
    call = call_of(request)
    scope = call.caller.scope
    order_id = path_id(request, "order", "Order")
    async with call.services.pool.acquire() as connection:
        found(await reads.find_order(connection, scope, order_id), "Order")
        payments = await reads.payments_of_orders(
            connection, scope, [order_id], payments_max=_PAYMENTS_MAX
        )
    return collection_response([payment_entity(payment_object(p)) for p in payments[order_id]])


def _capture(fields: _OrderBody) -> str | None:
    """The newer field goes before the older one; None is the merchant's setting."""
    if fields.payment is not None and fields.payment.capture is not None:
        return fields.payment.capture
    if fields.payment_capture is None:
        return None
    return "automatic" if fields.payment_capture else "manual"


async def _entities(
    connection: Connection, request: web.Request, orders: Sequence[Order], shown: frozenset[str]
) -> list[dict[str, Any]]:
    """The orders with what the query wants to see of them. Transfers are none of the gateway's."""
    entities = [order_entity(order_object(order)) for order in orders]
    if "transfers" in shown:
        for entity in entities:
            entity["transfers"] = collection([])
    if "virtual_account" in shown:
        for entity in entities:
            entity["virtual_account"] = None
    if shown & {"payments", "payments.card"}:
        payments = await reads.payments_of_orders(
            connection,
            call_of(request).caller.scope,
            [order.id for order in orders],
            payments_max=_PAYMENTS_MAX,
        )
        for entity in entities:
            found_here = payments[entity["id"]]
            entity["payments"] = collection([payment_entity(payment_object(p)) for p in found_here])
    return entities


ROUTES = (
    WireRoute("POST", "/v1/orders", create_order, "orders:write"),
    WireRoute("GET", "/v1/orders", list_orders, "orders:read"),
    WireRoute("GET", "/v1/orders/{id}", get_order, "orders:read"),
    WireRoute("PATCH", "/v1/orders/{id}", change_order, "orders:write"),
    WireRoute("GET", "/v1/orders/{id}/payments", list_order_payments, "payments:read"),
)
