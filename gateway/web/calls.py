"""What is known of a request before its handler runs: its id, and who asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from aiohttp import web
from aiohttp_session import Session

from gateway.actors.messages import ClaimRequest, Request
from gateway.domain.versions import VersionChange
from gateway.storage.administration import Author
from gateway.storage.reads_accounts import KeyRecord
from gateway.storage.reads_pages import Scope
from gateway.storage.users import UserRecord
from gateway.web.errors import NotPermitted
from gateway.web.services import Services

__all__ = ["CALL", "Call", "Caller", "Member", "call_of"]


@dataclass(frozen=True, slots=True)
class Caller:
    """The API key that a request came with; `key` has the merchant's settings too."""

    key: KeyRecord

    @property
    def actor(self) -> str:
        """What the audit log calls it."""
        return self.key.id

    @property
    def address(self) -> str | None:
        """The audit log does not keep the addresses of merchants' servers."""
        return None

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """Who is signed in to the dashboard, and looks at which mode.

    `csrf_token` is what forms must bring; `confirmed_at` (unix seconds) when the password was
    entered last; `notice` is what the page before had to say; `address` is where the request came
    from.
    """

    user: UserRecord
    mode: str
    csrf_token: str = field(repr=False)
    confirmed_at: int
    notice: str = ""
    address: str | None
    session: Session = field(repr=False)

    @property
    def actor(self) -> str:
        """What the audit log calls them; a page shows the name instead."""
        return f"user:{self.user.id}"

    @property
    def role(self) -> str:
        """One of `gateway.domain.roles.ROLES`."""
        return self.user.role

    @property
    def merchant_id(self) -> UUID:
        """The merchant they belong to; raises NotPermitted for an operator, who has none."""
        if self.user.merchant_id is None:
            raise NotPermitted("Operators belong to no merchant")
        return self.user.merchant_id

    @property
    def scope(self) -> Scope:
        """What they may read, in the mode they look at; raises NotPermitted for an operator."""
        return Scope(merchant_id=self.merchant_id, mode=self.mode)


class Call:
    """One request on its way through the web layer."""

    __slots__ = (
        "_caller",
        "_member",
        "changes",
        "headers",
        "request_id",
        "services",
        "streaming_since",
        "traceparent",
        "version",
    )

    def __init__(self, services: Services, request_id: str, traceparent: str | None) -> None:
        self.services = services
        self.request_id = request_id
        self.traceparent = traceparent
        # When a live stream began, by time.perf_counter(): that is how long its answer took.
        self.streaming_since: float | None = None
        # What the response is to carry besides its own.
        self.headers: Mapping[str, str] | None = None
        # The version of the contract that is spoken, once that is settled.
        self.version: str | None = None
        # What has changed since that version, oldest first.
        self.changes: Sequence[VersionChange] = ()
        self._caller: Caller | None = None
        self._member: Member | None = None

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
    def member(self) -> Member:
        """Who is signed in; only routes with `Access.SESSION` have one."""
        if self._member is None:
            raise AssertionError("the route does not need a session")
        return self._member

    @member.setter
    def member(self, member: Member) -> None:
        self._member = member

    @property
    def merchant_id(self) -> str | None:
        """For the log; None where nobody was authenticated."""
        if self._caller is not None:
            return str(self._caller.merchant_id)
        member = self._member
        return (
            None if member is None or member.user.merchant_id is None else str(member.merchant_id)
        )

    @property
    def author(self) -> Author:
        """Who is to be named in the audit log; raises NotPermitted for an operator."""
        who = self._member or self.caller
        return Author(
            scope=who.scope, name=who.actor, request_id=self.request_id, address=who.address
        )

    def command_request(self, claim: ClaimRequest | None = None) -> Request:
        """What commands to order actors say about who sends them."""
        who = self._member or self.caller
        return Request(
            merchant_id=who.merchant_id, mode=who.mode, request_id=self.request_id, claim=claim
        )


CALL: web.RequestKey[Call] = web.RequestKey("call", Call)


def call_of(request: web.Request) -> Call:
    """The call that the middleware made of the request."""
    return request[CALL]
