"""`POST /xml/v1/request.api`: every request comes here, and every answer has status 200."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import asdict, dataclass
from typing import Any

from aiohttp import web

from gateway.domain.clock import Clock
from gateway.sandbox.authorizenet.accounts import Account, Accounts, Call
from gateway.sandbox.authorizenet.faults import Fault, Faults, Kind, Processing, troubled_answer
from gateway.sandbox.authorizenet.notifications import Courier
from gateway.sandbox.authorizenet.operations import authenticate, perform
from gateway.sandbox.authorizenet.options import Options
from gateway.sandbox.authorizenet.refusals import Refused
from gateway.sandbox.authorizenet.schema import check
from gateway.sandbox.authorizenet.wire import (
    CONTENT_TYPE,
    Members,
    child,
    encode,
    envelope,
    instant,
    parse,
    text_of,
)

__all__ = ["PATH", "JsonApi", "Received"]

PATH = "/xml/v1/request.api"
_TRY_AGAIN = "An error occurred during processing. Please try again."


@dataclass(slots=True, kw_only=True)
class Received:
    """What is remembered of a request: nothing secret, no card."""

    at: str
    operation: str = ""
    transaction_type: str = ""
    ref_id: str = ""
    invoice_number: str = ""
    ref_transaction_id: str = ""
    fault: str = ""
    transaction_id: str = ""
    code: str = ""
    """Of the reply's messages: I00001, E00027; empty as long as it has not been processed."""

    def representation(self) -> dict[str, Any]:
        """As the control API shows it."""
        return asdict(self)


class JsonApi:
    """Answers requests, or meets them with the fault that a test has armed."""

    def __init__(
        self, accounts: Accounts, courier: Courier, clock: Clock, options: Options
    ) -> None:
        self.faults = Faults(options.faults_max)
        self.received: deque[Received] = deque(maxlen=options.requests_max)
        self._accounts = accounts
        self._courier = courier
        self._clock = clock
        self._options = options
        self._later: set[asyncio.Task[bytes]] = set()

    def routes(self) -> list[web.RouteDef]:
        """The one address."""
        return [web.post(PATH, self._answer)]

    async def stop(self) -> None:
        """Give up what would have been processed later."""
        for task in self._later:
            task.cancel()
        await asyncio.gather(*self._later, return_exceptions=True)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        received = Received(at=instant(self._clock.now()))
        self.received.append(received)
        try:
            operation, members = parse(await request.read())
        except Refused as refused:
            return _response(encode(_refusal(refused)))
        _note(received, operation, members)
        fault = self.faults.take((operation, received.transaction_type))
        if fault is None:
            return _response(await self._process(received, operation, members))
        received.fault = fault.kind.value
        body = await self._body_under(fault, received, operation, members)
        return await troubled_answer(request, fault.kind, body)

    async def _body_under(
        self, fault: Fault, received: Received, operation: str, members: Members
    ) -> bytes:
        """What the answer would be, once the fault has had its time; processed when it says so."""
        body = encode(_refusal(Refused("E00001", _TRY_AGAIN)))
        if fault.processing is Processing.FIRST:
            body = await self._process(received, operation, members)
        elif fault.processing is Processing.LATE and fault.kind is not Kind.SLOW:
            self._process_later(fault.seconds, received, operation, members)
        if fault.kind is Kind.SLOW:
            await asyncio.sleep(fault.seconds)
            if fault.processing is Processing.LATE:
                body = await self._process(received, operation, members)
        return body

    def _process_later(
        self, seconds: float, received: Received, operation: str, members: Members
    ) -> None:
        async def process() -> bytes:
            await asyncio.sleep(seconds)
            return await self._process(received, operation, members)

        task = asyncio.create_task(process())
        self._later.add(task)
        task.add_done_callback(self._later.discard)

    async def _process(self, received: Received, operation: str, members: Members) -> bytes:
        """Do what is asked and tell the webhooks; the bytes of the reply."""
        account: Account | None = None
        try:
            check(operation, members, strict=self._options.strict)
            account = authenticate(self._accounts, members)
            reply = perform(Call(account, self._accounts, operation, members, self._clock.now()))
        except Refused as refused:
            reply = _refusal(refused)
        if members.get("refId") is not None:
            messages = reply.pop("messages")
            reply = {**reply, "refId": text_of(members, "refId"), "messages": messages}
        received.code = reply["messages"]["message"][0]["code"]
        received.transaction_id = child(reply, "transactionResponse").get("transId", "")
        if account is not None:
            await self._courier.send(account, account.take_events(), self._clock.now())
        return encode(reply)


def _note(received: Received, operation: str, members: Members) -> None:
    request = child(members, "transactionRequest")
    received.operation = operation
    received.transaction_type = text_of(request, "transactionType")
    received.ref_id = text_of(members, "refId")
    received.invoice_number = text_of(child(request, "order"), "invoiceNumber")
    received.ref_transaction_id = text_of(request, "refTransId")


def _refusal(refused: Refused) -> Members:
    return {**refused.members, "messages": envelope(refused.code, refused.text, error=True)}


def _response(body: bytes) -> web.Response:
    return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE})
