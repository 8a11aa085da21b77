"""The answers of commands, made in one place: for this request, and kept for its repeats.

A surface names one of them. One that waits for an operation may be followed by a space and the id
of the request, which an error's envelope shows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gateway.actors.messages import Done
from gateway.domain.awaited import decisive_operation
from gateway.domain.disputes import dispute_object
from gateway.domain.entities import Operation, OperationState, Order, OrderState, Payment
from gateway.domain.representation import order_object, payment_object, refund_object, timestamp
from gateway.domain.work import StoredAnswer
from gateway.web.errors import OperationFailed, envelope, problem_of
from gateway.web.responses import json_answer

__all__ = [
    "DISPUTE_CHANGED",
    "DISPUTE_CREATED",
    "ORDER_CANCELLED",
    "ORDER_CREATED",
    "PAYMENT_CANCELLED",
    "PAYMENT_CAPTURED",
    "PAYMENT_CREATED",
    "PAYMENT_MADE",
    "PUBLIC_PAYMENT_CREATED",
    "REFUND_CREATED",
    "REFUND_MADE",
    "SurfaceRenderer",
    "done_of",
    "failure_of",
    "public_order_object",
    "public_payment_object",
    "register_surface",
    "render",
    "render_done",
    "still_running",
    "waiting_surface",
]

DISPUTE_CHANGED = "dispute.changed"
DISPUTE_CREATED = "dispute.created"
ORDER_CREATED = "order.created"
ORDER_CANCELLED = "order.cancelled"
PAYMENT_CREATED = "payment.created"
PUBLIC_PAYMENT_CREATED = "payment.public.created"
PAYMENT_CAPTURED = "payment.captured"
PAYMENT_CANCELLED = "payment.cancelled"
PAYMENT_MADE = "payment.made"
REFUND_CREATED = "refund.created"
REFUND_MADE = "refund.made"

SurfaceRenderer = Callable[[Done, str | None], StoredAnswer]

_CREATED = 201
# Of our codes: the processor has judged nothing, it was not asked or broke.
_NOT_ATTEMPTED = frozenset({"GATEWAY_ERROR", "CARD_DATA_LOST"})


def render(surface: str, state: OrderState, subject_id: str) -> StoredAnswer:
    """The final answer that an order actor keeps: what `gateway.actors.order.Renderer` is.

    `subject_id` is an order's, a payment's, a refund's or an operation's. Raises KeyError for a
    surface or a subject that does not exist.
    """
    name, _, request_id = surface.partition(" ")
    return _SURFACES[name](done_of(state, subject_id), request_id or None)


def render_done(surface: str, done: Done) -> StoredAnswer:
    """The same answer where nothing is kept."""
    name, _, request_id = surface.partition(" ")
    return _SURFACES[name](done, request_id or None)


def done_of(state: OrderState, subject_id: str) -> Done:
    """What a command about this has made, as it stands; raises KeyError for what is not there.

    An operation comes as the one that decides about what was asked for.
    """
    order = state.order
    if subject_id == order.id:
        return Done(order=order)
    if subject_id in state.payments:
        return Done(order=order, payment=state.payments[subject_id])
    if subject_id in state.refunds:
        refund = state.refunds[subject_id]
        return Done(order=order, payment=state.payments[refund.payment_id], refund=refund)
    if subject_id in state.disputes:
        return Done(order=order, dispute=state.disputes[subject_id])
    operation = decisive_operation(state, state.operations[subject_id])
    return Done(
        order=order,
        payment=state.payments[operation.payment_id],
        refund=state.refunds.get(operation.refund_id or ""),
        operation=operation,
    )


def register_surface(
    name: str, renderer: SurfaceRenderer, *, shown: Callable[[Done], dict[str, Any]] | None = None
) -> None:
    """Add another wire format's answer. Raises ValueError when the name is taken.

    `shown` is what an answer shows that does not know the outcome yet; by default the payment.
    """
    if _SURFACES.setdefault(name, renderer) is not renderer:
        raise ValueError(f"surface {name} is there already")
    if shown is not None:
        _SHOWN[name] = shown


def waiting_surface(name: str, request_id: str) -> str:
    """The surface of an answer that may turn out to be an error."""
    return f"{name} {request_id}"


def still_running(surface: str, done: Done) -> StoredAnswer:
    """The wait is over and the operation is not: 202 with what there is, 504 if nobody knows."""
    name, _, request_id = surface.partition(" ")
    operation = done.operation
    if operation is not None and operation.state == OperationState.UNKNOWN:
        return _failure(
            OperationFailed(
                "The processor has not confirmed the outcome, it is being clarified",
                status=504,
                reason="outcome_unknown",
                metadata=_concerned(operation),
            ),
            request_id or None,
        )
    return json_answer(202, _SHOWN.get(name, _payment_object)(done))


def public_payment_object(payment: Payment) -> dict[str, Any]:
    """What a shopper may see of a payment."""
    whole = payment_object(payment)
    return {name: whole[name] for name in _PUBLIC_PAYMENT if name in whole}


_PUBLIC_PAYMENT = (
    "id",
    "order_id",
    "amount",
    "currency",
    "method",
    "vpa",
    "bank",
    "wallet",
    "card",
    "card_network",
    "card_last4",
    "status",
    "captured",
    "error_code",
    "error_description",
    "error_reason",
    "next_action",
    "created_at",
    "updated_at",
)


def public_order_object(order: Order, merchant_name: str, methods: list[str]) -> dict[str, Any]:
    """What a shopper may see of an order."""
    return {
        "id": order.id,
        "amount": order.amount,
        "amount_paid": order.amount_paid,
        "amount_due": order.amount - order.amount_paid,
        "currency": order.currency,
        "status": order.status,
        "mode": order.mode,
        "merchant_name": merchant_name,
        "methods": methods,
        "expires_at": timestamp(order.expires_at),
        "created_at": timestamp(order.created_at),
    }


def _dispute_created(done: Done, _request_id: str | None) -> StoredAnswer:
    return json_answer(_CREATED, _dispute_object(done))


def _dispute_changed(done: Done, _request_id: str | None) -> StoredAnswer:
    return json_answer(200, _dispute_object(done))


def _dispute_object(done: Done) -> dict[str, Any]:
    if done.dispute is None:
        raise AssertionError("the command was about a dispute")
    return dispute_object(done.dispute)


def _payment_object(done: Done) -> dict[str, Any]:
    if done.payment is None:
        raise AssertionError("the command was about a payment")
    return payment_object(done.payment)


def _refund_object(done: Done) -> dict[str, Any]:
    if done.refund is None:
        raise AssertionError("the command was about a refund")
    return refund_object(done.refund)


def _order_created(done: Done, _request_id: str | None) -> StoredAnswer:
    return json_answer(_CREATED, order_object(done.order))


def _order_cancelled(done: Done, request_id: str | None) -> StoredAnswer:
    return _failed(done.operation, request_id) or json_answer(200, order_object(done.order))


def _payment_created(done: Done, _request_id: str | None) -> StoredAnswer:
    return json_answer(_CREATED, _payment_object(done))


def _public_payment_created(done: Done, _request_id: str | None) -> StoredAnswer:
    if done.payment is None:
        raise AssertionError("the command was about a payment")
    return json_answer(_CREATED, public_payment_object(done.payment))


def _payment_finished(done: Done, request_id: str | None) -> StoredAnswer:
    return _failed(done.operation, request_id) or json_answer(200, _payment_object(done))


def _refund_finished(done: Done, request_id: str | None) -> StoredAnswer:
    return _failed(done.operation, request_id) or json_answer(200, _refund_object(done))


def _refund_created(done: Done, _request_id: str | None) -> StoredAnswer:
    return json_answer(_CREATED, _refund_object(done))


def failure_of(operation: Operation | None) -> OperationFailed | None:
    """Why what was asked of the processor did not happen; None where it did."""
    if operation is None or operation.state != OperationState.FAILED:
        return None
    not_attempted = operation.error_code in _NOT_ATTEMPTED
    return OperationFailed(
        operation.error_description or "Payment processing failed",
        status=502 if not_attempted else 402,
        reason=operation.error_reason
        or ("processor_failed" if not_attempted else "payment_failed"),
        metadata=_concerned(operation),
    )


def _concerned(operation: Operation) -> dict[str, str]:
    """What an error is about, for whoever wants to look after it."""
    refund = {} if operation.refund_id is None else {"refund_id": operation.refund_id}
    return {"payment_id": operation.payment_id, "order_id": operation.order_id, **refund}


def _failed(operation: Operation | None, request_id: str | None) -> StoredAnswer | None:
    failure = failure_of(operation)
    return None if failure is None else _failure(failure, request_id)


def _failure(failure: OperationFailed, request_id: str | None) -> StoredAnswer:
    problem = problem_of(failure)
    if problem is None:
        raise AssertionError("a refusal has a problem")
    body = envelope(problem, request_id, step="payment_processing")
    return StoredAnswer(status=problem.status, body=body)


_SURFACES: dict[str, SurfaceRenderer] = {
    ORDER_CREATED: _order_created,
    ORDER_CANCELLED: _order_cancelled,
    PAYMENT_CREATED: _payment_created,
    PUBLIC_PAYMENT_CREATED: _public_payment_created,
    PAYMENT_CAPTURED: _payment_finished,
    PAYMENT_CANCELLED: _payment_finished,
    PAYMENT_MADE: _payment_finished,
    REFUND_CREATED: _refund_created,
    REFUND_MADE: _refund_finished,
    DISPUTE_CREATED: _dispute_created,
    DISPUTE_CHANGED: _dispute_changed,
}
_SHOWN: dict[str, Callable[[Done], dict[str, Any]]] = {
    ORDER_CANCELLED: lambda done: order_object(done.order),
    REFUND_MADE: _refund_object,
}
