"""The shopper's bank, played by a test: it opens disputes and decides them."""

from __future__ import annotations

from aiohttp import web

from gateway.actors.messages import ClaimRequest, MakeDispute
from gateway.domain.decisions import DecideDispute, OpenDispute
from gateway.domain.disputes import DisputePhase, DisputeStatus
from gateway.domain.errors import NotFound
from gateway.storage import reads
from gateway.web.api.common import found, merchant_key
from gateway.web.api.disputes import change_response
from gateway.web.bodies import read_body
from gateway.web.calls import call_of
from gateway.web.commands import Command, command_response
from gateway.web.schemas import DisputeBody, VerdictBody
from gateway.web.surfaces import DISPUTE_CREATED

__all__ = ["decide_dispute", "open_dispute"]


async def open_dispute(request: web.Request) -> web.Response:
    """`POST /test/disputes`: dispute a captured payment as the shopper's bank would."""
    call = call_of(request)
    _refuse_live(request)
    body = await read_body(request)
    fields = body.as_model(DisputeBody)
    wish = OpenDispute(
        payment_id=fields.payment_id,
        amount=fields.amount,
        phase=DisputePhase(fields.phase),
        reason_code=fields.reason_code,
    )
    async with call.services.pool.acquire() as connection:
        order_id = await reads.order_of_payment(connection, call.caller.scope, wish.payment_id)

    async def message(claim: ClaimRequest | None) -> MakeDispute:
        return MakeDispute(command=wish, request=call.command_request(claim))

    command = Command(
        order_id=found(order_id, "Payment"),
        message=message,
        surface=DISPUTE_CREATED,
        key=merchant_key(request, body),
    )
    return await command_response(request.app, call.services, command)


async def decide_dispute(request: web.Request) -> web.Response:
    """`POST /test/disputes/{id}/decide`: decide a dispute as the shopper's bank would."""
    _refuse_live(request)
    body = await read_body(request)
    status = DisputeStatus(body.as_model(VerdictBody).status)
    return await change_response(request, body, DecideDispute(status=status))


def _refuse_live(request: web.Request) -> None:
    """The simulated bank never serves live keys."""
    if call_of(request).caller.scope.mode != "test":
        raise NotFound("Not found")
