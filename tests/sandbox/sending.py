"""Has a simulated Authorize.Net send its notifications to a gateway."""

from __future__ import annotations

import json
from typing import Any

import aiohttp

from tests.sandbox.server import RunningSandbox
from tests.web.client import ApiClient

CARD = {
    "number": "4111111111111111",
    "expiry_month": "12",
    "expiry_year": "2035",
    "cvv": "123",
    "holder_name": "A. Shopper",
}


async def notify(sandbox: RunningSandbox, url: str) -> str:
    """The id of a new webhook for all events, which tells this address."""
    types = await rest(sandbox, "GET", "eventtypes")
    body = {"name": "ours", "url": url, "eventTypes": [each["name"] for each in types]}
    made: str = (await rest(sandbox, "POST", "webhooks", {**body, "status": "active"}))["webhookId"]
    return made


async def rest(sandbox: RunningSandbox, method: str, path: str, body: Any = None) -> Any:
    """One call of the REST API with the first account's credentials."""
    credentials = aiohttp.encode_basic_auth(sandbox.login_id, sandbox.transaction_key)
    async with sandbox.session.request(
        method,
        f"{sandbox.url}/rest/v1/{path}",
        json=body,
        headers={"Authorization": credentials},
    ) as response:
        assert response.status == 200, await response.text()
        return json.loads(await response.read())


async def route_cards(api: ApiClient) -> None:
    """Have payments by card go to Authorize.Net."""
    rule = {"name": "cards", "methods": ["card"], "processors": ["authorizenet"]}
    made = await api.post("/routing-rules", rule)
    assert 201 == made.status, made.body


async def pay_by_card(api: ApiClient, **more: Any) -> dict[str, Any]:
    """A payment in dollars that is captured at once unless said otherwise."""
    order = await api.order(currency="USD", amount=1_050, **{"capture": "automatic"} | more)
    payment: dict[str, Any] = await api.payment(order["id"], method="card", card=CARD)
    return payment
