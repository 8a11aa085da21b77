"""Answers of this surface, those to commands made from what the order's actor has decided."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aiohttp import web

from gateway.actors.messages import Done
from gateway.domain.representation import order_object
from gateway.domain.work import StoredAnswer
from gateway.web.calls import call_of
from gateway.web.commands import Command, command_response
from gateway.web.razorpay_entities import order_entity
from gateway.web.responses import JSON, json_answer, json_response
from gateway.web.surfaces import register_surface

__all__ = ["ORDER_CREATED", "collection", "collection_response", "command_answer"]

ORDER_CREATED = "razorpay.order.created"


def collection(items: Sequence[Any]) -> dict[str, Any]:
    """A list as an entity."""
    return {"entity": "collection", "count": len(items), "items": items}


def collection_response(items: Sequence[Any]) -> web.Response:
    """The answer that lists these."""
    return json_response(collection(items))


async def command_answer(request: web.Request, command: Command) -> web.Response:
    """The response to a command. Raises what the order actor refuses with."""
    response = await command_response(request.app, call_of(request).services, command)
    response.headers["Content-Type"] = JSON  # an outcome that is an error, too
    return response


def _order_created(done: Done, _request_id: str | None) -> StoredAnswer:
    return json_answer(200, order_entity(order_object(done.order)))


register_surface(ORDER_CREATED, _order_created)
