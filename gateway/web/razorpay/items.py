"""`/v1/items`: made, listed, read, changed, deleted."""

from __future__ import annotations

from typing import Annotated, Any

from aiohttp import web
from pydantic import BeforeValidator, Field

from gateway.domain.errors import InvalidRequest
from gateway.domain.ids import new_id
from gateway.domain.line_items import Item
from gateway.domain.work import StoredAnswer
from gateway.storage import items
from gateway.storage.journal import Connection
from gateway.web.api.common import found, path_id
from gateway.web.calls import call_of
from gateway.web.fields import Currency
from gateway.web.razorpay.answers import collection_response
from gateway.web.razorpay.bodies import read_wire_body, wire_fields, wire_model
from gateway.web.razorpay.fields import Flag, WireAmount, WireLaterAmount, WireModel, absent
from gateway.web.razorpay.queries import flag, page_of
from gateway.web.razorpay.wire import WireRoute
from gateway.web.razorpay_bills import item_entity
from gateway.web.responses import json_answer, json_response
from gateway.web.writes import write_once

__all__ = ["ROUTES"]

_PREFIX = "item"
_WHAT = "Item"

_Name = Annotated[str, Field(min_length=1, max_length=512)]
_Description = Annotated[Annotated[str, Field(max_length=2048)] | None, BeforeValidator(absent)]


class _ItemBody(WireModel):
    """`POST /v1/items`; `amount` is the price of one."""

    name: _Name
    currency: Currency
    amount: WireAmount
    description: _Description = None


class _ItemChanges(WireModel):
    """`PATCH /v1/items/{id}`."""

    name: _Name = ""
    description: _Description = None
    amount: WireLaterAmount = 1
    currency: Currency = ""
    active: Flag = True


async def create_item(request: web.Request) -> web.Response:
    """`POST /v1/items`: a new item."""
    body, call = await read_wire_body(request), call_of(request)
    fields, now = wire_model(body, _ItemBody), call.services.clock.now()
    item = Item(
        id=new_id(_PREFIX),
        merchant_id=call.caller.merchant_id,
        mode=call.caller.mode,
        created_at=now,
        updated_at=now,
        **fields.model_dump(),
    )

    async def create(connection: Connection) -> StoredAnswer:
        await items.insert_item(connection, item)
        return json_answer(200, item_entity(item))

    return await write_once(request, body, "razorpay.item.created", create)


async def list_items(request: web.Request) -> web.Response:
    """`GET /v1/items`: items, newest first."""
    call, page, active = call_of(request), page_of(request), flag(request, "active")
    async with call.services.pool.acquire() as connection:
        listed = await items.list_items(connection, call.caller.scope, page, active=active)
    return collection_response([item_entity(item) for item in listed])


async def get_item(request: web.Request) -> web.Response:
    """`GET /v1/items/{id}`: one item."""
    call, item_id = call_of(request), path_id(request, _PREFIX, _WHAT)
    async with call.services.pool.acquire() as connection:
        listed = await items.find_items(connection, call.caller.scope, [item_id])
    return json_response(item_entity(found(listed.get(item_id), _WHAT)))


async def change_item(request: web.Request) -> web.Response:
    """`PATCH /v1/items/{id}`: what is not named stays; lines of invoices stay as they are."""
    call, item_id = call_of(request), path_id(request, _PREFIX, _WHAT)
    fields = await wire_fields(request, _ItemChanges)
    changes: dict[str, Any] = fields.model_dump(include=fields.model_fields_set)
    if not changes:
        raise InvalidRequest("There is nothing to change")
    async with call.services.pool.acquire() as connection, connection.transaction():
        item = found(
            await items.update_item(
                connection, call.caller.scope, item_id, changes, call.services.clock.now()
            ),
            _WHAT,
        )
        call.services.policy.amount_limits.check(item.amount, item.currency)
    return json_response(item_entity(item))


async def delete_item(request: web.Request) -> web.Response:
    """`DELETE /v1/items/{id}`: it can be put into invoices no more."""
    call, item_id = call_of(request), path_id(request, _PREFIX, _WHAT)
    async with call.services.pool.acquire() as connection:
        found(await items.delete_item(connection, call.caller.scope, item_id) or None, _WHAT)
    return json_response([])


ROUTES = (
    WireRoute("POST", "/v1/items", create_item, "items:write"),
    WireRoute("GET", "/v1/items", list_items, "items:read"),
    WireRoute("GET", "/v1/items/{id}", get_item, "items:read"),
    WireRoute("PATCH", "/v1/items/{id}", change_item, "items:write"),
    WireRoute("DELETE", "/v1/items/{id}", delete_item, "items:write"),
)
