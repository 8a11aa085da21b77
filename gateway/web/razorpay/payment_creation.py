"""Payments that a merchant's server makes: `/v1/payments/create/…`, VPAs, one-time passwords.

The answer leads to the hosted checkout's page of the payment, which asks for what the bank wants of
the shopper, waits, and goes back to the shop. A one-time password is typed in at the bank's own
page, so none is sent or taken here.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import urlencode

import orjson
from aiohttp import web
from pydantic import BeforeValidator, Field

from gateway.domain.entities import PaymentStatus
from gateway.domain.errors import InvalidRequest, InvalidState, NotFound
from gateway.domain.instruments import check_vpa
from gateway.storage import reads
from gateway.web.api.common import found, merchant_key, path_id
from gateway.web.api.payments import payment_command
from gateway.web.bodies import Body
from gateway.web.calls import call_of
from gateway.web.card_schemas import MerchantsCardBody
from gateway.web.fields import Method, ShortText, Text
from gateway.web.razorpay.answers import PAYMENT_ACCEPTED, command_answer
from gateway.web.razorpay.bodies import read_wire_body, wire_fields, wire_model
from gateway.web.razorpay.fields import (
    Flag,
    WireInteger,
    WireLaterAmount,
    WireModel,
    WireNotes,
    WireText,
    as_text,
)
from gateway.web.razorpay.wire import WireRoute
from gateway.web.responses import json_response
from gateway.web.schemas import CustomerBody, CustomerId, PaymentBody

__all__ = ["ROUTES", "next_steps", "pay"]

_OTHER_AMOUNT = (
    "Your payment amount is different from your order amount. To pay successfully, please try using"
    " right amount."
)


Digits = Annotated[str, BeforeValidator(as_text), Field(max_length=255)]


class _Card(WireModel):
    """`card` of a payment; beside a `token` there is at most a `cvv`, which is not needed."""

    number: Digits | None = Field(default=None, repr=False)
    name: Text | None = Field(default=None, repr=False)
    expiry_month: WireInteger | None = Field(default=None, repr=False)
    expiry_year: WireInteger | None = Field(default=None, repr=False)
    cvv: Digits | None = Field(default=None, repr=False)


class _Upi(WireModel):
    """`upi` of a payment: the gateway asks the shopper's app for it (collect)."""

    flow: Literal["collect", "intent"] = "collect"
    vpa: Annotated[str, Field(max_length=256)] | None = None
    expiry_time: WireInteger | None = None


class _PaymentBody(WireModel):
    """`POST /v1/payments/create/json` and `upi`. What describes the shopper's browser is taken and
    not needed: the bank's page asks the browser itself.
    """

    amount: WireLaterAmount
    currency: str
    order_id: ShortText
    method: Method
    email: WireText = None
    contact: Annotated[WireText, BeforeValidator(as_text)] = None
    card: _Card | None = Field(default=None, repr=False)
    upi: _Upi | None = None
    vpa: Annotated[str, Field(max_length=256)] | None = None
    bank: ShortText | None = None
    wallet: ShortText | None = None
    notes: WireNotes = Field(default_factory=dict)
    description: WireText = None
    customer_id: CustomerId | None = None
    save: Flag = False
    token: ShortText | None = None
    ip: Any = None
    referer: Any = None
    user_agent: Any = None
    browser: Any = None
    authentication: Any = None


class _VpaBody(WireModel):
    """`POST /v1/payments/validate/vpa`."""

    vpa: str


async def create_payment(request: web.Request) -> web.Response:
    """`POST /v1/payments/create/json`: pay an order; the shopper goes on at the address given."""
    body = await read_wire_body(request)
    fields = wire_model(body, _PaymentBody)
    response = await pay(request, body, _as_own(fields), fields.amount, fields.currency)
    # The kept answer names the payment; the address is that of whoever asks now.
    payment_id = orjson.loads(response.body)["razorpay_payment_id"]  # type: ignore[arg-type]
    response.body = orjson.dumps(next_steps(request, payment_id, fields.order_id))
    return response


async def create_upi_payment(request: web.Request) -> web.Response:
    """`POST /v1/payments/create/upi`: ask the shopper's app for it."""
    body = await read_wire_body(request)
    fields = wire_model(Body({"method": "upi", **body.members}, body.limits), _PaymentBody)
    if fields.method != "upi":
        raise InvalidRequest("method must be upi", field="method")
    return await pay(request, body, _as_own(fields), fields.amount, fields.currency)


async def validate_vpa(request: web.Request) -> web.Response:
    """`POST /v1/payments/validate/vpa`: whether it has the form of one. Raises InvalidVpa."""
    vpa = check_vpa((await wire_fields(request, _VpaBody)).vpa)
    return json_response({"vpa": vpa, "success": True, "customer_name": None})


async def generate_otp(request: web.Request) -> web.Response:
    """`POST /v1/payments/{id}/otp_generate`, `/otp/resend`: where the shopper confirms it."""
    call = call_of(request)
    payment_id = path_id(request, "pay", "Payment")
    async with call.services.pool.acquire() as connection:
        payment = found(
            await reads.find_payment(connection, call.caller.scope, payment_id), "Payment"
        )
    if payment.status != PaymentStatus.REQUIRES_ACTION:
        raise InvalidState("The payment waits for nothing of the shopper")
    return json_response(next_steps(request, payment_id, payment.order_id))


async def submit_otp(request: web.Request) -> web.Response:
    """`POST /v1/payments/{id}/otp/submit`: refused, whatever the password is."""
    call = call_of(request)
    payment_id = path_id(request, "pay", "Payment")
    async with call.services.pool.acquire() as connection:
        found(await reads.order_of_payment(connection, call.caller.scope, payment_id), "Payment")
    raise InvalidRequest("One-time passwords are entered at the bank's page", field="otp")


async def pay(
    request: web.Request, body: Body, wish: PaymentBody, amount: int, currency: str
) -> web.Response:
    """The answer to a payment of `amount` (minor units), which must be the order's.

    Raises NotFound, InvalidRequest, and what the order actor refuses with.
    """
    call = call_of(request)
    async with call.services.pool.acquire() as connection:
        order = await reads.find_order(connection, call.caller.scope, wish.order_id)
    if order is None:
        raise NotFound("Order not found", field="order_id")
    if (amount, currency) != (order.amount, order.currency):
        raise InvalidRequest(_OTHER_AMOUNT, field="amount")
    command = payment_command(
        call.services,
        wish,
        enabled_methods=call.caller.key.enabled_methods,
        rules=call.caller.key.routing_rules,
        request=call.command_request(),
        surface=PAYMENT_ACCEPTED,
        key=merchant_key(request, body),
    )
    return await command_answer(request, command)


def _as_own(fields: _PaymentBody) -> PaymentBody:
    """The same wish in the merchant API's fields."""
    upi = fields.upi or _Upi()
    if fields.method == "upi" and upi.flow != "collect":
        raise InvalidRequest("upi.flow must be collect", field="upi.flow")
    if fields.token is not None and fields.method != "card":
        raise InvalidRequest("token is for method card", field="token")
    return PaymentBody(
        order_id=fields.order_id,
        method=fields.method if fields.token is None else "token",
        token_id=fields.token,
        customer_id=fields.customer_id,
        save=fields.save,
        vpa=fields.vpa or upi.vpa,
        card=None if fields.card is None else _card(fields.card),
        bank=fields.bank,
        wallet=fields.wallet,
        customer=CustomerBody(email=fields.email, contact=fields.contact),
        notes=fields.notes,
    )


def _card(card: _Card) -> MerchantsCardBody:
    return MerchantsCardBody(
        number=card.number,
        expiry_month=card.expiry_month,
        expiry_year=card.expiry_year,
        cvv=card.cvv,
        holder_name=card.name,
    )


def next_steps(request: web.Request, payment_id: str, order_id: str) -> dict[str, Any]:
    """The answer that leads the shopper to the page of the payment."""
    public_url: str | None = call_of(request).services.settings.public_url
    query = urlencode({"order_id": order_id, "payment_id": payment_id})
    url = f"{public_url or f'{request.scheme}://{request.host}'}/checkout?{query}"
    return {"razorpay_payment_id": payment_id, "next": [{"action": "redirect", "url": url}]}


ROUTES = (
    WireRoute("POST", "/v1/payments/create/json", create_payment, "payments:write"),
    WireRoute("POST", "/v1/payments/create/upi", create_upi_payment, "payments:write"),
    WireRoute("POST", "/v1/payments/validate/vpa", validate_vpa, "payments:read"),
    WireRoute(
        "POST",
        "/v1/payments/{id}/otp_generate",
        generate_otp,
        "payments:write",
        step="payment_authentication",
    ),
    WireRoute(
        "POST",
        "/v1/payments/{id}/otp/resend",
        generate_otp,
        "payments:write",
        step="payment_authentication",
    ),
    WireRoute(
        "POST",
        "/v1/payments/{id}/otp/submit",
        submit_otp,
        "payments:write",
        step="payment_authentication",
    ),
)
