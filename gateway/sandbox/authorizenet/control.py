"""The tests' own door, on loopback at a port of its own: books, clock, faults, webhooks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol, TypeVar

import orjson
from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gateway.domain.clock import Clock
from gateway.sandbox.authorizenet.accounts import Account, Accounts
from gateway.sandbox.authorizenet.api import JsonApi
from gateway.sandbox.authorizenet.batches import cut_off_after, expire, pending
from gateway.sandbox.authorizenet.codes import APPROVED, REASONS, response_code
from gateway.sandbox.authorizenet.faults import Fault, Kind, Processing
from gateway.sandbox.authorizenet.nonces import DESCRIPTOR
from gateway.sandbox.authorizenet.notifications import Courier
from gateway.sandbox.authorizenet.options import Options
from gateway.sandbox.authorizenet.refusals import Refused, Unsuccessful
from gateway.sandbox.authorizenet.transactions import Transaction
from gateway.sandbox.authorizenet.wire import instant

__all__ = ["Control", "Door"]

_YEAR_SECONDS = 366 * 24 * 3600.0
_COPIES_MAX = 100

Body = TypeVar("Body", bound=BaseModel)


class Door(Protocol):
    """Whoever can stop listening, and begin again."""

    async def refuse(self, seconds: float | None) -> None:
        """Refuse connections for so long; None: until `accept`."""

    async def accept(self) -> None:
        """Listen again."""


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class _FaultBody(_Body):
    kind: Kind
    processing: Processing = Processing.FIRST
    seconds: float = Field(default=0.0, ge=0)
    operation: str | None = None
    count: int = Field(default=1, ge=1)


class _ReasonBody(_Body):
    code: str
    transaction_type: str | None = None
    count: int = Field(default=1, ge=1)


class _RefusalBody(_Body):
    seconds: float | None = Field(default=None, gt=0)


class _ClockBody(_Body):
    advance_seconds: float = Field(ge=0, le=_YEAR_SECONDS)


class _NonceBody(_Body):
    card_number: str
    expiration_date: str
    card_code: str = ""


class _AccountBody(_Body):
    login_id: str = Field(min_length=1, max_length=25)
    transaction_key: str = Field(min_length=1, max_length=16)
    signature_key: str = Field(min_length=1, max_length=256)


class _HabitsBody(_Body):
    held: bool | None = None
    copies: int | None = Field(default=None, ge=1, le=_COPIES_MAX)
    before_answer: bool | None = None


class _ReleaseBody(_Body):
    newest_first: bool = False


class _ResendBody(_Body):
    notification_id: str
    copies: int = Field(default=1, ge=1, le=_COPIES_MAX)


@dataclass(slots=True)
class Control:
    """Answers `/control/…`; `?account=` names another account than the first."""

    accounts: Accounts
    api: JsonApi
    courier: Courier
    clock: Clock
    door: Door
    options: Options

    def routes(self) -> list[web.RouteDef]:
        """Everything that tests can ask for."""
        return [
            web.get("/control/transactions", self._transactions),
            web.get("/control/requests", self._requests),
            web.get("/control/faults", self._faults),
            web.post("/control/faults", self._arm),
            web.delete("/control/faults", self._disarm),
            web.post("/control/reasons", self._arm_reason),
            web.post("/control/refusal", self._refuse),
            web.delete("/control/refusal", self._accept),
            web.get("/control/clock", self._clock),
            web.post("/control/clock", self._advance),
            web.post("/control/settlement", self._settle),
            web.post("/control/nonces", self._issue_nonce),
            web.post("/control/accounts", self._add_account),
            web.get("/control/webhooks", self._webhooks),
            web.post("/control/webhooks", self._change_habits),
            web.post("/control/webhooks/release", self._release),
            web.post("/control/webhooks/resend", self._resend),
        ]

    async def _transactions(self, request: web.Request) -> web.Response:
        invoice_number = request.query.get("invoice_number")
        return _answer(
            transactions=[
                _written(each)
                for each in self._account(request).book
                if invoice_number in (None, each.invoice_number)
            ]
        )

    async def _requests(self, _: web.Request) -> web.Response:
        return _answer(requests=[each.representation() for each in self.api.received])

    async def _faults(self, _: web.Request) -> web.Response:
        return _answer(faults=[_armed(fault) for fault in self.api.faults.armed()])

    async def _arm(self, request: web.Request) -> web.Response:
        body = await _body(request, _FaultBody)
        if body.seconds > self.options.fault_seconds_max:
            raise _bad(f"seconds is {self.options.fault_seconds_max:g} at most")
        fault = Fault(**body.model_dump())
        try:
            self.api.faults.arm(fault)
        except ValueError as error:
            raise _bad(str(error)) from None
        return _answer(fault=_armed(fault))

    async def _disarm(self, _: web.Request) -> web.Response:
        self.api.faults.disarm()
        return _answer()

    async def _arm_reason(self, request: web.Request) -> web.Response:
        body = await _body(request, _ReasonBody)
        if body.code not in REASONS or response_code(body.code) == APPROVED:
            raise _bad("code is none that a transaction can be refused or held with")
        reasons = self._account(request).reasons
        if len(reasons) + body.count > self.options.faults_max:
            raise _bad(f"{self.options.faults_max} reasons can be armed")
        reasons.extend([(body.code, body.transaction_type)] * body.count)
        return _answer()

    async def _refuse(self, request: web.Request) -> web.Response:
        body = await _body(request, _RefusalBody)
        await self.door.refuse(body.seconds)
        return _answer()

    async def _accept(self, _: web.Request) -> web.Response:
        await self.door.accept()
        return _answer()

    async def _clock(self, _: web.Request) -> web.Response:
        return _answer(now=instant(self.clock.now()))

    async def _advance(self, request: web.Request) -> web.Response:
        """Move the clock; what was pending settles at the first cut-off that is passed."""
        body = await _body(request, _ClockBody)
        cut_off = cut_off_after(self.clock.now(), self.options.cut_off_hour)
        self.clock.advance(body.advance_seconds)
        now = self.clock.now()
        for account in self.accounts.all():
            if cut_off <= now:
                account.batches.settle(pending(account.book), self.accounts.next_id(), cut_off)
            expire(account.book, now - timedelta(days=self.options.authorization_days))
        return _answer(now=instant(now))

    async def _settle(self, request: web.Request) -> web.Response:
        """Close a batch now, without moving the clock."""
        account = self._account(request)
        transactions = pending(account.book)
        account.batches.settle(transactions, self.accounts.next_id(), self.clock.now())
        return _answer(settled=[each.id for each in transactions])

    async def _issue_nonce(self, request: web.Request) -> web.Response:
        """What Accept.js does in a browser."""
        body = await _body(request, _NonceBody)
        members = {"cardNumber": body.card_number, "expirationDate": body.expiration_date}
        try:
            card = self.accounts.cards.read(members, self.clock.now())
        except (Unsuccessful, Refused):
            raise _bad("The card cannot be used.") from None
        nonces = self._account(request).nonces
        value = nonces.issue(card, body.card_code, self.clock.now())
        return _answer(data_descriptor=DESCRIPTOR, data_value=value)

    async def _add_account(self, request: web.Request) -> web.Response:
        body = await _body(request, _AccountBody)
        try:
            account = self.accounts.add(body.login_id, body.transaction_key, body.signature_key)
        except ValueError as error:
            raise _bad(str(error)) from None
        return _answer(login_id=account.login_id)

    async def _webhooks(self, _: web.Request) -> web.Response:
        habits = self.courier.habits
        return _answer(
            held=habits.held,
            copies=habits.copies,
            before_answer=habits.before_answer,
            waiting=self.courier.held(),
            under_way=self.courier.under_way(),
        )

    async def _change_habits(self, request: web.Request) -> web.Response:
        body = await _body(request, _HabitsBody)
        for name, value in body.model_dump(exclude_none=True).items():
            setattr(self.courier.habits, name, value)
        return await self._webhooks(request)

    async def _release(self, request: web.Request) -> web.Response:
        body = await _body(request, _ReleaseBody)
        return _answer(released=self.courier.release(newest_first=body.newest_first))

    async def _resend(self, request: web.Request) -> web.Response:
        body = await _body(request, _ResendBody)
        account = self._account(request)
        found = self.courier.mailbox(account).find(body.notification_id)
        if found is None:
            raise _bad("There is no notification of this notification_id")
        self.courier.post(account, found, body.copies)
        return _answer()

    def _account(self, request: web.Request) -> Account:
        try:
            return self.accounts.get(request.query.get("account"))
        except KeyError:
            raise _bad("There is no account of this login id") from None


def _written(transaction: Transaction) -> dict[str, Any]:
    """A line of the book; amounts are decimal text in major units."""
    return {
        "id": transaction.id,
        "kind": transaction.kind,
        "status": transaction.status.value,
        "response_code": transaction.response_code,
        "reason": transaction.reason,
        "auth_amount": f"{transaction.auth_amount:.2f}",
        "settle_amount": f"{transaction.settle_amount:.2f}",
        "currency": transaction.currency,
        "invoice_number": transaction.invoice_number,
        "ref_id": transaction.ref_id,
        "ref_transaction_id": transaction.ref_transaction_id,
        "account_type": transaction.card.account_type,
        "account_number": transaction.card.masked,
        "batch_id": transaction.batch_id,
        "submitted_at": instant(transaction.submitted_at),
    }


def _armed(fault: Fault) -> dict[str, Any]:
    return {
        "kind": fault.kind.value,
        "processing": fault.processing.value,
        "seconds": fault.seconds,
        "operation": fault.operation,
        "count": fault.count,
    }


async def _body(request: web.Request, model: type[Body]) -> Body:
    try:
        return model.model_validate_json(await request.read() or b"{}")
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False, include_context=False)
        raise _bad(
            "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in problems)
        ) from None


def _answer(**members: Any) -> web.Response:
    return web.Response(body=orjson.dumps(members), content_type="application/json")


def _bad(message: str) -> web.HTTPBadRequest:
    text = orjson.dumps({"error": message}).decode()
    return web.HTTPBadRequest(text=text, content_type="application/json")
