"""One payment and one order, with everything that happened to them."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from aiohttp import web

from gateway.domain.entities import (
    Operation,
    OperationState,
    OrderStatus,
    Payment,
    PaymentStatus,
    Purpose,
)
from gateway.domain.representation import order_object, payment_object
from gateway.storage.reads_dashboard_history import (
    PaymentHistory,
    load_order_history,
    load_payment_history,
)
from gateway.storage.reads_dashboard_query import searching
from gateway.web.api.common import found, path_id
from gateway.web.calls import call_of
from gateway.web.dashboard.frame import dashboard_response
from gateway.web.dashboard.timeline import order_timeline, payment_timeline
from gateway.web.dashboard.writing import writer_of

__all__ = ["order_page", "payment_page", "show_order", "show_payment"]

_KEY_BYTES = 18
_CANCELLABLE = (OrderStatus.CREATED, OrderStatus.ATTEMPTED)


async def show_payment(request: web.Request) -> web.Response:
    """`GET /dashboard/transactions/{id}`."""
    return await payment_page(request)


async def show_order(request: web.Request) -> web.Response:
    """`GET /dashboard/orders/{id}`."""
    return await order_page(request)


async def payment_page(
    request: web.Request,
    *,
    action: str = "",
    fault: str = "",
    typed: Mapping[str, str] | None = None,
    status: int = 200,
) -> web.Response:
    """The payment's page; `fault` is what became of `action`, with what was `typed` for it."""
    call = call_of(request)
    payment_id = path_id(request, "pay", "Payment")
    async with searching(call.services.reading_pool) as connection:
        history = found(
            await load_payment_history(connection, call.member.scope, payment_id), "Payment"
        )
    writer = writer_of(request)
    payment = history.payment
    account_id = payment.processor_account_id
    context = {
        "write": writer,
        "payment": payment,
        "order": history.order,
        "refunds": history.refunds,
        "account": account_id and history.accounts.get(account_id),
        "timeline": payment_timeline(history, writer),
        "deliveries": history.deliveries,
        "notes": _notes(payment.notes),
        "raw": _indented(payment_object(payment)),
        "action": action,
        "fault": fault,
        "typed": typed or {},
        # One for each form that is shown: however often it is sent, it acts once.
        "action_key": secrets.token_urlsafe(_KEY_BYTES),
        "can": _possible(payment),
        "unknown": _unknown(history),
        "late": [each for each in history.operations if each.purpose == Purpose.REVERSAL],
    }
    return dashboard_response(
        request, "dashboard/transaction.html", context, active="transactions", status=status
    )


async def order_page(
    request: web.Request, *, action: str = "", fault: str = "", status: int = 200
) -> web.Response:
    """The order's page; `fault` is what became of `action`."""
    call = call_of(request)
    order_id = path_id(request, "order", "Order")
    async with searching(call.services.reading_pool) as connection:
        history = found(await load_order_history(connection, call.member.scope, order_id), "Order")
    order = history.order
    context = {
        "write": writer_of(request),
        "order": order,
        "payments": history.payments,
        "refunds": history.refunds,
        "timeline": order_timeline(history),
        "notes": _notes(order.notes),
        "raw": _indented(order_object(order)),
        "action": action,
        "fault": fault,
        "action_key": secrets.token_urlsafe(_KEY_BYTES),
        "can": {"cancel": order.status in _CANCELLABLE},
    }
    return dashboard_response(
        request, "dashboard/order.html", context, active="orders", status=status
    )


def _unknown(history: PaymentHistory) -> Sequence[tuple[Operation, str]]:
    """What the processor has not answered about, and the reason that its last attempt gives."""
    reasons = {each.operation_id: each.reason for each in history.attempts}
    return [
        (each, (reasons.get(each.id) or "").replace("_", " "))
        for each in history.operations
        if each.state == OperationState.UNKNOWN
    ]


def _possible(payment: Payment) -> Mapping[str, bool]:
    """Which buttons there are to show; whether it can be done the order's actor decides."""
    approved = payment.status == PaymentStatus.SUCCESS
    nothing_taken = payment.amount_captured == 0 and payment.amount_capture_pending == 0
    return {
        "capture": approved and payment.amount_capturable > 0,
        "void": approved and nothing_taken and payment.amount_capturable > 0,
        "refund": payment.amount_refundable > 0,
    }


def _notes(text: str) -> Mapping[str, str]:
    notes: dict[str, Any] = orjson.loads(text)
    return {name: str(value) for name, value in notes.items()}


def _indented(content: Mapping[str, Any]) -> str:
    return orjson.dumps(content, option=orjson.OPT_INDENT_2).decode()
