"""Customers: made, read, listed, changed, deleted; their tokens: read, listed, deleted."""

from __future__ import annotations

from aiohttp import web

from gateway.domain.errors import NotFound
from gateway.domain.ids import is_id
from gateway.domain.representation import customer_object, token_object
from gateway.domain.work import StoredAnswer
from gateway.storage import customers, tokens
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
    "delete_token",
    "get_customer",
    "get_token",
    "list_customers",
    "list_tokens",
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
    call_of(request).services.forget()
    return json_response({"id": customer_id, "deleted": True})


async def list_tokens(request: web.Request) -> web.Response:
    """`GET /customers/{id}/tokens`: the customer's saved cards, newest first."""
    call = call_of(request)
    customer_id = path_id(request, "cust", _WHAT)
    page = page_of(request, lambda given: is_id(given, "tok"))
    async with call.services.pool.acquire() as connection:
        await customer_changes.customer_of(connection, call.caller.scope, customer_id)
        listed = await tokens.list_tokens(connection, call.caller.scope, page, customer_id)
    if listed is None:
        raise unknown_start()
    found, listing = listed
    return list_response([token_object(each) for each in found], listing, page)


async def get_token(request: web.Request) -> web.Response:
    """`GET /customers/{id}/tokens/{token_id}`: one saved card."""
    call = call_of(request)
    customer_id, token_id = _token_path(request)
    async with call.services.pool.acquire() as connection:
        token = await customer_changes.token_of(
            connection, call.caller.scope, customer_id, token_id
        )
    return json_response(token_object(token))


async def delete_token(request: web.Request) -> web.Response:
    """`DELETE /customers/{id}/tokens/{token_id}`: the card is kept no longer, here and there."""
    customer_id, token_id = _token_path(request)
    async with call_of(request).services.pool.acquire() as connection, connection.transaction():
        deliveries = await customer_changes.remove_token(
            connection, changed_by(request), customer_id, token_id
        )
    call_of(request).services.forget()
    await call_of(request).services.webhooks.deliver_now(deliveries)
    return json_response({"id": token_id, "deleted": True})


def _token_path(request: web.Request) -> tuple[str, str]:
    customer_id, token_id = path_id(request, "cust", _WHAT), request.match_info["token_id"]
    if not is_id(token_id, "tok"):
        raise NotFound("Token not found")
    return customer_id, token_id
