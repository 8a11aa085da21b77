"""`/v1/payment_links`: made, listed, read, changed, cancelled, and sent to their customers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import orjson
import structlog
from aiohttp import web
from pydantic import BeforeValidator, Field

from gateway.domain import bills
from gateway.domain.bill_representation import bill_object
from gateway.domain.bills import Bill, BillKind
from gateway.domain.errors import InvalidRequest, Rejected
from gateway.domain.ids import new_id
from gateway.domain.representation import payment_object
from gateway.domain.work import StoredAnswer
from gateway.storage import bills as storage
from gateway.storage.journal import Connection
from gateway.web import bill_changes
from gateway.web.api.common import changed_by, path_id
from gateway.web.calls import call_of
from gateway.web.fields import Currency, PageUrl, notes_text
from gateway.web.queries import text
from gateway.web.razorpay.bodies import read_wire_body, wire_fields, wire_model
from gateway.web.razorpay.fields import (
    Flag,
    WireAmount,
    WireCustomer,
    WireLaterAmount,
    WireModel,
    WireMoment,
    WireNotes,
    absent,
)
from gateway.web.razorpay.queries import page_of
from gateway.web.razorpay.wire import WireRoute
from gateway.web.razorpay_bills import payment_link_entity
from gateway.web.responses import json_answer, json_response
from gateway.web.writes import write_once

__all__ = ["ROUTES"]

logger = structlog.get_logger(__name__)

_KIND = BillKind.PAYMENT_LINK
_PREFIX = "plink"
_WHAT = "Payment link"

_Reference = Annotated[Annotated[str, Field(max_length=40)] | None, BeforeValidator(absent)]
_Description = Annotated[Annotated[str, Field(max_length=2048)] | None, BeforeValidator(absent)]
_FirstAmount = Annotated[
    WireLaterAmount | None, BeforeValidator(lambda value: None if value in ("", 0, "0") else value)
]


class _Notify(WireModel):
    """Which ways the customer is to be told."""

    sms: Flag = False
    email: Flag = False


class _LinkBody(WireModel):
    """`POST /v1/payment_links`."""

    currency: Currency = "INR"
    amount: WireAmount
    accept_partial: Flag = False
    first_min_partial_amount: _FirstAmount = None
    reference_id: _Reference = None
    description: _Description = None
    customer: WireCustomer = WireCustomer()
    expire_by: WireMoment = None
    notify: _Notify = _Notify()
    reminder_enable: Flag = False
    notes: WireNotes = Field(default_factory=dict)
    callback_url: Annotated[PageUrl, BeforeValidator(absent)] = None
    callback_method: Annotated[Literal["get"] | None, BeforeValidator(absent)] = None


class _LinkChanges(WireModel):
    """`PATCH /v1/payment_links/{id}`."""

    accept_partial: Flag = False
    first_min_partial_amount: _FirstAmount = None
    reference_id: _Reference = None
    expire_by: WireMoment = None
    reminder_enable: Flag = False
    notes: WireNotes = Field(default_factory=dict)


async def create_link(request: web.Request) -> web.Response:
    """`POST /v1/payment_links`: a new link; its customer is mailed where that was asked for."""
    body = await read_wire_body(request)
    fields = wire_model(body, _LinkBody)
    link = _new_link(request, fields)

    async def create(connection: Connection) -> StoredAnswer:
        made = await bill_changes.add_bill(connection, changed_by(request), link)
        return json_answer(200, payment_link_entity(bill_object(made)))

    async def tell() -> None:
        if fields.notify.email and link.payer_email and call_of(request).services.mailer:
            try:
                await bill_changes.notify_by(request, link, "email")
            except Rejected as refusal:  # the link is there all the same
                logger.warning("payment_link_not_mailed", error=type(refusal).__name__)

    return await write_once(request, body, "razorpay.payment_link.created", create, committed=tell)


def _new_link(request: web.Request, fields: _LinkBody) -> Bill:
    if fields.callback_method is not None and fields.callback_url is None:
        raise InvalidRequest("callback_method needs callback_url", field="callback_method")
    call, link_id = call_of(request), new_id(_PREFIX)
    now = call.services.clock.now()
    details = {
        "short_url": bill_changes.page_address(request, link_id),
        "notify": fields.notify.model_dump(),
        "reminder_enable": fields.reminder_enable,
        "callback_method": fields.callback_method,
    }
    return Bill(
        id=link_id,
        kind=_KIND,
        merchant_id=call.caller.merchant_id,
        mode=call.caller.mode,
        currency=fields.currency,
        amount=fields.amount,
        accept_partial=fields.accept_partial,
        first_amount_min=fields.first_min_partial_amount,
        reference=fields.reference_id,
        description=fields.description,
        payer_name=fields.customer.name,
        payer_email=fields.customer.email,
        payer_contact=fields.customer.contact,
        notes=notes_text(fields.notes),
        details=orjson.dumps(details).decode(),
        return_url=fields.callback_url,
        expires_at=fields.expire_by,
        issued_at=now,
        created_at=now,
        updated_at=now,
    )


async def list_links(request: web.Request) -> web.Response:
    """`GET /v1/payment_links`: links, newest first; by `reference_id` or `payment_id`."""
    call = call_of(request)
    scope, page = call.caller.scope, page_of(request)
    reference, payment_id = text(request, "reference_id"), text(request, "payment_id")
    async with call.services.pool.acquire() as connection:
        bill_id = None
        if payment_id is not None:
            bill_id = await storage.bill_id_of_payment(connection, scope, payment_id)
            if bill_id is None:
                return json_response({"payment_links": []})
        links, _ = await storage.list_bills(
            connection, scope, _KIND, page, reference=reference, id=bill_id
        )
        return json_response({"payment_links": await _entities(connection, request, links)})


async def get_link(request: web.Request) -> web.Response:
    """`GET /v1/payment_links/{id}`: one link, with its payments."""
    return await _answer(request, await _link(request))


async def change_link(request: web.Request) -> web.Response:
    """`PATCH /v1/payment_links/{id}`: other terms; what is not named stays."""
    link = await _link(request)
    fields = await wire_fields(request, _LinkChanges)
    if not fields.model_fields_set:
        raise InvalidRequest("There is nothing to change")
    services = call_of(request).services

    def change(current: Bill) -> Bill:
        changes = _changes(current, fields)
        return bills.change(current, changes, services.clock.now())

    return await _answer(request, await bill_changes.change_bill(services, link, change))


def _changes(link: Bill, fields: _LinkChanges) -> dict[str, Any]:
    given = fields.model_dump(include=fields.model_fields_set)
    names = {
        "reference_id": "reference",
        "expire_by": "expires_at",
        "first_min_partial_amount": "first_amount_min",
    }
    changes = {names.get(name, name): value for name, value in given.items()}
    if "notes" in changes:
        changes["notes"] = notes_text(fields.notes)
    if "reminder_enable" in changes:
        details = {**orjson.loads(link.details), "reminder_enable": changes.pop("reminder_enable")}
        changes["details"] = orjson.dumps(details).decode()
    if changes.get("accept_partial") is False:
        changes.setdefault("first_amount_min", None)
    return changes


async def cancel_link(request: web.Request) -> web.Response:
    """`POST /v1/payment_links/{id}/cancel`: no payment any more; what was paid stays."""
    link = await _link(request)
    cancelled = await bill_changes.cancel_bill(request, link)
    return await _answer(request, cancelled)


async def notify_customer(request: web.Request) -> web.Response:
    """`POST /v1/payment_links/{id}/notify_by/{medium}`: mail the link to its customer."""
    link = await _link(request)
    await bill_changes.notify_by(request, link, request.match_info["medium"])
    return json_response({"success": True})


async def _link(request: web.Request) -> Bill:
    call, link_id = call_of(request), path_id(request, _PREFIX, _WHAT)
    async with call.services.pool.acquire() as connection:
        return await bill_changes.bill_of(connection, call.caller.scope, _KIND, link_id)


async def _answer(request: web.Request, link: Bill) -> web.Response:
    async with call_of(request).services.pool.acquire() as connection:
        return json_response((await _entities(connection, request, [link]))[0])


async def _entities(
    connection: Connection, request: web.Request, links: Sequence[Bill]
) -> list[dict[str, Any]]:
    payments = await storage.payments_of_bills(
        connection,
        [link.id for link in links],
        payments_max=call_of(request).services.settings.bill_payments_shown_max,
    )
    return [
        payment_link_entity(bill_object(link), [payment_object(p) for p in payments[link.id]])
        for link in links
    ]


ROUTES = (
    WireRoute("POST", "/v1/payment_links", create_link, "payment_links:write"),
    WireRoute("GET", "/v1/payment_links", list_links, "payment_links:read"),
    WireRoute("GET", "/v1/payment_links/{id}", get_link, "payment_links:read"),
    WireRoute("PATCH", "/v1/payment_links/{id}", change_link, "payment_links:write"),
    WireRoute("POST", "/v1/payment_links/{id}/cancel", cancel_link, "payment_links:write"),
    WireRoute(
        "POST",
        "/v1/payment_links/{id}/notify_by/{medium}",
        notify_customer,
        "payment_links:write",
    ),
)
