"""Payments: made, read, listed, captured, cancelled."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from gateway.actors.messages import CapturePayment, ClaimRequest, PayOrder, Request, VoidPayment
from gateway.domain.decisions import CreatePayment
from gateway.domain.entities import PaymentStatus
from gateway.domain.errors import NotFound
from gateway.domain.ids import is_id, new_id
from gateway.domain.instruments import CardData, card_to_bytes
from gateway.domain.representation import payment_object
from gateway.storage import reads
from gateway.web.api.common import found, merchant_key, path_id
from gateway.web.bodies import read_body
from gateway.web.calls import call_of
from gateway.web.card_guard import CardAttempt
from gateway.web.commands import Command, command_response
from gateway.web.fields import notes_text
from gateway.web.idempotency import Key
from gateway.web.instruments import instrument_of, payer_of
from gateway.web.queries import choice, identifier, list_response, page_of, unknown_start
from gateway.web.responses import json_response
from gateway.web.saved import Saved, saved_of, token_instrument
from gateway.web.schemas import AmountBody, EmptyBody, PaymentBody, PublicPaymentBody
from gateway.web.services import Services
from gateway.web.surfaces import (
    PAYMENT_CANCELLED,
    PAYMENT_CAPTURED,
    PAYMENT_CREATED,
    waiting_surface,
)
from gateway.web.waiting import wait_seconds

__all__ = [
    "cancel_payment",
    "capture_payment",
    "create_payment",
    "get_payment",
    "list_payments",
    "payment_command",
]

_STATUSES = tuple(PaymentStatus)


async def create_payment(request: web.Request) -> web.Response:
    """`POST /payments`: pay an order; accepted at once, carried out afterwards."""
    call = call_of(request)
    body = await read_body(request)
    fields = body.as_model(PaymentBody)
    command = payment_command(
        call.services,
        fields,
        enabled_methods=call.caller.key.enabled_methods,
        request=call.command_request(),
        surface=PAYMENT_CREATED,
        key=merchant_key(request, body),
    )
    return await command_response(request.app, call.services, command)


def payment_command(
    services: Services,
    fields: PublicPaymentBody,
    *,
    enabled_methods: frozenset[str],
    request: Request,
    surface: str,
    key: Key | None,
    address: str | None = None,
    is_vouched: bool = True,
) -> Command:
    """Pay an order; card data is sealed first (P8). `address` is the shopper's, who asks.

    `is_vouched`: the merchant says that the order's customer is who pays.
    """
    if not is_id(fields.order_id, "order"):
        raise NotFound("Order not found", field="order_id")
    payment_id = new_id("pay")

    async def message(claim: ClaimRequest | None) -> PayOrder:
        saved = await saved_of(services, request, fields, is_vouched=is_vouched)
        command, card = _accepted(
            services, fields, saved, mode=request.mode, enabled=enabled_methods, id_=payment_id
        )
        if card is not None:
            attempt = CardAttempt(payment_id, fields.order_id, card.number, address)
            await services.card_guard.admit(attempt, request)
            await services.sealed.put(payment_id, card_to_bytes(card))
        sent = Request(
            merchant_id=request.merchant_id,
            mode=request.mode,
            request_id=request.request_id,
            claim=claim,
        )
        return PayOrder(command=command, request=sent)

    async def refused() -> None:
        await services.sealed.delete_many([payment_id])

    return Command(
        order_id=fields.order_id,
        message=message,
        surface=surface,
        key=key,
        refused=refused if fields.method == "card" else None,
    )


def _accepted(
    services: Services,
    fields: PublicPaymentBody,
    saved: Saved,
    *,
    mode: str,
    enabled: frozenset[str],
    id_: str,
) -> tuple[CreatePayment, CardData | None]:
    """What the order is asked, and the card data that it must not see."""
    if saved.token is None:
        instrument, card = instrument_of(fields, enabled, services.clock.now())
        processor = services.choose_processor(mode)
    else:
        instrument, card = token_instrument(saved.token, enabled), None
        processor = saved.token.processor
    own = fields if isinstance(fields, PaymentBody) else None
    command = CreatePayment(
        payment_id=id_,
        instrument=instrument,
        processor=processor,
        payer=payer_of(fields.customer),
        customer_id=saved.customer_id,
        token=saved.token,
        save=saved.save,
        notes=notes_text(own.notes) if own else "{}",
        capture=own.capture if own else None,
    )
    return command, card


async def get_payment(request: web.Request) -> web.Response:
    """`GET /payments/{id}`: one payment."""
    call = call_of(request)
    payment_id = path_id(request, "pay", "Payment")
    async with call.services.pool.acquire() as connection:
        payment = await reads.find_payment(connection, call.caller.scope, payment_id)
    return json_response(payment_object(found(payment, "Payment")))


async def list_payments(request: web.Request) -> web.Response:
    """`GET /payments`: payments, newest first."""
    call = call_of(request)
    page = page_of(request, lambda text: is_id(text, "pay"))
    status = choice(request, "status", _STATUSES)
    order_id = identifier(request, "order_id", "order")
    async with call.services.pool.acquire() as connection:
        listed = await reads.list_payments(
            connection, call.caller.scope, page, status=status, order_id=order_id
        )
    if listed is None:
        raise unknown_start()
    payments, listing = listed
    return list_response([payment_object(payment) for payment in payments], listing, page)


async def capture_payment(request: web.Request) -> web.Response:
    """`POST /payments/{id}/capture`: take what was authorized; waits for the processor."""
    call = call_of(request)
    payment_id = path_id(request, "pay", "Payment")
    body = await read_body(request)
    fields = body.as_model(AmountBody)

    async def message(claim: ClaimRequest | None) -> CapturePayment:
        return CapturePayment(
            payment_id=payment_id, amount=fields.amount, request=call.command_request(claim)
        )

    key = merchant_key(request, body)
    return await _operation_response(request, payment_id, message, PAYMENT_CAPTURED, key)


async def cancel_payment(request: web.Request) -> web.Response:
    """`POST /payments/{id}/cancel`: void an uncaptured authorization; waits for the processor."""
    call = call_of(request)
    payment_id = path_id(request, "pay", "Payment")
    body = await read_body(request)
    body.as_model(EmptyBody)

    async def message(claim: ClaimRequest | None) -> VoidPayment:
        return VoidPayment(payment_id=payment_id, request=call.command_request(claim))

    key = merchant_key(request, body)
    return await _operation_response(request, payment_id, message, PAYMENT_CANCELLED, key)


async def _operation_response(
    request: web.Request, payment_id: str, message: Any, surface: str, key: Key | None
) -> web.Response:
    call = call_of(request)
    async with call.services.pool.acquire() as connection:
        order_id = await reads.order_of_payment(connection, call.caller.scope, payment_id)
    command = Command(
        order_id=found(order_id, "Payment"),
        message=message,
        surface=waiting_surface(surface, call.request_id),
        key=key,
        wait_seconds=wait_seconds(request, call.services),
    )
    return await command_response(request.app, call.services, command)
