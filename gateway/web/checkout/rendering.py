"""From an order and its payment to the checkout's page: context, data for the script, policy."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from yarl import URL

from gateway.domain.entities import Payment
from gateway.domain.representation import timestamp
from gateway.storage.reads_checkout_page import CheckoutOrder, Shop
from gateway.web.calls import call_of
from gateway.web.checkout.form import FIELD_TEXTS, FORM_TEXTS, FormErrors
from gateway.web.checkout.framing import frame_ancestors, parent_origin
from gateway.web.checkout.inventory import SCRIPTS
from gateway.web.checkout.methods import (
    BANKS,
    METHOD_NAMES,
    NETWORKS,
    WALLETS,
    first_method,
    instrument_text,
    offered,
)
from gateway.web.checkout.options import Options
from gateway.web.checkout.reasons import REASONS, reason_text
from gateway.web.checkout.saved_cards import NO_CARDS, SavedCards
from gateway.web.checkout.states import View, view_of
from gateway.web.pages.catalogue import message
from gateway.web.pages.colours import palette
from gateway.web.pages.headers import Policy
from gateway.web.pages.page import Page, page_of, page_response
from gateway.web.surfaces import public_payment_object

__all__ = [
    "VIEW_HEADER",
    "Posted",
    "checkout_response",
    "initials",
    "look",
    "policy_of",
    "unknown_response",
]

VIEW_HEADER = "Checkout-View"
"""What the page shows, for its script to ask with HEAD whether that would be something else now."""

_ATTEMPT_BYTES = 18
_TEXTS = {
    "offline": message("You are offline. We will look again as soon as you are connected."),
    "slow": message("This is taking longer than usual. The payment goes on even if you leave."),
    "unreachable": message(
        "We could not reach the payment service. Please try again: you will not be charged twice."
    ),
    "cvv": message("3 digits on the back"),
    "cvvAmex": message("4 digits on the front"),
    "leaving": message("Taking you back to %(shop)s…"),
    **{f"field.{name}": text for name, text in FIELD_TEXTS.items()},
    **{f"form.{name}": text for name, text in FORM_TEXTS.items()},
    "incomplete": message("The card number is not complete"),
    "expired": message("This card has expired"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """What came with a form that was refused, and what to say about it."""

    errors: FormErrors = field(default_factory=FormErrors)
    values: Mapping[str, str] = field(default_factory=dict)
    method: str | None = None
    status: int = 200


def checkout_response(
    request: web.Request,
    found: CheckoutOrder,
    options: Options,
    *,
    saved: SavedCards = NO_CARDS,
    posted: Posted | None = None,
    return_url: str | None = None,
) -> web.Response:
    """The page of the order, in the view that fits where it stands.

    `return_url` is where a success leads, with its signature.
    """
    posted = posted or Posted()
    page, shop, order = page_of(request), found.shop, found.order
    services = call_of(request).services
    view, payment = view_of(found, services.clock.now(), services.settings.payments_per_order_max)
    shown: dict[str, Any] = {
        "view": view,
        "order": order,
        "payment": payment,
        "shop": shop,
        "initials": initials(shop.name),
        "amount": page.amount(order.amount, order.currency),
        "instrument": instrument_text(payment.instrument) if payment else "",
        "challenge": challenge_address(payment, options),
        "return_url": return_url,
        "reason": reason_text(payment.error_reason, payment.error_code) if payment else "",
        "options": options,
        "address": options.address(order.id),
        "scripts": list(SCRIPTS),
        "data": _data(page, found, options, view, payment),
        **_form(found, options, saved, posted),
        **look(shop, options),
    }
    response = page_response(
        request,
        "checkout/checkout.html",
        shown,
        status=posted.status,
        policy=policy_of(shop, frame_ancestors(shop.allowed_origins, order.mode)),
        page=page,
        compress=True,
    )
    response.headers[VIEW_HEADER] = view
    return response


def unknown_response(request: web.Request, options: Options) -> web.Response:
    """There is no such order: for a link that was cut, or a shop that is closed."""
    theme = options.get("theme") or "auto"
    return page_response(request, "checkout/unknown.html", {"theme": theme}, status=404)


def initials(name: str) -> str:
    """What stands where a logo would: the first letters of the first two words."""
    letters = (next(filter(str.isalnum, word), "") for word in name.split())
    return "".join(list(filter(None, letters))[:2]).upper() or "·"


def challenge_address(payment: Payment | None, options: Options) -> str | None:
    """Where the shopper has something to do for their bank; only addresses of the web.

    A page of ours gets what is kept from page to page.
    """
    if payment is None or payment.next_action is None:
        return None
    url = json.loads(payment.next_action).get("url")
    if not isinstance(url, str) or re.match(r"https://|/(?!/)", url) is None:
        return None
    return str(URL(url).update_query(options.kept)) if url.startswith("/") else url


def _data(
    page: Page, found: CheckoutOrder, options: Options, view: View, payment: Payment | None
) -> dict[str, Any]:
    """What the page's script knows; nothing that the page does not show, and no secret."""
    order, shop = found.order, found.shop
    origin = parent_origin(options.get("origin") or "", shop.allowed_origins, order.mode)
    texts = {name: str(page.catalogue.text(text)) for name, text in _TEXTS.items()}
    texts["leaving"] %= {"shop": shop.name}
    return {
        "orderId": order.id,
        "shop": shop.name,
        "expiresAt": timestamp(order.expires_at),
        "view": view,
        "payment": public_payment_object(payment) if payment else None,
        "parentOrigin": origin if options.is_embedded else None,
        "kept": options.kept,
        "texts": texts,
        "reasons": {name: page.catalogue.text(text) for name, text in REASONS.items()},
        "networks": NETWORKS,
        "names": {**BANKS, **WALLETS},
    }


def _form(
    found: CheckoutOrder, options: Options, saved: SavedCards, posted: Posted
) -> dict[str, Any]:
    """The methods that are offered, and what a form that was refused is filled with again."""
    methods = offered(found.shop.enabled_methods)
    cards = [card.id for card in saved.cards]
    chosen = posted.method or options.method or next(iter(cards), None)
    return {
        "saved_cards": saved.cards,
        "can_save": saved.can_save,
        "methods": {method: METHOD_NAMES[method] for method in methods},
        "method": first_method([*methods, *cards], chosen, found.order.currency),
        "banks": BANKS,
        "wallets": WALLETS,
        "values": posted.values,
        "errors": posted.errors.fields,
        "form_error": posted.errors.form,
        "attempt": secrets.token_urlsafe(_ATTEMPT_BYTES),
    }


def look(shop: Shop, options: Options) -> dict[str, Any]:
    """The merchant's colour; a shop may choose another one for its own page."""
    colour = (options.get("color") or shop.brand_color or "").lower()
    day, night = palette(colour) if colour else ({}, {})
    return {"theme": options.get("theme") or "auto", "day": day, "night": night}


def policy_of(shop: Shop, ancestors: Sequence[str] = ()) -> Policy:
    """What the merchant's page may do: show their logo, frame our own, be framed by `ancestors`."""
    logo = shop.logo_url or ""
    images = (str(URL(logo).origin()),) if logo.startswith("https:") else ()
    return Policy(frame_ancestors=ancestors, images=images, frames=("'self'",))
