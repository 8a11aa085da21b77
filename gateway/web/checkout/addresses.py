"""The addresses a shopper is sent to, and what of a query is believed.

A query may have been written by anybody. Each value has a form of its own here, and what does not
have it is left out: no address of ours carries anything else on, and none leads anywhere but to a
page of ours or to where the merchant said.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, unquote_plus, urlencode, urlsplit

from aiohttp import web

from gateway.domain.errors import InvalidRequest, NotFound
from gateway.domain.ids import is_id

__all__ = [
    "back_to_checkout",
    "challenge_address",
    "challenge_reference",
    "kept_parameters",
    "key_in",
    "order_in",
    "payment_in",
    "return_address",
    "shop_address",
    "with_values",
]

_KEY = re.compile(r"key_(?:test|live)_[A-Za-z0-9]{1,48}", re.ASCII)
# What the script tells the page it opens, to be handed from page to page on the way.
_KEPT: Mapping[str, re.Pattern[str]] = {
    "embedded": re.compile(r"true|1", re.ASCII),
    "key": _KEY,
    "origin": re.compile(r"https?://(?:[a-z0-9.-]{1,253}|\[[0-9a-f:.]{2,45}\])(?::[0-9]{1,5})?"),
    "customer_signature": re.compile(r"[0-9a-f]{64}", re.ASCII),
    "theme": re.compile(r"light|dark|auto", re.ASCII),
    "color": re.compile(r"#[0-9a-fA-F]{6}", re.ASCII),
    "lang": re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,2}", re.ASCII),
}


def payment_in(request: web.Request) -> str:
    """The payment a query is about. Raises InvalidRequest without one, NotFound for no id."""
    text = request.query.get("payment_id")
    if text is None:
        raise InvalidRequest("payment_id is required", field="payment_id")
    if not is_id(text, "pay"):
        raise NotFound("Payment not found", field="payment_id")
    return text


def order_in(request: web.Request) -> str | None:
    """The order that the asker takes the payment to be of, if they say so."""
    return request.query.get("order_id")


def key_in(request: web.Request) -> str | None:
    """The API key given to the script; what has not a key's form is none."""
    text = request.query.get("key", "")
    return text if _KEY.fullmatch(text) else None


def kept_parameters(values: Mapping[str, object]) -> dict[str, str]:
    """Those of a query or a form that go on to the next page."""
    kept = {}
    for name, form in _KEPT.items():
        value = values.get(name)
        if isinstance(value, str) and form.fullmatch(value):
            kept[name] = value
    return kept


def challenge_address(kept: Mapping[str, str]) -> str:
    """Where the simulated bank's form goes."""
    return "/bank/challenge" + (f"?{urlencode(kept)}" if kept else "")


def shop_address(payment_id: str, kept: Mapping[str, str]) -> str:
    """Where a bank sends the shopper when they have answered its challenge."""
    return "/checkout/return?" + urlencode({"payment_id": payment_id, **kept})


def back_to_checkout(order_id: str, payment_id: str, kept: Mapping[str, str]) -> str:
    """The checkout's page, which shows where this payment stands."""
    return "/checkout?" + urlencode({"order_id": order_id, "payment_id": payment_id, **kept})


def challenge_reference(next_action: str | None) -> str | None:
    """What the simulated bank knows the payment by, if it is at its page that the shopper is."""
    url = json.loads(next_action or "{}").get("url", "")
    parts = urlsplit(url)
    if parts.path != "/bank/challenge":
        return None
    return dict(parse_qsl(parts.query)).get("reference")


def return_address(
    base: str | None, *, payment_id: str, order_id: str, signature: str | None
) -> str | None:
    """The merchant's page with the three values it verifies; None without a page.

    A signature that stands in `base` already is taken away, too.
    """
    ours = {"paymentId": payment_id, "orderId": order_id, "signature": signature}
    return None if base is None else with_values(base, ours)


def with_values(base: str, ours: Mapping[str, str | None]) -> str | None:
    """The merchant's page with these values, nothing else of it changed.

    None for one that is not http or https. Values of the same names that stand in `base` already
    are replaced, with None taken away: the merchant's server must not find two.
    """
    try:
        parts = urlsplit(base)
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return None
    theirs = [part for part in parts.query.split("&") if part and _name_of(part) not in ours]
    given = {name: value for name, value in ours.items() if value is not None}
    return parts._replace(query="&".join([*theirs, urlencode(given)])).geturl()


def _name_of(part: str) -> str:
    return unquote_plus(part.partition("=")[0])
