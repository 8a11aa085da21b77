"""Disputes: listed, read, accepted, contested."""

from __future__ import annotations

from typing import Annotated, Literal

from aiohttp import web
from pydantic import Field

from gateway.actors.messages import ChangeDispute, ClaimRequest
from gateway.domain.decisions import AcceptDispute, ContestDispute, DisputeChange
from gateway.domain.disputes import Dispute, dispute_object
from gateway.domain.errors import InvalidRequest
from gateway.storage import reads_disputes as reads
from gateway.web.api.common import merchant_key
from gateway.web.api.disputes import find_own
from gateway.web.bodies import Body
from gateway.web.calls import call_of
from gateway.web.commands import Command
from gateway.web.razorpay.answers import DISPUTE_CHANGED, collection_response, command_answer
from gateway.web.razorpay.bodies import read_wire_body, wire_model
from gateway.web.razorpay.fields import WireLaterAmount, WireModel
from gateway.web.razorpay.queries import page_of
from gateway.web.razorpay.wire import WireRoute
from gateway.web.razorpay_entities import dispute_entity
from gateway.web.responses import json_response

__all__ = ["ROUTES"]

_SUMMARY_CHARACTERS_MAX = 1_000


class _EmptyBody(WireModel):
    """Nothing is taken."""


class _ContestBody(WireModel):
    """`PATCH /v1/disputes/{id}/contest`; evidence is the summary, without documents."""

    amount: WireLaterAmount | None = None
    summary: Annotated[str, Field(min_length=1, max_length=_SUMMARY_CHARACTERS_MAX)] | None = None
    action: Literal["draft", "submit"] = "draft"


async def list_disputes(request: web.Request) -> web.Response:
    """`GET /v1/disputes`: disputes, newest first."""
    call = call_of(request)
    page = page_of(request)
    async with call.services.pool.acquire() as connection:
        listed = await reads.list_disputes(connection, call.caller.scope, page)
    disputes = listed[0] if listed else []
    return collection_response([dispute_entity(dispute_object(each)) for each in disputes])


async def get_dispute(request: web.Request) -> web.Response:
    """`GET /v1/disputes/{id}`: one dispute."""
    return json_response(dispute_entity(dispute_object(await find_own(request))))


async def accept_dispute(request: web.Request) -> web.Response:
    """`POST /v1/disputes/{id}/accept`: give in; the amount is lost."""
    body = await read_wire_body(request)
    wire_model(body, _EmptyBody)
    return await _change(request, await find_own(request), body, AcceptDispute())


async def contest_dispute(request: web.Request) -> web.Response:
    """`PATCH /v1/disputes/{id}/contest`: keep evidence as a draft, or submit it to the bank."""
    body = await read_wire_body(request)
    fields = wire_model(body, _ContestBody)
    dispute = await find_own(request)
    if fields.amount not in (None, dispute.amount):
        raise InvalidRequest("amount must be the amount of the dispute", field="amount")
    change = ContestDispute(summary=fields.summary, submit=fields.action == "submit")
    return await _change(request, dispute, body, change)


async def _change(
    request: web.Request, dispute: Dispute, body: Body, change: DisputeChange
) -> web.Response:
    call = call_of(request)

    async def message(claim: ClaimRequest | None) -> ChangeDispute:
        return ChangeDispute(
            dispute_id=dispute.id, change=change, request=call.command_request(claim)
        )

    command = Command(
        order_id=dispute.order_id,
        message=message,
        surface=DISPUTE_CHANGED,
        key=merchant_key(request, body) if request.method == "POST" else None,
    )
    return await command_answer(request, command)


ROUTES = (
    WireRoute("GET", "/v1/disputes", list_disputes, "disputes:read"),
    WireRoute("GET", "/v1/disputes/{id}", get_dispute, "disputes:read"),
    WireRoute("POST", "/v1/disputes/{id}/accept", accept_dispute, "disputes:write"),
    WireRoute("PATCH", "/v1/disputes/{id}/contest", contest_dispute, "disputes:write"),
)
