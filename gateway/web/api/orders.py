"""Orders: made, read, listed, changed, cancelled."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from gateway.actors.messages import CancelOrder, ChangeNotes, ClaimRequest, Done, MakeOrder
from gateway.domain.decisions import CreateOrder
from gateway.domain.entities import OrderStatus
from gateway.domain.errors import InvalidRequest
from gateway.domain.ids import is_id, new_id
from gateway.domain.representation import order_object, payment_object
from gateway.storage import reads
from gateway.web.api.common import found, merchant_key, path_id
from gateway.web.bodies import read_body
from gateway.web.calls import Call, call_of
from gateway.web.commands import Command, command_response
from gateway.web.customer_changes import customer_of
from gateway.web.fields import notes_text
from gateway.web.idempotency import Key
from gateway.web.queries import choice, list_response, page_of, unknown_start
from gateway.web.responses import json_response
from gateway.web.schemas import EmptyBody, NotesBody, OrderBody
from gateway.web.surfaces import ORDER_CANCELLED, ORDER_CREATED, waiting_surface
from gateway.web.waiting import wait_of

__all__ = [
    "cancel_order",
    "change_order",
    "create_order",
    "get_order",
    "list_order_payments",
    "list_orders",
    "order_command",
]

_STATUSES = tuple(OrderStatus)


async def create_order(request: web.Request) -> web.Response:
    """`POST /orders`: a new order."""
    call = call_of(request)
    body = await read_body(request)
    fields = body.as_model(OrderBody)
    caller = call.caller
    wish = CreateOrder(
        order_id=new_id("order"),
        merchant_id=caller.merchant_id,
        mode=caller.mode,
        amount=fields.amount,
        currency=fields.currency,
        capture=fields.capture or caller.key.default_capture,
        receipt=fields.receipt,
        notes=notes_text(fields.notes),
        customer_id=fields.customer_id,
        expires_at=fields.expires_at,
        return_url=fields.return_url,
    )
    command = order_command(call, wish, surface=ORDER_CREATED, key=merchant_key(request, body))
    return await command_response(request.app, call.services, command)


def order_command(call: Call, wish: CreateOrder, *, surface: str, key: Key | None) -> Command:
    """The command that makes an order; refuses one that would have expired, or of a stranger."""

    async def message(claim: ClaimRequest | None) -> MakeOrder:
        if wish.expires_at is not None and wish.expires_at <= call.services.clock.now():
            raise InvalidRequest("expires_at must be in the future", field="expires_at")
        if wish.customer_id is not None:
            async with call.services.pool.acquire() as connection:
                await customer_of(
                    connection, call.caller.scope, wish.customer_id, field="customer_id"
                )
        return MakeOrder(command=wish, request=call.command_request(claim))

    return Command(order_id=wish.order_id, message=message, surface=surface, key=key)


async def get_order(request: web.Request) -> web.Response:
    """`GET /orders/{id}`: one order."""
    call = call_of(request)
    order_id = path_id(request, "order", "Order")
    async with call.services.pool.acquire() as connection:
        order = await reads.find_order(connection, call.caller.scope, order_id)
    return json_response(order_object(found(order, "Order")))


async def list_orders(request: web.Request) -> web.Response:
    """`GET /orders`: orders, newest first."""
    call = call_of(request)
    page = page_of(request, lambda text: is_id(text, "order"))
    status = choice(request, "status", _STATUSES)
    async with call.services.pool.acquire() as connection:
        listed = await reads.list_orders(connection, call.caller.scope, page, status=status)
    if listed is None:
        raise unknown_start()
    orders, listing = listed
    return list_response([order_object(order) for order in orders], listing, page)


async def change_order(request: web.Request) -> web.Response:
    """`PATCH /orders/{id}`: other notes."""
    call = call_of(request)
    order_id = path_id(request, "order", "Order")
    fields = (await read_body(request)).as_model(NotesBody)
    message = ChangeNotes(notes=notes_text(fields.notes), request=call.command_request())
    done: Done = await call.services.orders.ask(
        order_id, message, deadline_seconds=call.services.settings.ask_seconds
    )
    return json_response(order_object(done.order))


async def cancel_order(request: web.Request) -> web.Response:
    """`POST /orders/{id}/cancel`: no payment any more; an authorization is voided first."""
    call = call_of(request)
    order_id = path_id(request, "order", "Order")
    body = await read_body(request)
    body.as_model(EmptyBody)

    async def message(claim: ClaimRequest | None) -> Any:
        return CancelOrder(request=call.command_request(claim))

    command = Command(
        order_id=order_id,
        message=message,
        surface=waiting_surface(ORDER_CANCELLED, call.request_id),
        key=merchant_key(request, body),
        wait=wait_of(request, call.services),
    )
    return await command_response(request.app, call.services, command)


async def list_order_payments(request: web.Request) -> web.Response:
    """`GET /orders/{id}/payments`: the payments of one order, newest first."""
    call = call_of(request)
    order_id = path_id(request, "order", "Order")
    page = page_of(request, lambda text: is_id(text, "pay"))
    async with call.services.pool.acquire() as connection:
        found(await reads.find_order(connection, call.caller.scope, order_id), "Order")
        listed = await reads.list_payments(connection, call.caller.scope, page, order_id=order_id)
    if listed is None:
        raise unknown_start()
    payments, listing = listed
    return list_response([payment_object(payment) for payment in payments], listing, page)
