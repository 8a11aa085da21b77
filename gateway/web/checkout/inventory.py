"""The scripts of the checkout's page: which, why, and their hashes (PCI DSS 4.0.1, 6.4.3).

`GET /checkout/scripts.json` publishes the list; the page brings exactly these, with `integrity`
attributes, and its policy allows no others.
"""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from gateway.web.pages.assets import ASSETS
from gateway.web.responses import json_response

__all__ = ["SCRIPTS", "get_inventory"]

SCRIPTS: Mapping[str, str] = {
    "checkout-cards.js": "Recognizes, groups and checks card numbers, dates and security codes",
    "checkout-form.js": "Shows what is wrong with a field beside it, and formats what is typed",
    "checkout-live.js": "Follows a payment: server-sent events, and asking again where they fail",
    "checkout-shop.js": "Tells the embedding page what became of the payment, or leads back there",
    "checkout-page.js": "Sends the payment and shows where it stands",
}
"""In the order in which they run, each with what it is for."""


async def get_inventory(request: web.Request) -> web.Response:
    """`GET /checkout/scripts.json`: the scripts of the page, with their hashes."""
    assets = request.app[ASSETS]
    scripts = [
        {
            "url": assets[name].url,
            "integrity": assets[name].integrity,
            "bytes": len(assets[name].body),
            "purpose": purpose,
        }
        for name, purpose in SCRIPTS.items()
    ]
    return json_response({"page": "/checkout", "scripts": scripts})
