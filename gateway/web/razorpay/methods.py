"""`GET /v1/methods`, in the Python library `GET /methods`: what a merchant's shoppers may use.

Asked with the key alone, as from a browser; it says no more than the checkout does.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection
from typing import Any

from aiohttp import web

from gateway.web.checkout.methods import BANKS, WALLETS
from gateway.web.errors import NotAuthenticated
from gateway.web.keys import KEY_CACHE
from gateway.web.razorpay.wire import WireRoute
from gateway.web.responses import json_response

__all__ = ["ROUTES"]

_NETWORKS = ("AMEX", "DICL", "JCB", "MAES", "MC", "RUPAY", "VISA")
_TAKEN = frozenset({"AMEX", "DICL", "JCB", "MC", "RUPAY", "VISA"})


async def get_methods(request: web.Request) -> web.Response:
    """`GET /v1/methods`: the ways to pay that the merchant has enabled."""
    record = await request.app[KEY_CACHE].get(_key_id(request))
    if record is None:
        raise NotAuthenticated
    return json_response(_methods(record.enabled_methods))


def _key_id(request: web.Request) -> str:
    """The name in HTTP Basic; a secret is neither needed nor looked at."""
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        raise NotAuthenticated from None
    key_id = decoded.partition(":")[0]
    if scheme.lower() != "basic" or not key_id or not key_id.isprintable():
        raise NotAuthenticated
    return key_id


def _methods(enabled: Collection[str]) -> dict[str, Any]:
    """https://razorpay.com/docs/payments/payment-methods, the entity of April 2026."""
    card = "card" in enabled
    return {
        "entity": "methods",
        "card": card,
        "debit_card": card,
        "credit_card": card,
        "prepaid_card": card,
        "card_networks": {name: int(card and name in _TAKEN) for name in _NETWORKS},
        "amex": card,
        "netbanking": dict(BANKS) if "netbanking" in enabled else [],
        "wallet": dict.fromkeys(WALLETS, True) if "wallet" in enabled else [],
        "upi": "upi" in enabled,
        "emi": False,
        "emi_options": [],
        "cardless_emi": [],
        "paylater": [],
        "recurring": [],
    }


ROUTES = (
    WireRoute("GET", "/v1/methods", get_methods),
    WireRoute("GET", "/methods", get_methods),
)
