"""Answers of this surface, those to commands made from what the order's actor has decided."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from aiohttp import web

from gateway.actors.messages import Done
from gateway.domain.disputes import dispute_object
from gateway.domain.representation import order_object, payment_object, refund_object
from gateway.domain.work import StoredAnswer
from gateway.web.calls import call_of
from gateway.web.commands import Command, command_response
from gateway.web.errors import envelope, problem_of
from gateway.web.razorpay.errors import in_known_codes
from gateway.web.razorpay_entities import (
    dispute_entity,
    order_entity,
    payment_entity,
    refund_entity,
)
from gateway.web.responses import JSON, json_answer, json_response
from gateway.web.surfaces import failure_of, register_surface

__all__ = [
    "DISPUTE_CHANGED",
    "ORDER_CREATED",
    "PAYMENT_ACCEPTED",
    "PAYMENT_CAPTURED",
    "REFUND_CREATED",
    "collection",
    "collection_response",
    "command_answer",
]

DISPUTE_CHANGED = "razorpay.dispute.changed"
ORDER_CREATED = "razorpay.order.created"
PAYMENT_ACCEPTED = "razorpay.payment.accepted"
PAYMENT_CAPTURED = "razorpay.payment.captured"
REFUND_CREATED = "razorpay.refund.created"


def collection(items: Sequence[Any]) -> dict[str, Any]:
    """A list as an entity."""
    return {"entity": "collection", "count": len(items), "items": items}


def collection_response(items: Sequence[Any]) -> web.Response:
    """The answer that lists these."""
    return json_response(collection(items))


async def command_answer(request: web.Request, command: Command) -> web.Response:
    """The response to a command. Raises what the order actor refuses with.

    The libraries know one kind of success, so what still runs is 200 too: the entity says how far
    it has come.
    """
    response = await command_response(request.app, call_of(request).services, command)
    if response.status == HTTPStatus.ACCEPTED:
        response.set_status(HTTPStatus.OK)
    response.headers["Content-Type"] = JSON  # an outcome that is an error, too
    return response


def _payment(done: Done) -> dict[str, Any]:
    if done.payment is None:
        raise AssertionError("the command was about a payment")
    return payment_entity(payment_object(done.payment))


def _order_created(done: Done, _request_id: str | None) -> StoredAnswer:
    return json_answer(200, order_entity(order_object(done.order)))


def _payment_accepted(done: Done, _request_id: str | None) -> StoredAnswer:
    return json_answer(200, {"razorpay_payment_id": _payment(done)["id"]})


def _payment_captured(done: Done, request_id: str | None) -> StoredAnswer:
    failure = failure_of(done.operation)
    problem = None if failure is None else problem_of(failure)
    if problem is None:
        return json_answer(200, _payment(done))
    shown = in_known_codes(problem)
    return StoredAnswer(
        status=shown.status, body=envelope(shown, request_id, step="payment_capture")
    )


def _refund_created(done: Done, _request_id: str | None) -> StoredAnswer:
    if done.refund is None:
        raise AssertionError("the command was about a refund")
    return json_answer(200, refund_entity(refund_object(done.refund)))


def _dispute_changed(done: Done, _request_id: str | None) -> StoredAnswer:
    if done.dispute is None:
        raise AssertionError("the command was about a dispute")
    return json_answer(200, dispute_entity(dispute_object(done.dispute)))


register_surface(DISPUTE_CHANGED, _dispute_changed)
register_surface(ORDER_CREATED, _order_created)
register_surface(PAYMENT_ACCEPTED, _payment_accepted)
register_surface(PAYMENT_CAPTURED, _payment_captured, shown=_payment)
register_surface(REFUND_CREATED, _refund_created)
