"""The page of a payment link or an invoice: what is due, and the way into the checkout and back.

Everything is rendered here; there is no script that it needs. Whoever pays gets an order of their
own part, and comes back here when it is paid.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlencode

from aiohttp import web

from gateway.domain.bills import Bill
from gateway.domain.entities import Payment
from gateway.domain.errors import InvalidRequest, InvalidState
from gateway.domain.ids import is_id
from gateway.domain.money import exponent
from gateway.domain.typed_amounts import typed_amount
from gateway.security.signatures import hex_signature
from gateway.storage import bills as storage
from gateway.storage.reads_checkout_page import Shop, find_shop
from gateway.storage.reads_pages import Scope
from gateway.web.bill_changes import page_address
from gateway.web.calls import call_of
from gateway.web.checkout.addresses import kept_parameters, with_values
from gateway.web.checkout.bill_views import BillView, Shown, bill_response, gone_response
from gateway.web.checkout.live import signing_secret
from gateway.web.checkout.returning import see_other
from gateway.web.forms import read_form
from gateway.web.razorpay_bills import LINK_STATUSES
from gateway.web.routes import Access, Route

__all__ = ["bill_routes"]

_PREFIXES = ("plink", "inv")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    bill: Bill
    held: storage.BillOrder | None
    shop: Shop
    payments: list[Payment]


def bill_routes() -> Iterable[Route]:
    """The page, its form, and where the checkout leads back to."""
    for method, path, handler in (
        ("GET", "/l/{id}", show_bill),
        ("POST", "/l/{id}", pay_bill),
        ("GET", "/l/{id}/return", come_back),
    ):
        yield Route(
            method=method,
            path=path,
            handler=handler,
            access=Access.SHOPPER,
            step="checkout",
            surface="pages",
        )


async def show_bill(request: web.Request) -> web.Response:
    """`GET /l/{id}`: what is due, or what became of it."""
    found = await _find(request)
    return gone_response(request) if found is None else _page(request, found)


async def pay_bill(request: web.Request) -> web.Response:
    """`POST /l/{id}`: on to the checkout of an order for all that is due, or for a part of it."""
    found = await _find(request)
    if found is None:
        return gone_response(request)
    form, bill = await read_form(request), found.bill
    typed = form.text("amount") if bill.accept_partial else ""
    return_url = f"{page_address(request, bill.id)}/return{_query(request)}"
    try:
        amount = _amount(typed, bill.currency) if typed else None
        order = await call_of(request).services.bills.order_for(
            bill.id, amount, return_url=return_url
        )
    except InvalidRequest as refusal:
        return _page(request, found, refused=refusal, typed=typed)
    except InvalidState:  # paid, over, or being paid by now: the page shows that
        return see_other(f"/l/{bill.id}{_query(request)}")
    kept = kept_parameters(request.query)
    return see_other(f"/checkout?{urlencode({'order_id': order.id, **kept})}")


async def come_back(request: web.Request) -> web.Response:
    """`GET /l/{id}/return`: from the checkout; on to the merchant's page, if there is one."""
    found = await _find(request)
    if found is None:
        return gone_response(request)
    payment_id = request.query.get("paymentId", "")
    payment = next((each for each in found.payments if each.id == payment_id), None)
    if payment is None:  # none of this bill's, or not captured yet
        return _page(request, found)
    address = await _merchants_page(request, found.bill, payment)
    return _page(request, found, thanks=payment) if address is None else see_other(address)


async def _merchants_page(request: web.Request, bill: Bill, payment: Payment) -> str | None:
    """The link's callback with the values that the libraries verify; None without one.

    https://razorpay.com/docs/payments/payment-links/apis/callback, April 2026. Nobody could check
    an address without a signature, so there is none.
    """
    if bill.return_url is None:
        return None
    services = call_of(request).services
    scope = Scope(merchant_id=bill.merchant_id, mode=bill.mode)
    async with services.pool.acquire() as connection:
        secret = await signing_secret(connection, services, scope)
    if secret is None:
        return None
    reference, status = bill.reference or "", LINK_STATUSES.get(bill.status, bill.status)
    signed = "|".join((bill.id, reference, status, payment.id))
    return with_values(
        bill.return_url,
        {
            "razorpay_payment_id": payment.id,
            "razorpay_payment_link_id": bill.id,
            "razorpay_payment_link_reference_id": reference,
            "razorpay_payment_link_status": status,
            "razorpay_signature": hex_signature(signed.encode(), secret),
        },
    )


async def _find(request: web.Request) -> _Found | None:
    """The bill as it is now, with its merchant; None for what shoppers may not see."""
    services, bill_id = call_of(request).services, request.match_info["id"]
    if not any(is_id(bill_id, prefix) for prefix in _PREFIXES):
        return None
    async with services.pool.acquire() as connection:
        bill = await storage.find_bill_of_shopper(connection, bill_id)
        shop = None if bill is None else await find_shop(connection, bill.merchant_id)
        held = None if bill is None else await storage.order_of_bill(connection, bill)
    if bill is None or shop is None:
        return None
    if held is not None and held.is_over:
        bill, held = await services.bills.settle(bill_id), None
    async with services.pool.acquire() as connection:
        payments = await storage.payments_of_bills(
            connection, [bill_id], payments_max=services.settings.bill_payments_shown_max
        )
    return _Found(bill=bill, held=held, shop=shop, payments=payments[bill_id])


def _page(
    request: web.Request,
    found: _Found,
    *,
    refused: InvalidRequest | None = None,
    typed: str = "",
    thanks: Payment | None = None,
) -> web.Response:
    services = call_of(request).services
    view = BillView.of(
        found.bill,
        found.held,
        services.clock.now(),
        orders_max=services.settings.bill_orders_max,
    )
    shown = Shown(
        bill=found.bill,
        order_id=None if found.held is None else found.held.order.id,
        shop=found.shop,
        payments=found.payments,
        view=view,
        refused=refused,
        typed=typed,
        thanks=thanks,
    )
    return bill_response(request, shown)


def _amount(typed: str, currency: str) -> int:
    """Minor units. Raises InvalidRequest for what is no amount in this currency."""
    amount = typed_amount(typed)
    exact = None if amount is None else amount.exact()[exponent(currency)]
    if amount is None or exact is None or amount.currency not in (None, currency):
        raise InvalidRequest("amount must be an amount", field="amount", reason="no_amount")
    return exact


def _query(request: web.Request) -> str:
    kept = kept_parameters(request.query)
    return f"?{urlencode(kept)}" if kept else ""
