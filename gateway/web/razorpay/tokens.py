"""Saved cards: of a customer, and by their id alone under `/v1/tokens`."""

from __future__ import annotations

from aiohttp import web

from gateway.domain.customers import Token
from gateway.domain.errors import InvalidRequest, NotFound
from gateway.domain.ids import is_id
from gateway.domain.representation import token_object
from gateway.storage import tokens
from gateway.storage.journal import Connection
from gateway.web import customer_changes
from gateway.web.api.common import changed_by, path_id
from gateway.web.calls import call_of
from gateway.web.razorpay.answers import collection_response
from gateway.web.razorpay.bodies import wire_fields
from gateway.web.razorpay.fields import WireModel, WireText
from gateway.web.razorpay.queries import page_of
from gateway.web.razorpay.wire import WireRoute
from gateway.web.razorpay_entities import token_entity
from gateway.web.responses import json_response

__all__ = ["ROUTES"]


class _TokenBody(WireModel):
    """`POST /v1/tokens/fetch` and `delete`."""

    id: str
    customer_id: WireText = None


async def list_tokens(request: web.Request) -> web.Response:
    """`GET /v1/customers/{id}/tokens`: the customer's saved cards, newest first."""
    call = call_of(request)
    customer_id, page = path_id(request, "cust", "Customer"), page_of(request)
    async with call.services.pool.acquire() as connection:
        await customer_changes.customer_of(connection, call.caller.scope, customer_id)
        listed = await tokens.list_tokens(connection, call.caller.scope, page, customer_id)
    found = listed[0] if listed else []
    return collection_response([token_entity(token_object(token)) for token in found])


async def get_token(request: web.Request) -> web.Response:
    """`GET /v1/customers/{id}/tokens/{token_id}`: one saved card."""
    async with call_of(request).services.pool.acquire() as connection:
        token = await _in_path(connection, request)
    return json_response(token_entity(token_object(token)))


async def delete_token(request: web.Request) -> web.Response:
    """`DELETE /v1/customers/{id}/tokens/{token_id}`: kept no longer, here and at the processor."""
    services = call_of(request).services
    async with services.pool.acquire() as connection, connection.transaction():
        token = await _in_path(connection, request)
        await _remove(connection, request, token)
    services.forget()
    return json_response({"deleted": True})


async def fetch_token(request: web.Request) -> web.Response:
    """`POST /v1/tokens/fetch`: the same by its id alone."""
    fields = await wire_fields(request, _TokenBody)
    async with call_of(request).services.pool.acquire() as connection:
        token = await _in_body(connection, request, fields)
    return json_response(token_entity(token_object(token)))


async def delete_token_by_id(request: web.Request) -> web.Response:
    """`POST /v1/tokens/delete`: the same by its id alone; the answer is an empty list."""
    services = call_of(request).services
    fields = await wire_fields(request, _TokenBody)
    async with services.pool.acquire() as connection, connection.transaction():
        await _remove(connection, request, await _in_body(connection, request, fields))
    services.forget()
    return json_response([])


async def create_token(_request: web.Request) -> web.Response:
    """`POST /v1/tokens`: refused, a card is saved with its first payment."""
    raise InvalidRequest("A card is saved with a payment: send save with it", field="save")


async def _in_path(connection: Connection, request: web.Request) -> Token:
    customer_id, token_id = path_id(request, "cust", "Customer"), request.match_info["token_id"]
    if not is_id(token_id, "tok"):
        raise NotFound("Token not found")
    scope = call_of(request).caller.scope
    return await customer_changes.token_of(connection, scope, customer_id, token_id)


async def _in_body(connection: Connection, request: web.Request, fields: _TokenBody) -> Token:
    token = None
    if is_id(fields.id, "tok"):
        token = await tokens.find_token(connection, call_of(request).caller.scope, fields.id)
    if token is None or fields.customer_id not in (None, token.customer_id):
        raise NotFound("Token not found", field="id")
    return token


async def _remove(connection: Connection, request: web.Request, token: Token) -> None:
    await customer_changes.remove_token(
        connection, changed_by(request), token.customer_id, token.id
    )


ROUTES = (
    WireRoute("GET", "/v1/customers/{id}/tokens", list_tokens, "customers:read"),
    WireRoute("GET", "/v1/customers/{id}/tokens/{token_id}", get_token, "customers:read"),
    WireRoute("DELETE", "/v1/customers/{id}/tokens/{token_id}", delete_token, "customers:write"),
    WireRoute("POST", "/v1/tokens", create_token, "customers:write"),
    WireRoute("POST", "/v1/tokens/fetch", fetch_token, "customers:read"),
    WireRoute("POST", "/v1/tokens/delete", delete_token_by_id, "customers:write"),
)
