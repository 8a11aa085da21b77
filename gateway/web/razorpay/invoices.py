"""`/v1/invoices`: drafted, issued, listed, read, changed, cancelled, deleted, sent to customers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
import structlog
from aiohttp import web

from gateway.domain import bills
from gateway.domain.bill_representation import bill_object
from gateway.domain.bills import Bill, BillKind, BillStatus
from gateway.domain.errors import InvalidRequest, InvalidState, Rejected
from gateway.domain.ids import new_id
from gateway.domain.line_items import invoice_amount
from gateway.domain.representation import payment_object
from gateway.domain.work import StoredAnswer
from gateway.storage import bills as storage
from gateway.storage.journal import Connection
from gateway.web import bill_changes
from gateway.web.api.common import changed_by, path_id
from gateway.web.calls import call_of
from gateway.web.customer_changes import customer_of
from gateway.web.fields import notes_text
from gateway.web.queries import text
from gateway.web.razorpay.answers import collection_response
from gateway.web.razorpay.bodies import read_wire_body, wire_fields, wire_model
from gateway.web.razorpay.invoice_bodies import (
    InvoiceBody,
    InvoiceChanges,
    line_object,
    lines_of,
)
from gateway.web.razorpay.queries import page_of
from gateway.web.razorpay.wire import WireRoute
from gateway.web.razorpay_bills import invoice_entity
from gateway.web.responses import json_answer, json_response
from gateway.web.writes import write_once

__all__ = ["ROUTES"]

logger = structlog.get_logger(__name__)

_KIND = BillKind.INVOICE
_PREFIX = "inv"
_WHAT = "Invoice"
# What an invoice is for and to whom: nobody changes that when it is issued.
_DRAFT_ONLY = frozenset({"line_items", "currency", "customer", "customer_id", "description"})
_KEPT = ("comment", "terms", "date")


async def create_invoice(request: web.Request) -> web.Response:
    """`POST /v1/invoices`: a draft, or an invoice that can be paid at once."""
    body, call = await read_wire_body(request), call_of(request)
    fields, invoice_id = wire_model(body, InvoiceBody), new_id(_PREFIX)
    now = call.services.clock.now()
    made: list[Bill] = []

    async def create(connection: Connection) -> StoredAnswer:
        blank = Bill(
            id=invoice_id,
            kind=_KIND,
            merchant_id=call.caller.merchant_id,
            mode=call.caller.mode,
            currency=fields.currency,
            amount=0,
            details=_json({"short_url": bill_changes.page_address(request, invoice_id)}),
            status=BillStatus.DRAFT,
            created_at=now,
            updated_at=now,
        )
        changes = await _changes(connection, request, blank, fields)
        invoice = bills.change(blank, changes, now)
        if not fields.draft:
            invoice = bills.issue(invoice, now, call.services.policy.amount_limits)
        made.append(await bill_changes.add_bill(connection, changed_by(request), invoice))
        return json_answer(200, invoice_entity(bill_object(invoice)))

    async def tell() -> None:
        invoice = made[-1]
        if fields.email_notify and invoice.status in bills.OPEN:
            await _mail_if_possible(request, invoice)

    return await write_once(request, body, "razorpay.invoice.created", create, committed=tell)


async def _mail_if_possible(request: web.Request, invoice: Bill) -> None:
    if invoice.payer_email is None or call_of(request).services.mailer is None:
        return
    try:
        await bill_changes.notify_by(request, invoice, "email")
    except Rejected as refusal:  # the invoice is there all the same
        logger.warning("invoice_not_mailed", error=type(refusal).__name__)


async def list_invoices(request: web.Request) -> web.Response:
    """`GET /v1/invoices`: invoices, newest first; by `receipt`, `customer_id` or `payment_id`."""
    call = call_of(request)
    scope, page = call.caller.scope, page_of(request)
    receipt, customer_id = text(request, "receipt"), text(request, "customer_id")
    payment_id = text(request, "payment_id")
    async with call.services.pool.acquire() as connection:
        bill_id = None
        if payment_id is not None:
            bill_id = await storage.bill_id_of_payment(connection, scope, payment_id)
            if bill_id is None:
                return collection_response([])
        invoices, _ = await storage.list_bills(
            connection, scope, _KIND, page, reference=receipt, customer_id=customer_id, id=bill_id
        )
        return collection_response(await _entities(connection, request, invoices))


async def get_invoice(request: web.Request) -> web.Response:
    """`GET /v1/invoices/{id}`: one invoice."""
    return await _answer(request, await _invoice(request))


async def change_invoice(request: web.Request) -> web.Response:
    """`PATCH /v1/invoices/{id}`: what is not named stays; lines and customer change in drafts."""
    invoice = await _invoice(request)
    fields, call = await wire_fields(request, InvoiceChanges), call_of(request)
    given = fields.model_fields_set
    if not given:
        raise InvalidRequest("There is nothing to change")
    fixed = sorted(given & _DRAFT_ONLY)
    now = call.services.clock.now()
    async with call.services.pool.acquire() as connection:
        changes = await _changes(connection, request, invoice, fields)

    def change(current: Bill) -> Bill:
        if current.status != BillStatus.DRAFT and fixed:
            raise InvalidState(f"{fixed[0]} can be changed in a draft only")
        if current.version != invoice.version:
            raise InvalidState("The invoice was changed meanwhile, try again")
        return bills.change(current, changes, now)

    return await _answer(request, await bill_changes.change_bill(call.services, invoice, change))


async def _changes(
    connection: Connection, request: web.Request, invoice: Bill, fields: InvoiceChanges
) -> dict[str, Any]:
    """The bill's fields that are to change; raises what is wrong with them."""
    given = fields.model_fields_set
    simple = {
        "description": fields.description,
        "receipt": fields.receipt,
        "expire_by": fields.expire_by,
        "partial_payment": fields.partial_payment,
        "first_payment_min_amount": fields.first_payment_min_amount,
        "notes": notes_text(fields.notes),
    }
    changes = {_NAMES.get(name, name): value for name, value in simple.items() if name in given}
    if changes.get("accept_partial") is False:
        changes.setdefault("first_amount_min", None)
    changes |= await _customer(connection, request, fields)
    details = orjson.loads(invoice.details)
    for name in _KEPT:
        if name in given:
            value = getattr(fields, name)
            details[name] = int(value.timestamp()) if name == "date" and value else value
    if "line_items" in given or "currency" in given:
        changes |= await _sum(connection, request, invoice, fields, details)
    if details != orjson.loads(invoice.details):
        changes["details"] = _json(details)
    return changes


_NAMES = {
    "receipt": "reference",
    "expire_by": "expires_at",
    "partial_payment": "accept_partial",
    "first_payment_min_amount": "first_amount_min",
}


async def _sum(
    connection: Connection,
    request: web.Request,
    invoice: Bill,
    fields: InvoiceChanges,
    details: dict[str, Any],
) -> dict[str, Any]:
    """Currency and amount, the lines put into `details`."""
    call, given = call_of(request), fields.model_fields_set
    currency = fields.currency if "currency" in given else invoice.currency
    if "line_items" not in given:
        if details.get("line_items") and currency != invoice.currency:
            raise InvalidRequest("currency needs line_items in it", field="currency")
        return {"currency": currency}
    lines = await lines_of(
        connection,
        call.caller.scope,
        fields.line_items,
        currency,
        lines_max=call.services.settings.bill_lines_max,
    )
    details["line_items"] = [line_object(line) for line in lines]
    return {"currency": currency, "amount": invoice_amount(lines, currency)}


async def _customer(
    connection: Connection, request: web.Request, fields: InvoiceChanges
) -> dict[str, Any]:
    """Who is to pay: a customer as they are now, or whom the request describes."""
    if fields.customer_id is not None:
        scope = call_of(request).caller.scope
        known = await customer_of(connection, scope, fields.customer_id, field="customer_id")
        return {
            "customer_id": known.id,
            "payer_name": known.name,
            "payer_email": known.email,
            "payer_contact": known.contact,
        }
    if not fields.model_fields_set & {"customer", "customer_id"}:
        return {}
    return {
        "customer_id": None,
        "payer_name": fields.customer.name,
        "payer_email": fields.customer.email,
        "payer_contact": fields.customer.contact,
    }


async def issue_invoice(request: web.Request) -> web.Response:
    """`POST /v1/invoices/{id}/issue`: from now on it can be paid."""
    invoice, services = await _invoice(request), call_of(request).services
    now = services.clock.now()
    issued = await bill_changes.change_bill(
        services, invoice, lambda current: bills.issue(current, now, services.policy.amount_limits)
    )
    return await _answer(request, issued)


async def cancel_invoice(request: web.Request) -> web.Response:
    """`POST /v1/invoices/{id}/cancel`: no payment any more; what was paid stays."""
    return await _answer(request, await bill_changes.cancel_bill(request, await _invoice(request)))


async def delete_invoice(request: web.Request) -> web.Response:
    """`DELETE /v1/invoices/{id}`: a draft is thrown away."""
    call, invoice = call_of(request), await _invoice(request)
    async with call.services.pool.acquire() as connection:
        if not await storage.delete_draft(connection, call.caller.scope, invoice.id):
            raise InvalidState("Only a draft can be deleted")
    return json_response([])


async def notify_customer(request: web.Request) -> web.Response:
    """`POST /v1/invoices/{id}/notify_by/{medium}`: mail the invoice's page to its customer."""
    invoice = await _invoice(request)
    await bill_changes.notify_by(request, invoice, request.match_info["medium"])
    return json_response({"success": True})


async def _invoice(request: web.Request) -> Bill:
    call, invoice_id = call_of(request), path_id(request, _PREFIX, _WHAT)
    async with call.services.pool.acquire() as connection:
        return await bill_changes.bill_of(connection, call.caller.scope, _KIND, invoice_id)


async def _answer(request: web.Request, invoice: Bill) -> web.Response:
    async with call_of(request).services.pool.acquire() as connection:
        return json_response((await _entities(connection, request, [invoice]))[0])


async def _entities(
    connection: Connection, request: web.Request, invoices: Sequence[Bill]
) -> list[dict[str, Any]]:
    payments = await storage.payments_of_bills(
        connection,
        [invoice.id for invoice in invoices],
        payments_max=call_of(request).services.settings.bill_payments_shown_max,
    )
    return [
        invoice_entity(bill_object(invoice), [payment_object(p) for p in payments[invoice.id]])
        for invoice in invoices
    ]


def _json(details: dict[str, Any]) -> str:
    return orjson.dumps(details).decode()


ROUTES = (
    WireRoute("POST", "/v1/invoices", create_invoice, "invoices:write"),
    WireRoute("GET", "/v1/invoices", list_invoices, "invoices:read"),
    WireRoute("GET", "/v1/invoices/{id}", get_invoice, "invoices:read"),
    WireRoute("PATCH", "/v1/invoices/{id}", change_invoice, "invoices:write"),
    WireRoute("DELETE", "/v1/invoices/{id}", delete_invoice, "invoices:write"),
    WireRoute("POST", "/v1/invoices/{id}/issue", issue_invoice, "invoices:write"),
    WireRoute("POST", "/v1/invoices/{id}/cancel", cancel_invoice, "invoices:write"),
    WireRoute("POST", "/v1/invoices/{id}/notify_by/{medium}", notify_customer, "invoices:write"),
)
