"""What the page of a payment link or an invoice shows, and how it is put together."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from aiohttp import web
from markupsafe import Markup

from gateway.domain.bills import OPEN, Bill, BillKind, installment_minimum
from gateway.domain.entities import Payment
from gateway.domain.errors import InvalidRequest
from gateway.domain.money import AmountLimits, exponent
from gateway.storage.bills import BillOrder
from gateway.storage.reads_checkout_page import Shop
from gateway.web.calls import call_of
from gateway.web.checkout.options import options_of
from gateway.web.checkout.rendering import VIEW_HEADER, initials, look, policy_of
from gateway.web.pages.catalogue import message
from gateway.web.pages.page import Page, page_of, page_response

__all__ = ["BillView", "Shown", "bill_response", "gone_response"]

_BAD_REQUEST = 400
_REST_TOO_SMALL = message("Pay everything, or leave at least %(rest)s for later.")
_OUT_OF_RANGE = message("Enter an amount from %(least)s to %(due)s.")


class BillView(StrEnum):
    """One of these is shown."""

    OPEN = "open"
    BUSY = "busy"
    PAID = "paid"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    EXHAUSTED = "exhausted"

    @classmethod
    def of(cls, bill: Bill, held: BillOrder | None, now: datetime, *, orders_max: int) -> BillView:
        """What to show of a bill whose order that may take money is `held`."""
        if held is not None and held.is_being_paid:
            return cls.BUSY
        if bill.status not in OPEN:
            return cls(bill.status.value)
        if bill.expires_at is not None and bill.expires_at <= now:
            return cls.EXPIRED
        return cls.EXHAUSTED if held is None and bill.orders >= orders_max else cls.OPEN


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A bill and what stands beside it. `thanks` is the payment its shopper comes back from."""

    bill: Bill
    order_id: str | None
    shop: Shop
    payments: Sequence[Payment]
    view: BillView
    refused: InvalidRequest | None
    typed: str
    thanks: Payment | None


def bill_response(request: web.Request, shown: Shown) -> web.Response:
    """The page. A form that was refused comes with what is wrong with it."""
    page, bill, options = page_of(request), shown.bill, options_of(request)
    limits = call_of(request).services.policy.amount_limits
    details = json.loads(bill.details)
    context: dict[str, Any] = {
        "view": shown.view,
        "bill": bill,
        "is_invoice": bill.kind == BillKind.INVOICE,
        "lines": details.get("line_items", []),
        "words": [details[name] for name in ("comment", "terms") if details.get(name)],
        "shop": shown.shop,
        "initials": initials(shown.shop.name),
        "payments": shown.payments,
        "thanks": shown.thanks,
        "order_id": shown.order_id,
        "due": page.amount(bill.amount_due, bill.currency),
        "least": page.amount(installment_minimum(bill, limits), bill.currency),
        "typed": shown.typed or _plain(bill),
        "error": _error(page, bill, limits, shown.refused),
        "kept": dict(options.kept),
        **look(shown.shop, options),
    }
    response = page_response(
        request,
        "checkout/bill.html",
        context,
        status=200 if shown.refused is None else _BAD_REQUEST,
        policy=policy_of(shown.shop),
        page=page,
        compress=True,
    )
    response.headers[VIEW_HEADER] = shown.view
    return response


def gone_response(request: web.Request) -> web.Response:
    """There is nothing to pay here: for an address that was cut, or a merchant that is gone."""
    theme = options_of(request).get("theme") or "auto"
    return page_response(request, "checkout/bill_unknown.html", {"theme": theme}, status=404)


def _plain(bill: Bill) -> str:
    """All that is due, as it is typed."""
    return f"{Decimal(bill.amount_due).scaleb(-exponent(bill.currency)):f}"


def _error(
    page: Page, bill: Bill, limits: AmountLimits, refused: InvalidRequest | None
) -> Markup | str:
    if refused is None:
        return ""
    least = page.amount(installment_minimum(bill, limits), bill.currency)
    if refused.reason == "rest_too_small":
        rest = page.amount(limits.minimum(bill.currency), bill.currency)
        return page.text(_REST_TOO_SMALL, rest=rest)
    due = page.amount(bill.amount_due, bill.currency)
    return page.text(_OUT_OF_RANGE, least=least, due=due)
