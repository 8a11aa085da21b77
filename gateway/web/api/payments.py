"""Payments: made, read, listed, captured, cancelled."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from gateway.actors.messages import CapturePayment, ClaimRequest, PayOrder, Request, VoidPayment
from gateway.domain.decisions import CreatePayment
from gateway.domain.entities import PaymentStatus
from gateway.domain.errors import NotFound
from gateway.domain.evolution import evolve
from gateway.domain.ids import is_id, new_id
from gateway.domain.instruments import CardData, Nonce, card_to_bytes
from gateway.domain.representation import payment_object
from gateway.domain.routing import Rule
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
from gateway.web.schemas import (
    AmountBody,
    EmptyBody,
    MeansBody,
    MerchantsPart,
    PaymentBody,
    PublicPaymentBody,
)
from gateway.web.services import Services
from gateway.web.surfaces import (
    PAYMENT_CANCELLED,
    PAYMENT_CAPTURED,
    PAYMENT_CREATED,
    waiting_surface,
)
from gateway.web.waiting import wait_of

__all__ = [
    "accepted_payment",
    "cancel_payment",
    "capture_payment",
    "captured",
    "create_payment",
    "forgetting_card",
    "get_payment",
    "list_payments",
    "operation_response",
    "payment_command",
    "voided",
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
        rules=call.caller.key.routing_rules,
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
    rules: tuple[Rule, ...],
    request: Request,
    surface: str,
    key: Key | None,
    address: str | None = None,
    is_vouched: bool = True,
) -> Command:
    """Pay an order. `address` is the shopper's, who asks.

    `rules` are the merchant's routing rules that are active. `is_vouched`: the merchant says that
    the order's customer is who pays.
    """
    if not is_id(fields.order_id, "order"):
        raise NotFound("Order not found", field="order_id")
    payment_id = new_id("pay")

    async def message(claim: ClaimRequest | None) -> PayOrder:
        payment = await accepted_payment(
            services,
            fields,
            payment_id=payment_id,
            order_id=fields.order_id,
            enabled_methods=enabled_methods,
            rules=rules,
            request=request,
            address=address,
            is_vouched=is_vouched,
        )
        return PayOrder(command=payment, request=evolve(request, claim=claim))

    return Command(
        order_id=fields.order_id,
        message=message,
        surface=surface,
        key=key,
        refused=forgetting_card(services, fields, payment_id),
    )


async def accepted_payment(
    services: Services,
    fields: MeansBody,
    *,
    payment_id: str,
    order_id: str,
    enabled_methods: frozenset[str],
    rules: tuple[Rule, ...],
    request: Request,
    address: str | None = None,
    is_vouched: bool = True,
) -> CreatePayment:
    """What the order is asked. Card data is sealed first (P8), and no more of it than the last
    four digits is in what is answered.

    Raises LimitReached after too many declines, and what is wrong with the fields.
    """
    saved = await saved_of(services, request, fields, is_vouched=is_vouched)
    command, card = _accepted(
        services, fields, saved, rules=rules, enabled=enabled_methods, id_=payment_id
    )
    tried = fields.token_id
    if card is not None:
        tried = card.number if isinstance(card, CardData) else card.value
    if tried is not None:
        attempt = CardAttempt(payment_id, order_id, tried, address)
        await services.card_guard.admit(attempt, request)
    if card is not None:
        await services.sealed.put(payment_id, card_to_bytes(card))
    return command


def forgetting_card(
    services: Services, fields: MeansBody, payment_id: str
) -> Callable[[], Awaitable[None]] | None:
    """What undoes the sealing of a card whose payment was refused."""
    if fields.method != "card":
        return None

    async def forget() -> None:
        await services.sealed.delete_many([payment_id])

    return forget


def _accepted(
    services: Services,
    fields: MeansBody,
    saved: Saved,
    *,
    rules: tuple[Rule, ...],
    enabled: frozenset[str],
    id_: str,
) -> tuple[CreatePayment, CardData | Nonce | None]:
    """The command, and the card data that it must not have."""
    if saved.token is None:
        instrument, card = instrument_of(fields, enabled, services.clock.now())
    else:
        instrument, card = token_instrument(saved.token, enabled), None
    own = fields if isinstance(fields, MerchantsPart) else None
    command = CreatePayment(
        payment_id=id_,
        instrument=instrument,
        rules=rules,
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
    payment_id = path_id(request, "pay", "Payment")
    body = await read_body(request)
    fields = body.as_model(AmountBody)
    return await captured(request, payment_id, fields.amount, merchant_key(request, body))


async def cancel_payment(request: web.Request) -> web.Response:
    """`POST /payments/{id}/cancel`: void an uncaptured authorization; waits for the processor."""
    payment_id = path_id(request, "pay", "Payment")
    body = await read_body(request)
    body.as_model(EmptyBody)
    return await voided(request, payment_id, merchant_key(request, body))


async def captured(
    request: web.Request, payment_id: str, amount: int | None, key: Key | None
) -> web.Response:
    """The answer to a capture of `amount` (minor units; None for all that is left)."""
    call = call_of(request)

    async def message(claim: ClaimRequest | None) -> CapturePayment:
        return CapturePayment(
            payment_id=payment_id, amount=amount, request=call.command_request(claim)
        )

    return await operation_response(request, payment_id, message, PAYMENT_CAPTURED, key)


async def voided(request: web.Request, payment_id: str, key: Key | None) -> web.Response:
    """The answer to a void."""
    call = call_of(request)

    async def message(claim: ClaimRequest | None) -> VoidPayment:
        return VoidPayment(payment_id=payment_id, request=call.command_request(claim))

    return await operation_response(request, payment_id, message, PAYMENT_CANCELLED, key)


async def operation_response(
    request: web.Request,
    payment_id: str,
    message: Callable[[ClaimRequest | None], Awaitable[Any]],
    surface: str,
    key: Key | None,
) -> web.Response:
    """The answer to a message about a payment, with the outcome of what that begins.

    Raises NotFound for a payment that is not the caller's.
    """
    call = call_of(request)
    async with call.services.pool.acquire() as connection:
        order_id = await reads.order_of_payment(connection, call.caller.scope, payment_id)
    command = Command(
        order_id=found(order_id, "Payment"),
        message=message,
        surface=waiting_surface(surface, call.request_id),
        key=key,
        wait=wait_of(request, call.services),
    )
    return await command_response(request.app, call.services, command)
