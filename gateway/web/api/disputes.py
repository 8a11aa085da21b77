"""Disputes: read, listed, accepted, contested."""

from __future__ import annotations

from aiohttp import web

from gateway.actors.messages import ChangeDispute, ClaimRequest
from gateway.domain.decisions import AcceptDispute, ContestDispute, DisputeChange
from gateway.domain.disputes import Dispute, DisputeStatus, dispute_object
from gateway.domain.ids import is_id
from gateway.storage import reads_disputes as reads
from gateway.web.api.common import found, merchant_key, path_id
from gateway.web.bodies import Body, read_body
from gateway.web.calls import call_of
from gateway.web.commands import Command, command_response
from gateway.web.queries import choice, identifier, list_response, page_of, unknown_start
from gateway.web.responses import json_response
from gateway.web.schemas import ContestBody, EmptyBody
from gateway.web.surfaces import DISPUTE_CHANGED

__all__ = [
    "accept_dispute",
    "change_response",
    "contest_dispute",
    "find_own",
    "get_dispute",
    "list_disputes",
]

_STATUSES = tuple(DisputeStatus)


async def get_dispute(request: web.Request) -> web.Response:
    """`GET /disputes/{id}`: one dispute."""
    return json_response(dispute_object(await find_own(request)))


async def list_disputes(request: web.Request) -> web.Response:
    """`GET /disputes`: disputes, newest first."""
    call = call_of(request)
    page = page_of(request, lambda text: is_id(text, "disp"))
    status = choice(request, "status", _STATUSES)
    payment_id = identifier(request, "payment_id", "pay")
    async with call.services.pool.acquire() as connection:
        listed = await reads.list_disputes(
            connection, call.caller.scope, page, status=status, payment_id=payment_id
        )
    if listed is None:
        raise unknown_start()
    disputes, listing = listed
    return list_response([dispute_object(dispute) for dispute in disputes], listing, page)


async def accept_dispute(request: web.Request) -> web.Response:
    """`POST /disputes/{id}/accept`: give in; the amount is lost."""
    body = await read_body(request)
    body.as_model(EmptyBody)
    return await change_response(request, body, AcceptDispute())


async def contest_dispute(request: web.Request) -> web.Response:
    """`POST /disputes/{id}/contest`: keep evidence as a draft, or submit it to the bank."""
    body = await read_body(request)
    fields = body.as_model(ContestBody)
    change = ContestDispute(summary=fields.summary, submit=fields.action == "submit")
    return await change_response(request, body, change)


async def find_own(request: web.Request) -> Dispute:
    """The caller's dispute that the path names. Raises NotFound."""
    call = call_of(request)
    dispute_id = path_id(request, "disp", "Dispute")
    async with call.services.pool.acquire() as connection:
        dispute = await reads.find_dispute(connection, call.caller.scope, dispute_id)
    return found(dispute, "Dispute")


async def change_response(request: web.Request, body: Body, change: DisputeChange) -> web.Response:
    """Have the dispute that the path names changed; answer with what it is then."""
    call = call_of(request)
    dispute = await find_own(request)

    async def message(claim: ClaimRequest | None) -> ChangeDispute:
        return ChangeDispute(
            dispute_id=dispute.id, change=change, request=call.command_request(claim)
        )

    command = Command(
        order_id=dispute.order_id,
        message=message,
        surface=DISPUTE_CHANGED,
        key=merchant_key(request, body),
    )
    return await command_response(request.app, call.services, command)
