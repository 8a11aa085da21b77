"""`/v1/customers`: made, listed, read, changed."""

from __future__ import annotations

from typing import Annotated, Any

from aiohttp import web
from pydantic import BeforeValidator

from gateway.domain.customers import Customer
from gateway.domain.representation import customer_object
from gateway.domain.work import StoredAnswer
from gateway.storage import customers
from gateway.storage.journal import Connection
from gateway.web import customer_changes
from gateway.web.api.common import changed_by, path_id
from gateway.web.calls import call_of
from gateway.web.fields import Contact, Email, Text
from gateway.web.razorpay.answers import collection_response
from gateway.web.razorpay.bodies import read_wire_body, wire_fields, wire_model
from gateway.web.razorpay.fields import Flag, WireModel, WireNotes, WireText, absent, as_text
from gateway.web.razorpay.queries import page_of
from gateway.web.razorpay.wire import WireRoute
from gateway.web.razorpay_entities import customer_entity
from gateway.web.responses import json_answer, json_response
from gateway.web.schemas import CustomerChanges, NewCustomerBody
from gateway.web.writes import write_once

__all__ = ["ROUTES"]

_NOT_KEPT = {"gstin"}

WireContact = Annotated[Contact | None, BeforeValidator(as_text), BeforeValidator(absent)]
WireEmail = Annotated[Email | None, BeforeValidator(absent)]
WireName = Annotated[Text | None, BeforeValidator(absent)]


class _CustomerChanges(WireModel):
    """`PUT /v1/customers/{id}`: what is not named stays. A `gstin` is taken and not kept."""

    name: WireName = None
    email: WireEmail = None
    contact: WireContact = None
    notes: WireNotes | None = None
    gstin: WireText = None


class _CustomerBody(_CustomerChanges):
    """`POST /v1/customers`; `fail_existing` as 0 answers the customer that there is."""

    fail_existing: Flag = True


async def create_customer(request: web.Request) -> web.Response:
    """`POST /v1/customers`: a new customer, or the one that there is."""
    body = await read_wire_body(request)
    fields = wire_model(body, _CustomerBody)
    wish = NewCustomerBody(**_given(fields))

    async def create(connection: Connection) -> StoredAnswer:
        customer, _ = await customer_changes.make_customer(connection, changed_by(request), wish)
        return json_answer(200, _entity(customer))

    return await write_once(request, body, "razorpay.customer.created", create)


async def list_customers(request: web.Request) -> web.Response:
    """`GET /v1/customers`: customers, newest first."""
    call = call_of(request)
    page = page_of(request)
    async with call.services.pool.acquire() as connection:
        listed = await customers.list_customers(connection, call.caller.scope, page)
    return collection_response([_entity(customer) for customer in (listed[0] if listed else [])])


async def get_customer(request: web.Request) -> web.Response:
    """`GET /v1/customers/{id}`: one customer."""
    call = call_of(request)
    customer_id = path_id(request, "cust", "Customer")
    async with call.services.pool.acquire() as connection:
        customer = await customer_changes.customer_of(connection, call.caller.scope, customer_id)
    return json_response(_entity(customer))


async def change_customer(request: web.Request) -> web.Response:
    """`PUT /v1/customers/{id}`: another name, e-mail or contact."""
    customer_id = path_id(request, "cust", "Customer")
    fields = CustomerChanges(**_given(await wire_fields(request, _CustomerChanges)))
    async with call_of(request).services.pool.acquire() as connection, connection.transaction():
        customer = await customer_changes.change_customer(
            connection, changed_by(request), customer_id, fields
        )
    return json_response(_entity(customer))


def _given(fields: _CustomerChanges) -> dict[str, Any]:
    """What the body named, in the fields of the merchant API."""
    return fields.model_dump(exclude_unset=True, exclude=_NOT_KEPT)


def _entity(customer: Customer) -> dict[str, Any]:
    return customer_entity(customer_object(customer))


ROUTES = (
    WireRoute("POST", "/v1/customers", create_customer, "customers:write"),
    WireRoute("GET", "/v1/customers", list_customers, "customers:read"),
    WireRoute("GET", "/v1/customers/{id}", get_customer, "customers:read"),
    WireRoute("PUT", "/v1/customers/{id}", change_customer, "customers:write"),
)
