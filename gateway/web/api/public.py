"""What the checkout may see and do, without credentials: of one order, by its unguessable id."""

from __future__ import annotations

from aiohttp import web

from gateway.actors.messages import Request
from gateway.domain.errors import NotFound
from gateway.domain.ids import is_id
from gateway.storage import reads
from gateway.web.api.common import found, path_id
from gateway.web.api.payments import payment_command
from gateway.web.bodies import read_body
from gateway.web.calls import call_of
from gateway.web.client_addresses import client_address
from gateway.web.commands import command_response
from gateway.web.idempotency import key_of
from gateway.web.responses import json_response
from gateway.web.schemas import CheckoutPaymentBody
from gateway.web.surfaces import (
    PUBLIC_PAYMENT_CREATED,
    public_order_object,
    public_payment_object,
)
from gateway.web.vouching import is_vouched_for

__all__ = ["create_public_payment", "get_public_order", "get_public_payment"]


async def get_public_order(request: web.Request) -> web.Response:
    """`GET /orders/{id}/public`: an order as its shopper may see it."""
    order_id = path_id(request, "order", "Order")
    async with call_of(request).services.pool.acquire() as connection:
        public = found(await reads.find_public_order(connection, order_id), "Order")
    methods = sorted(public.enabled_methods)
    return json_response(public_order_object(public.order, public.merchant_name, methods))


async def create_public_payment(request: web.Request) -> web.Response:
    """`POST /payments/public`: a shopper pays the order."""
    call = call_of(request)
    body = await read_body(request)
    fields = body.as_model(CheckoutPaymentBody)
    if not is_id(fields.order_id, "order"):
        raise NotFound("Order not found", field="order_id")
    async with call.services.pool.acquire() as connection:
        public = found(await reads.find_public_order(connection, fields.order_id), "Order")
        order = public.order
        is_vouched = await is_vouched_for(
            connection, call.services, order, fields.customer_signature
        )
    command = payment_command(
        call.services,
        fields,
        enabled_methods=public.enabled_methods,
        rules=public.routing_rules,
        request=Request(merchant_id=order.merchant_id, mode=order.mode, request_id=call.request_id),
        surface=PUBLIC_PAYMENT_CREATED,
        key=key_of(request, call.services, order.id, body),
        address=client_address(request, call.services.settings.trusted_proxies),
        is_vouched=is_vouched,
    )
    return await command_response(request.app, call.services, command)


async def get_public_payment(request: web.Request) -> web.Response:
    """`GET /payments/{id}/public`: a payment as its shopper may see it."""
    payment_id = path_id(request, "pay", "Payment")
    async with call_of(request).services.pool.acquire() as connection:
        payment = await reads.find_public_payment(connection, payment_id)
    return json_response(public_payment_object(found(payment, "Payment")))
