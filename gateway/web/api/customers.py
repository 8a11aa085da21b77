"""Customers: made, read, listed, changed, deleted."""

from __future__ import annotations

from aiohttp import web

from gateway.domain.ids import is_id
from gateway.domain.representation import customer_object
from gateway.domain.work import StoredAnswer
from gateway.storage import customers
from gateway.storage.journal import Connection
from gateway.web import customer_changes
from gateway.web.api.common import changed_by, path_id
from gateway.web.bodies import read_body
from gateway.web.calls import call_of
from gateway.web.queries import list_response, page_of, text, unknown_start
from gateway.web.responses import json_answer, json_response
from gateway.web.schemas import CustomerChanges, NewCustomerBody
from gateway.web.writes import write_once

__all__ = [
    "change_customer",
    "create_customer",
    "delete_customer",
    "get_customer",
    "list_customers",
]

_WHAT = "Customer"


async def create_customer(request: web.Request) -> web.Response:
    """`POST /customers`: a new customer, or the one that there is."""
    body = await read_body(request)
    fields = body.as_model(NewCustomerBody)

    async def create(connection: Connection) -> StoredAnswer:
        customer, is_new = await customer_changes.make_customer(
            connection, changed_by(request), fields
        )
        return json_answer(201 if is_new else 200, customer_object(customer))

    return await write_once(request, body, "customer.created", create)


async def list_customers(request: web.Request) -> web.Response:
    """`GET /customers`: customers, newest first."""
    call = call_of(request)
    page = page_of(request, lambda given: is_id(given, "cust"))
    email, contact = text(request, "email"), text(request, "contact")
    async with call.services.pool.acquire() as connection:
        listed = await customers.list_customers(
            connection, call.caller.scope, page, email=email, contact=contact
        )
    if listed is None:
        raise unknown_start()
    found, listing = listed
    return list_response([customer_object(each) for each in found], listing, page)


async def get_customer(request: web.Request) -> web.Response:
    """`GET /customers/{id}`: one customer."""
    call = call_of(request)
    customer_id = path_id(request, "cust", _WHAT)
    async with call.services.pool.acquire() as connection:
        customer = await customer_changes.customer_of(connection, call.caller.scope, customer_id)
    return json_response(customer_object(customer))


async def change_customer(request: web.Request) -> web.Response:
    """`PATCH /customers/{id}`, also `PUT`: other details; what is not named stays."""
    customer_id = path_id(request, "cust", _WHAT)
    fields = (await read_body(request)).as_model(CustomerChanges)
    async with call_of(request).services.pool.acquire() as connection, connection.transaction():
        customer = await customer_changes.change_customer(
            connection, changed_by(request), customer_id, fields
        )
    return json_response(customer_object(customer))


async def delete_customer(request: web.Request) -> web.Response:
    """`DELETE /customers/{id}`: the person is forgotten, the payments stay."""
    customer_id = path_id(request, "cust", _WHAT)
    async with call_of(request).services.pool.acquire() as connection, connection.transaction():
        await customer_changes.remove_customer(connection, changed_by(request), customer_id)
    return json_response({"id": customer_id, "deleted": True})
