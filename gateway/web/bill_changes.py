"""What is done to payment links and invoices, for every wire format and the dashboard alike."""

from __future__ import annotations

import json
from collections.abc import Callable

from aiohttp import web
from asyncpg import UniqueViolationError

from gateway.domain import bills
from gateway.domain.bills import Bill, BillKind
from gateway.domain.errors import InvalidRequest, InvalidState, NotFound, Unavailable
from gateway.storage import bills as storage
from gateway.storage.administration import write_audit
from gateway.storage.journal import Connection
from gateway.storage.reads_accounts import find_merchant
from gateway.storage.reads_pages import Scope
from gateway.web.calls import call_of
from gateway.web.mail import MailNotSent
from gateway.web.pages.page import page_of
from gateway.web.services import Services
from gateway.web.webhook_changes import Changed

__all__ = ["add_bill", "bill_of", "cancel_bill", "change_bill", "notify_by", "page_address"]

_WHAT = {BillKind.PAYMENT_LINK: "Payment link", BillKind.INVOICE: "Invoice"}


def page_address(request: web.Request, bill_id: str) -> str:
    """Where the shopper pays the bill: a page of ours."""
    public_url: str | None = call_of(request).services.settings.public_url
    return f"{public_url or f'{request.scheme}://{request.host}'}/l/{bill_id}"


async def bill_of(connection: Connection, scope: Scope, kind: BillKind, bill_id: str) -> Bill:
    """The merchant's bill. Raises NotFound."""
    bill = await storage.find_bill(connection, scope, kind, bill_id)
    if bill is None:
        raise NotFound(f"{_WHAT[kind]} not found")
    return bill


async def add_bill(connection: Connection, changed: Changed, bill: Bill) -> Bill:
    """A new bill, in the caller's transaction. Raises InvalidRequest for terms that cannot be."""
    _check(
        changed.services, bills.check_terms(bill, changed.services.policy.amount_limits), new=True
    )
    if not await storage.insert_bill(connection, bill):
        raise _reference_taken(bill.reference)
    return bill


async def change_bill(services: Services, bill: Bill, change: Callable[[Bill], Bill]) -> Bill:
    """The merchant's bill as `change` makes it, of how it is by then.

    Raises what `change` refuses with, and InvalidRequest for terms that cannot be.
    """
    try:
        async with services.bills.changing(bill.id) as changing:
            changed = bills.check_terms(change(changing.bill), services.policy.amount_limits)
            _check(services, changed, new=changed.expires_at != changing.bill.expires_at)
            await changing.put(changed)
            return changed
    except UniqueViolationError:
        raise _reference_taken(None) from None


async def cancel_bill(request: web.Request, bill: Bill) -> Bill:
    """The bill takes no money any more. Raises InvalidState while it is being paid, or over."""
    call = call_of(request)
    cancelled = await call.services.bills.cancel(bill.id, request_id=call.request_id)
    async with call.services.pool.acquire() as connection:
        await write_audit(
            connection, call.author, f"{bill.kind}.cancelled", bill.id, cancelled.updated_at
        )
    return cancelled


async def notify_by(request: web.Request, bill: Bill, medium: str) -> None:
    """Mail the customer where to pay. Raises InvalidRequest and InvalidState where that cannot be.

    There is nobody to send short messages.
    """
    services = call_of(request).services
    if medium == "sms":
        raise InvalidRequest("Short messages cannot be sent by this gateway", field="medium")
    if medium != "email":
        raise InvalidRequest("medium must be sms or email", field="medium")
    if services.mailer is None:
        raise InvalidState("E-mail cannot be sent: GATEWAY_SMTP_URL is not set")
    if bill.payer_email is None:
        raise InvalidState("There is no e-mail address of the customer")
    if bill.status not in bills.OPEN:
        raise InvalidState(f"It cannot be paid, it is {bill.status}")
    async with services.pool.acquire() as connection:
        merchant = await find_merchant(connection, bill.merchant_id)
    if merchant is None:
        raise AssertionError("a bill is a merchant's")
    try:
        await services.mailer.send(bill.payer_email, *_mail(request, bill, merchant.name))
    except MailNotSent:
        raise Unavailable("The mail could not be sent, try again later") from None


def _mail(request: web.Request, bill: Bill, merchant_name: str) -> tuple[str, str]:
    amount = page_of(request, "en").amount(bill.amount_due, bill.currency)
    lines = [
        f"{merchant_name} asks you to pay {amount}.",
        *([bill.description] if bill.description else []),
        *([f"Reference: {bill.reference}"] if bill.reference else []),
        f"Pay here: {json.loads(bill.details)['short_url']}",
    ]
    subject = " ".join(f"Payment of {amount} to {merchant_name}".split())
    return subject, "\n\n".join(lines) + "\n"


def _check(services: Services, bill: Bill, *, new: bool) -> None:
    if new:
        bills.check_expiry(
            bill.expires_at,
            services.clock.now(),
            seconds_min=services.settings.bill_expiry_seconds_min,
        )


def _reference_taken(reference: str | None) -> InvalidRequest:
    named = f" ({reference})" if reference else ""
    return InvalidRequest(
        f"payment link with given reference_id{named} already exists", field="reference_id"
    )
