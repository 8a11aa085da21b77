"""A merchant that takes dollars through Authorize.Net."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.sandbox.server import RunningSandbox
from tests.support import eventually
from tests.web.client import Answer, ApiClient

CARD = {"number": "4111 1111 1111 1111", "expiry_month": 12, "expiry_year": 2035, "cvv": "123"}


def by_card(**changes: Any) -> dict[str, Any]:
    """10.50 USD by card."""
    body = {"amount": 1_050, "currency": "USD", "method": "card", "card": CARD | changes}
    return body | {"customer": {"email": "asha@example.com"}}


@dataclass
class Shop:
    """Its client, and the processor's book."""

    api: ApiClient
    sandbox: RunningSandbox

    async def route_dollars(self) -> None:
        """Have card payments in dollars go there."""
        body = {
            "name": "Cards in dollars",
            "methods": ["card"],
            "currencies": ["USD"],
            "processors": ["authorizenet"],
        }
        answer = await self.api.post("/routing-rules", body)
        assert 201 == answer.status, answer.body

    async def make(self, verb: str, body: dict[str, Any], status: int = 200) -> Any:
        """A synchronous operation; what it answers."""
        answer = await self.api.post(f"/payments/{verb}", body)
        assert status == answer.status, answer.body
        return answer.json

    async def refund(self, payment_id: str, amount: int | None = None) -> dict[str, Any]:
        """A refund once it is decided."""
        body = {} if amount is None else {"amount": amount}
        answer = await self.api.post(f"/payments/{payment_id}/refunds", body)
        assert 201 == answer.status, answer.body
        refund_id = answer.json["id"]

        async def look() -> dict[str, Any] | None:
            refund = (await self.api.get(f"/refunds/{refund_id}")).json
            return refund if refund["status"] in ("processed", "failed") else None

        return await eventually(look)

    async def payment(self, payment_id: str) -> Any:
        """As it stands."""
        return (await self.api.get(f"/payments/{payment_id}")).json

    async def pay(self, body: dict[str, Any]) -> Answer:
        """A payment of a new order, not waited for."""
        order = await self.api.order(amount=body["amount"], currency=body["currency"])
        means = {name: body[name] for name in body.keys() - {"amount", "currency"}}
        return await self.api.post("/payments", {"order_id": order["id"], **means})

    async def book(self) -> list[tuple[str, str, str]]:
        """Kind, status and amount of all transactions, oldest first."""
        return [
            (each["kind"], each["status"], each["settle_amount"])
            for each in await self.sandbox.control.transactions()
        ]
