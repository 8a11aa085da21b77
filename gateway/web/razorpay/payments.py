"""`/v1/payments`: listed, read, and the card of one."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from gateway.domain.entities import Payment
from gateway.domain.errors import InvalidRequest, NotFound
from gateway.domain.representation import payment_object
from gateway.storage import reads
from gateway.web.api.common import found, path_id
from gateway.web.calls import call_of
from gateway.web.razorpay.answers import collection, collection_response
from gateway.web.razorpay.queries import expanded, page_of
from gateway.web.razorpay.wire import WireRoute
from gateway.web.razorpay_entities import payment_entity
from gateway.web.responses import json_response

__all__ = ["ROUTES"]

_EXPANDABLE = ("card", "emi", "offers", "upi", "token")


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


def _card(payment: Payment) -> Any:
    card = payment_entity(payment_object(payment)).get("card")
    if card is None:
        raise InvalidRequest("The payment was not made with a card")
    return card


def _entity(payment: Payment, shown: frozenset[str]) -> dict[str, Any]:
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
    WireRoute("GET", "/v1/payments/{id}/card", get_card_of_payment, "payments:read"),
    WireRoute("GET", "/v1/cards/{id}", get_card, "payments:read"),
)
