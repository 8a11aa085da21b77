"""The synchronous operations: purchase, authorize, capture, refund and cancel, with the outcome.

They are the commands of the other calls and wait for what comes of them: 200 when it is done, 402
when it was declined, 202 when it goes on, 502 when it surely was not attempted, 504 when nobody
knows yet. A payment that wants the shopper goes on: 202 with `next_action`, at once.
"""

from __future__ import annotations

from aiohttp import web

from gateway.actors.messages import ClaimRequest, MakeAndPayOrder, MakeRefund, PayOrder
from gateway.domain.decisions import CreateOrder, RefundPayment
from gateway.domain.errors import InvalidRequest, NotFound
from gateway.domain.evolution import evolve
from gateway.domain.ids import is_id, new_id
from gateway.web.api.common import merchant_key
from gateway.web.api.payments import (
    accepted_payment,
    captured,
    forgetting_card,
    operation_response,
    voided,
)
from gateway.web.authentication import require_permission
from gateway.web.bodies import Body, read_body
from gateway.web.calls import Call, call_of
from gateway.web.commands import Command, command_response
from gateway.web.fields import notes_text
from gateway.web.surfaces import PAYMENT_MADE, REFUND_MADE, waiting_surface
from gateway.web.synchronous_schemas import (
    AuthorizeBody,
    CancelBody,
    CaptureBody,
    ImmediateRefundBody,
    MakingBody,
    PurchaseBody,
)
from gateway.web.waiting import wait_of

__all__ = ["authorize", "cancel", "capture", "purchase", "refund"]

_DEFAULT_CURRENCY = "INR"


async def purchase(request: web.Request) -> web.Response:
    """`POST /payments/purchase`: authorize and capture in one go; waits for the outcome."""
    body = await read_body(request)
    return await _pay(request, body, body.as_model(PurchaseBody), capture="automatic")


async def authorize(request: web.Request) -> web.Response:
    """`POST /payments/authorize`: reserve the amount; waits for the outcome."""
    body = await read_body(request)
    return await _pay(request, body, body.as_model(AuthorizeBody), capture="manual")


async def capture(request: web.Request) -> web.Response:
    """`POST /payments/capture`: take what was authorized; waits for the outcome."""
    body = await read_body(request)
    fields = body.as_model(CaptureBody)
    key = merchant_key(request, body, fields.idempotency_key)
    return await captured(request, fields.payment_id, fields.amount, key)


async def refund(request: web.Request) -> web.Response:
    """`POST /payments/refund`: give back all or a part; waits for the outcome."""
    call, body = call_of(request), await read_body(request)
    fields = body.as_model(ImmediateRefundBody)
    wish = RefundPayment(
        refund_id=new_id("rfnd"),
        payment_id=fields.payment_id,
        amount=fields.amount,
        reason=fields.reason,
        receipt=fields.receipt,
        notes=notes_text(fields.notes),
    )

    async def message(claim: ClaimRequest | None) -> MakeRefund:
        return MakeRefund(command=wish, request=call.command_request(claim), waits=True)

    key = merchant_key(request, body, fields.idempotency_key)
    return await operation_response(request, fields.payment_id, message, REFUND_MADE, key)


async def cancel(request: web.Request) -> web.Response:
    """`POST /payments/cancel`: void an uncaptured authorization; waits for the outcome."""
    body = await read_body(request)
    fields = body.as_model(CancelBody)
    key = merchant_key(request, body, fields.idempotency_key)
    return await voided(request, fields.payment_id, key)


async def _pay(
    request: web.Request, body: Body, fields: MakingBody, *, capture: str
) -> web.Response:
    """Make the payment, with its order where the body names none."""
    call = call_of(request)
    services, payment_id = call.services, new_id("pay")
    _check_order(fields)
    if fields.order_id is None:
        # The key decides about the amount, not only about paying what somebody else asked for.
        require_permission(call.caller, "orders:write")
    order_id = fields.order_id or new_id("order")

    async def message(claim: ClaimRequest | None) -> PayOrder | MakeAndPayOrder:
        sent = call.command_request(claim)
        payment = await accepted_payment(
            services,
            fields,
            payment_id=payment_id,
            order_id=order_id,
            enabled_methods=call.caller.key.enabled_methods,
            rules=call.caller.key.routing_rules,
            request=sent,
        )
        payment = evolve(payment, capture=capture, amount=fields.amount, currency=fields.currency)
        if fields.order_id is not None:
            return PayOrder(command=payment, request=sent, waits=True)
        order = _new_order(call, fields, order_id, capture)
        return MakeAndPayOrder(order=order, payment=payment, request=sent)

    command = Command(
        order_id=order_id,
        message=message,
        surface=waiting_surface(PAYMENT_MADE, call.request_id),
        key=merchant_key(request, body, fields.idempotency_key),
        wait=wait_of(request, services),
        refused=forgetting_card(services, fields, payment_id),
    )
    return await command_response(request.app, services, command)


def _check_order(fields: MakingBody) -> None:
    """Raise unless the body says which order is paid, or what a new one is about."""
    if fields.order_id is None:
        if fields.amount is None:
            raise InvalidRequest("amount is required", field="amount")
        return
    if not is_id(fields.order_id, "order"):
        raise NotFound("Order not found", field="order_id")
    for name in ("receipt", "return_url"):
        if getattr(fields, name) is not None:
            raise InvalidRequest(f"{name} is for a new order alone", field=name)


def _new_order(call: Call, fields: MakingBody, order_id: str, capture: str) -> CreateOrder:
    if fields.amount is None:
        raise AssertionError("checked before")
    return CreateOrder(
        order_id=order_id,
        merchant_id=call.caller.merchant_id,
        mode=call.caller.mode,
        amount=fields.amount,
        currency=fields.currency or _DEFAULT_CURRENCY,
        capture=capture,
        receipt=fields.receipt,
        notes=notes_text(fields.notes),
        customer_id=fields.customer_id,
        return_url=fields.return_url,
    )
