"""What is known of a request before its handler runs: its id, and who asks."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from aiohttp import web

from gateway.actors.messages import ClaimRequest, Request
from gateway.storage.administration import Author
from gateway.storage.reads_accounts import KeyRecord
from gateway.storage.reads_pages import Scope
from gateway.web.services import Services

__all__ = ["CALL", "Call", "Caller", "call_of"]


@dataclass(frozen=True, slots=True)
class Caller:
    """The API key that a request came with; `key` has the merchant's settings too."""

    key: KeyRecord

    @property
    def merchant_id(self) -> UUID:
        """The merchant whose key it is."""
        return self.key.merchant_id

    @property
    def mode(self) -> str:
        """`test` or `live`."""
        return self.key.mode

    @property
    def scope(self) -> Scope:
        """What this caller may read."""
        return Scope(merchant_id=self.key.merchant_id, mode=self.key.mode)


class Call:
    """One request on its way through the web layer."""

    __slots__ = ("_caller", "request_id", "services", "traceparent")

    def __init__(self, services: Services, request_id: str, traceparent: str | None) -> None:
        self.services = services
        self.request_id = request_id
        self.traceparent = traceparent
        self._caller: Caller | None = None

    @property
    def caller(self) -> Caller:
        """Who asks; only routes with `Access.KEY` have one."""
        if self._caller is None:
            raise AssertionError("the route does not authenticate its callers")
        return self._caller

    @caller.setter
    def caller(self, caller: Caller) -> None:
        self._caller = caller

    @property
    def merchant_id(self) -> str | None:
        """For the log; None where nobody was authenticated."""
        return None if self._caller is None else str(self._caller.merchant_id)

    @property
    def author(self) -> Author:
        """Who is to be named in the audit log."""
        caller = self.caller
        return Author(scope=caller.scope, name=caller.key.id, request_id=self.request_id)

    def command_request(self, claim: ClaimRequest | None = None) -> Request:
        """What commands to order actors say about who sends them."""
        key = self.caller.key
        return Request(
            merchant_id=key.merchant_id, mode=key.mode, request_id=self.request_id, claim=claim
        )


CALL: web.RequestKey[Call] = web.RequestKey("call", Call)


def call_of(request: web.Request) -> Call:
    """The call that the middleware made of the request."""
    return request[CALL]
