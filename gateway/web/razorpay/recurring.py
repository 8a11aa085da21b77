"""`POST /v1/payments/create/recurring`: a saved card is charged while the shopper is away."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
from aiohttp import web
from pydantic import BeforeValidator, Field

from gateway.domain.entities import Payment, PaymentStatus
from gateway.storage.reads_checkout import find_checkout_payment
from gateway.web.api.common import found
from gateway.web.calls import call_of
from gateway.web.checkout.live import result_of
from gateway.web.errors import OperationFailed
from gateway.web.fields import ShortText
from gateway.web.razorpay.bodies import read_wire_body, wire_model
from gateway.web.razorpay.fields import (
    Flag,
    WireLaterAmount,
    WireModel,
    WireNotes,
    WireText,
    as_text,
)
from gateway.web.razorpay.payment_creation import next_steps, pay
from gateway.web.razorpay.wire import WireRoute
from gateway.web.schemas import CustomerBody, PaymentBody
from gateway.web.waiting import decided_payment, wait_of

__all__ = ["ROUTES"]


class _RecurringBody(WireModel):
    """`POST /v1/payments/create/recurring`."""

    amount: WireLaterAmount
    currency: str
    order_id: ShortText
    token: ShortText
    customer_id: WireText = None
    email: WireText = None
    contact: Annotated[WireText, BeforeValidator(as_text)] = None
    recurring: Flag | WireText = None
    notes: WireNotes = Field(default_factory=dict)
    description: WireText = None


async def create_recurring_payment(request: web.Request) -> web.Response:
    """`POST /v1/payments/create/recurring`: charge it, and say what the bank decided."""
    body = await read_wire_body(request)
    fields = wire_model(body, _RecurringBody)
    wish = PaymentBody(
        order_id=fields.order_id,
        method="token",
        token_id=fields.token,
        customer=CustomerBody(email=fields.email, contact=fields.contact),
        notes=fields.notes,
    )
    response = await pay(request, body, wish, fields.amount, fields.currency)
    payment_id = orjson.loads(response.body)["razorpay_payment_id"]  # type: ignore[arg-type]
    response.body = orjson.dumps(await _decided(request, payment_id, fields.order_id))
    return response


async def _decided(request: web.Request, payment_id: str, order_id: str) -> dict[str, Any]:
    """The signed outcome; where there is none in time, where the shopper may go on.

    Raises OperationFailed for a payment that failed.
    """
    call = call_of(request)
    seconds = wait_of(request, call.services).seconds
    payment = await decided_payment(call.services, call.caller.scope, payment_id, seconds)
    if payment is not None and payment.status == PaymentStatus.FAILED:
        raise _failure(payment)
    if payment is None or payment.status != PaymentStatus.SUCCESS:
        return next_steps(request, payment_id, order_id)
    async with call.services.pool.acquire() as connection:
        signed = await result_of(
            connection,
            call.services,
            found(await find_checkout_payment(connection, payment_id), "Payment"),
            call.caller.key.id,
        )
    return {
        "razorpay_payment_id": payment_id,
        "razorpay_order_id": order_id,
        "razorpay_signature": signed["signature"],
    }


def _failure(payment: Payment) -> OperationFailed:
    return OperationFailed(
        payment.error_description or "Payment processing failed",
        status=402,
        reason=payment.error_reason or "payment_failed",
        metadata={"payment_id": payment.id, "order_id": payment.order_id},
    )


ROUTES = (
    WireRoute(
        "POST",
        "/v1/payments/create/recurring",
        create_recurring_payment,
        "payments:write",
        step="payment_authorization",
    ),
)
