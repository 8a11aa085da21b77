"""`/v1/payments`: listed, read, noted, captured, and the card of one."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from gateway.actors.messages import CapturePayment, ClaimRequest
from gateway.domain.entities import Payment
from gateway.domain.errors import InvalidRequest, NotFound
from gateway.domain.representation import payment_object
from gateway.storage import reads
from gateway.web.api.common import found, merchant_key, path_id
from gateway.web.bodies import Body
from gateway.web.calls import call_of
from gateway.web.commands import Command
from gateway.web.razorpay.answers import (
    PAYMENT_CAPTURED,
    collection,
    collection_response,
    command_answer,
)
from gateway.web.razorpay.bodies import read_wire_body, wire_model
from gateway.web.razorpay.fields import Flag, WireLaterAmount, WireModel
from gateway.web.razorpay.noting import change_notes
from gateway.web.razorpay.queries import expanded, page_of
from gateway.web.razorpay.wire import WireRoute
from gateway.web.razorpay_entities import payment_entity
from gateway.web.responses import json_response
from gateway.web.surfaces import waiting_surface
from gateway.web.waiting import wait_of

__all__ = ["ROUTES"]

_EXPANDABLE = ("card", "emi", "offers", "upi", "token")


class _CaptureBody(WireModel):
    """`POST /v1/payments/{id}/capture`; `partial_capture` is the gateway's own."""

    amount: WireLaterAmount
    currency: str | None = None
    partial_capture: Flag = False


async def list_payments(request: web.Request) -> web.Response:
    """`GET /v1/payments`: payments, newest first."""
    call = call_of(request)
    page, shown = page_of(request), expanded(request, _EXPANDABLE)
    async with call.services.pool.acquire() as connection:
        listed = await reads.list_payments(connection, call.caller.scope, page)
    payments = listed[0] if listed else []
    return collection_response([_entity(payment, shown) for payment in payments])


async def get_payment(request: web.Request) -> web.Response:
    """`GET /v1/payments/{id}`: one payment."""
    shown = expanded(request, _EXPANDABLE)
    payment = await _payment(request, path_id(request, "pay", "Payment"))
    return json_response(_entity(payment, shown))


async def change_payment(request: web.Request) -> web.Response:
    """`PATCH /v1/payments/{id}`: other notes."""
    payment_id = path_id(request, "pay", "Payment")
    payment = await _payment(request, payment_id)
    done = await change_notes(request, payment.order_id, payment_id)
    return json_response(_entity(found(done.payment, "Payment")))


async def capture_payment(request: web.Request) -> web.Response:
    """`POST /v1/payments/{id}/capture`: take what was authorized; waits for the processor."""
    call = call_of(request)
    payment_id = path_id(request, "pay", "Payment")
    body = await read_wire_body(request)
    fields = wire_model(Body(_without_doc_bug(body.members), body.limits), _CaptureBody)
    payment = await _payment(request, payment_id)

    async def message(claim: ClaimRequest | None) -> CapturePayment:
        _check_capture(fields, payment)
        return CapturePayment(
            payment_id=payment_id, amount=fields.amount, request=call.command_request(claim)
        )

    command = Command(
        order_id=payment.order_id,
        message=message,
        surface=waiting_surface(PAYMENT_CAPTURED, call.request_id),
        key=merchant_key(request, body),
        wait=wait_of(request, call.services),
    )
    return await command_answer(request, command)


async def get_card_of_payment(request: web.Request) -> web.Response:
    """`GET /v1/payments/{id}/card`: what is known of the card; never its number."""
    payment = await _payment(request, path_id(request, "pay", "Payment"))
    return json_response(_card(payment))


async def get_card(request: web.Request) -> web.Response:
    """`GET /v1/cards/{id}`: the same by `card_id`, which is made of the payment's id."""
    payment_id = "pay_" + path_id(request, "card", "Card").removeprefix("card_")
    return json_response(_card(await _payment(request, payment_id)))


async def list_downtimes(_request: web.Request) -> web.Response:
    """`GET /v1/payments/downtimes`: none is ever announced."""
    return collection_response([])


async def get_downtime(_request: web.Request) -> web.Response:
    """`GET /v1/payments/downtimes/{id}`: there is none."""
    raise NotFound("Downtime not found")


async def _payment(request: web.Request, payment_id: str) -> Payment:
    call = call_of(request)
    async with call.services.pool.acquire() as connection:
        payment = await reads.find_payment(connection, call.caller.scope, payment_id)
    return found(payment, "Payment")


def _without_doc_bug(members: dict[str, Any]) -> dict[str, Any]:
    """The Python library's README says `capture(id, {"amount": …, "currency": …})`, and what it
    sends then is `{"amount": {"amount": …, "currency": …}}`.
    """
    amount = members.get("amount")
    return {**members, **amount} if isinstance(amount, dict) else members


def _check_capture(fields: _CaptureBody, payment: Payment) -> None:
    """Razorpay captures the whole amount; a part only for who asks for just that."""
    if fields.currency not in (None, payment.currency):
        raise InvalidRequest("currency must be that of the payment", field="currency")
    if fields.amount != payment.amount and not fields.partial_capture:
        raise InvalidRequest(
            "Capture amount must be equal to the amount authorized", field="amount"
        )


def _card(payment: Payment) -> Any:
    card = payment_entity(payment_object(payment)).get("card")
    if card is None:
        raise InvalidRequest("The payment was not made with a card")
    return card


def _entity(payment: Payment, shown: frozenset[str] = frozenset()) -> dict[str, Any]:
    """The payment with what the query wants to see; what it has not is empty."""
    entity = payment_entity(payment_object(payment))
    for name in shown - {"card"}:
        entity.setdefault(name, collection([]) if name == "offers" else None)
    if "upi" in shown and entity["vpa"] is not None:
        entity["upi"] = {"vpa": entity["vpa"]}
    return entity


ROUTES = (
    WireRoute("GET", "/v1/payments", list_payments, "payments:read"),
    WireRoute("GET", "/v1/payments/downtimes", list_downtimes, "payments:read"),
    WireRoute("GET", "/v1/payments/downtimes/{id}", get_downtime, "payments:read"),
    WireRoute("GET", "/v1/payments/{id}", get_payment, "payments:read"),
    WireRoute("PATCH", "/v1/payments/{id}", change_payment, "payments:write"),
    WireRoute(
        "POST",
        "/v1/payments/{id}/capture",
        capture_payment,
        "payments:capture",
        step="payment_capture",
    ),
    WireRoute("GET", "/v1/payments/{id}/card", get_card_of_payment, "payments:read"),
    WireRoute("GET", "/v1/cards/{id}", get_card, "payments:read"),
)
