"""Capture, void, refund and cancel from the dashboard: the API's own commands, sent by a form.

Each form has a key of its own, and the commands are idempotent by it: a double click acts once.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import web

from gateway.actors.messages import (
    CancelOrder,
    CapturePayment,
    ClaimRequest,
    MakeRefund,
    VoidPayment,
)
from gateway.domain.decisions import RefundPayment
from gateway.domain.entities import Payment
from gateway.domain.errors import InvalidRequest, Rejected, Unavailable
from gateway.domain.ids import new_id
from gateway.storage import reads
from gateway.storage.administration import write_audit
from gateway.web.api.common import found, path_id
from gateway.web.calls import Call, call_of
from gateway.web.commands import Command, command_response
from gateway.web.dashboard.amounts import minor_amount
from gateway.web.dashboard.frame import said_and_done
from gateway.web.dashboard.payment import order_page, payment_page
from gateway.web.errors import problem_of
from gateway.web.forms import Form, read_form
from gateway.web.idempotency import Key
from gateway.web.surfaces import (
    ORDER_CANCELLED,
    PAYMENT_CANCELLED,
    PAYMENT_CAPTURED,
    REFUND_CREATED,
    waiting_surface,
)
from gateway.web.waiting import Wait

__all__ = ["cancel_order", "capture_payment", "refund_payment", "void_payment"]

_KEY = re.compile(r"[A-Za-z0-9_-]{16,64}")
_PURPOSE = "dashboard form fingerprint"
_REASON_CHARACTERS_MAX = 255
_AUDITED = {
    PAYMENT_CAPTURED: "payment.capture_requested",
    PAYMENT_CANCELLED: "payment.void_requested",
    REFUND_CREATED: "payment.refund_requested",
    ORDER_CANCELLED: "order.cancel_requested",
}
_REPLAYED = "Idempotent-Replayed"
_FIRST_ERROR = 400
_ACCEPTED = 202

Message = Callable[[ClaimRequest | None], Awaitable[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a form: `fault` is what to tell, with `status`, when it did not work."""

    status: int
    fault: str = ""


async def capture_payment(request: web.Request) -> web.Response:
    """`POST /dashboard/transactions/{id}/capture`."""
    call, form = call_of(request), await read_form(request)

    async def act(payment: Payment) -> Outcome:
        amount = _amount(form, payment)

        async def message(claim: ClaimRequest | None) -> CapturePayment:
            return CapturePayment(
                payment_id=payment.id, amount=amount, request=call.command_request(claim)
            )

        return await _command(request, form, payment.order_id, message, PAYMENT_CAPTURED)

    return await _on_payment(request, form, "capture", act, "The payment was captured.")


async def void_payment(request: web.Request) -> web.Response:
    """`POST /dashboard/transactions/{id}/void`."""
    call, form = call_of(request), await read_form(request)

    async def act(payment: Payment) -> Outcome:
        async def message(claim: ClaimRequest | None) -> VoidPayment:
            return VoidPayment(payment_id=payment.id, request=call.command_request(claim))

        return await _command(request, form, payment.order_id, message, PAYMENT_CANCELLED)

    return await _on_payment(request, form, "void", act, "The authorization was voided.")


async def refund_payment(request: web.Request) -> web.Response:
    """`POST /dashboard/transactions/{id}/refund`."""
    call, form = call_of(request), await read_form(request)

    async def act(payment: Payment) -> Outcome:
        amount, reason = _amount(form, payment), form.text("reason")
        if len(reason) > _REASON_CHARACTERS_MAX:
            raise InvalidRequest(f"A reason has at most {_REASON_CHARACTERS_MAX} characters")

        async def message(claim: ClaimRequest | None) -> MakeRefund:
            command = RefundPayment(
                refund_id=new_id("rfnd"),
                payment_id=payment.id,
                amount=amount,
                reason=reason or None,
                notes="{}",
            )
            return MakeRefund(command=command, request=call.command_request(claim))

        return await _command(request, form, payment.order_id, message, REFUND_CREATED)

    return await _on_payment(request, form, "refund", act, "The refund is on its way.")


async def cancel_order(request: web.Request) -> web.Response:
    """`POST /dashboard/orders/{id}/cancel`."""
    call, form = call_of(request), await read_form(request)
    order_id = path_id(request, "order", "Order")
    async with call.services.pool.acquire() as connection:
        found(await reads.find_order(connection, call.member.scope, order_id), "Order")

    async def message(claim: ClaimRequest | None) -> CancelOrder:
        return CancelOrder(request=call.command_request(claim))

    outcome = await _outcome(lambda: _command(request, form, order_id, message, ORDER_CANCELLED))
    if outcome.fault:
        return await order_page(
            request, action="cancel", fault=outcome.fault, status=outcome.status
        )
    return await said_and_done(request, request.path.rpartition("/")[0], "The order was cancelled.")


async def _on_payment(
    request: web.Request,
    form: Form,
    action: str,
    act: Callable[[Payment], Awaitable[Outcome]],
    notice: str,
) -> web.Response:
    """Act on the payment of the path; back to its page, which tells what became of it."""
    call = call_of(request)
    payment_id = path_id(request, "pay", "Payment")
    async with call.services.pool.acquire() as connection:
        payment = found(
            await reads.find_payment(connection, call.member.scope, payment_id), "Payment"
        )
    outcome = await _outcome(lambda: act(payment))
    if outcome.fault:
        return await payment_page(
            request,
            action=action,
            fault=outcome.fault,
            typed={name: form.text(name) for name in ("amount", "reason")},
            status=outcome.status,
        )
    if outcome.status == _ACCEPTED:
        notice = "This takes a moment longer than usual. The page shows how it ends."
    return await said_and_done(request, request.path.rpartition("/")[0], notice)


async def _outcome(act: Callable[[], Awaitable[Outcome]]) -> Outcome:
    """What became of it; a refusal is told on the page, what is down is answered as anywhere."""
    try:
        return await act()
    except Unavailable:
        raise
    except Rejected as refusal:
        problem = problem_of(refusal)
        if problem is None:
            raise
        return Outcome(status=problem.status, fault=problem.description)


async def _command(
    request: web.Request, form: Form, order_id: str, message: Message, surface: str
) -> Outcome:
    """Send the command and wait a little for its outcome."""
    call = call_of(request)
    settings = call.services.settings
    command = Command(
        order_id=order_id,
        message=message,
        surface=surface if surface == REFUND_CREATED else waiting_surface(surface, call.request_id),
        key=_key(request, call, form),
        wait=Wait(min(settings.dashboard_wait_seconds, settings.wait_seconds_max)),
    )
    response = await command_response(request.app, call.services, command)
    if response.status < _FIRST_ERROR:
        if _REPLAYED not in response.headers:
            await _note(call, surface, request.match_info["id"], form)
        return Outcome(status=response.status)
    body = response.body
    content = orjson.loads(body) if isinstance(body, bytes) else {}
    fault = content.get("error", {}).get("description") or "This did not work."
    return Outcome(status=response.status, fault=fault)


async def _note(call: Call, surface: str, subject_id: str, form: Form) -> None:
    """Leave a line in the audit trail: who did it, from where."""
    details = {name: form.text(name) for name in ("amount", "reason") if form.text(name)}
    async with call.services.pool.acquire() as connection:
        await write_audit(
            connection,
            call.author,
            _AUDITED[surface],
            subject_id,
            call.services.clock.now(),
            details=details,
        )


def _key(request: web.Request, call: Call, form: Form) -> Key:
    """The idempotency key of the form; the same form with other contents is refused."""
    text = form.raw("action_key")
    if _KEY.fullmatch(text) is None:
        raise InvalidRequest("The form is not complete: please open the page again")
    content = orjson.dumps(
        [request.path, *(form.text(name) for name in ("amount", "reason"))],
    )
    member = call.member
    fingerprint, *older = call.services.vault.keyed_hashes(_PURPOSE, content)
    return Key(
        scope=f"dashboard:{member.merchant_id}:{member.mode}",
        key=text,
        fingerprint=fingerprint,
        older_fingerprints=tuple(older),
    )


def _amount(form: Form, payment: Payment) -> int | None:
    """What was typed, in minor units; None when nothing was: all that is left."""
    text = form.text("amount")
    return minor_amount(text, payment.currency, field="amount") if text else None
