"""A merchant's shop: it hears of a payment twice, by webhook and by the shopper who comes back."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import Any

from aiohttp import web

from gateway.security.signatures import verify_checkout_signature
from gateway.seeding import TEST_SECRET
from tests.web.client import ApiClient


class Shop:
    """Takes the money and delivers, whoever tells it first; `closed` keeps webhooks waiting."""

    def __init__(self, api: ApiClient) -> None:
        self._api = api
        self.delivered: Counter[str] = Counter()
        self.told: list[tuple[str, str]] = []
        self.captures: list[int] = []
        self.refuses = False
        self._orders: set[str] = set()
        self._runner = web.AppRunner(self._application(), access_log=None)
        self.url = ""

    def _application(self) -> web.Application:
        application = web.Application()
        application.router.add_post("/hook", self._hook)
        application.router.add_get("/thanks", self._thanks)
        return application

    async def __aenter__(self) -> Shop:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        answer = await self._api.call(
            "PUT", "/merchants/webhook", {"webhook_url": f"{self.url}/hook"}
        )
        assert 200 == answer.status, answer.body
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def order(self) -> dict[str, Any]:
        """An order whose shopper is to come back here."""
        return await self._api.order(return_url=f"{self.url}/thanks?shop=7")

    async def _hook(self, request: web.Request) -> web.Response:
        content = json.loads(await request.read())
        if self.refuses:
            return web.Response(status=503)
        payment = content["data"].get("payment")
        if content["event"] == "payment.success":
            self.told.append(("webhook", payment["order_id"]))
            await self._deliver(payment["order_id"], payment["id"])
        return web.Response()

    async def _thanks(self, request: web.Request) -> web.Response:
        order_id, payment_id = request.query["orderId"], request.query["paymentId"]
        if not verify_checkout_signature(
            order_id, payment_id, signature=request.query["signature"], secret=TEST_SECRET
        ):
            return web.Response(status=400)
        self.told.append(("return", order_id))
        await self._deliver(order_id, payment_id)
        return web.Response(text="Thank you")

    async def _deliver(self, order_id: str, payment_id: str) -> None:
        """As careless as a shop can be: both ways capture, and nothing is locked."""
        await asyncio.sleep(0)
        answer = await self._api.post(f"/payments/{payment_id}/capture")
        self.captures.append(answer.status)
        if order_id not in self._orders:
            self._orders.add(order_id)
            self.delivered[order_id] += 1
