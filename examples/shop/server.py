"""A small shop that is paid through the gateway: order, checkout, signature, webhook.

    python examples/shop/server.py [--port 9100] [--gateway http://127.0.0.1:8000]

It needs aiohttp and nothing else. Orders stand in memory; a real shop has a database for them.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import hmac
import html
import json
import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

import aiohttp
from aiohttp import web

HERE = Path(__file__).resolve().parent
PRICE = 149_900  # paise: money is an integer in the currency's smallest unit
QUANTITY_MAX = 9
ORDERS_MAX = 1_000


@dataclass
class Order:
    """What the shop knows of one order."""

    id: str
    amount: int
    quantity: int
    payment_id: str | None = None
    is_signed: bool = False  # the shopper's browser brought a true signature
    is_confirmed: bool = False  # the gateway itself said so, by webhook


class Shop:
    """All the payment code there is: `create`, `verify_payment`, `verify_webhook`, `learn`."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.gateway = arguments.gateway
        self.key = arguments.key
        self._secret = arguments.secret
        self._webhook_secret = arguments.webhook_secret
        self.orders: dict[str, Order] = {}

    async def create(self, quantity: int, return_url: str) -> Order:
        """Make the order at the gateway. The price is the server's, never the browser's."""
        amount = PRICE * quantity
        order = {
            "amount": amount,
            "currency": "INR",
            "capture": "automatic",
            "receipt": f"tea-{uuid.uuid4().hex[:12]}",
            "return_url": return_url,
        }
        made = await self.call("POST", "/orders", order)
        if len(self.orders) >= ORDERS_MAX:
            del self.orders[next(iter(self.orders))]
        self.orders[made["id"]] = Order(made["id"], amount, quantity)
        return self.orders[made["id"]]

    def verify_payment(self, order_id: str, payment_id: str, signature: str) -> Order | None:
        """The order, now paid, if the signature of `orderId|paymentId` is the gateway's."""
        order = self.orders.get(order_id)
        message = f"{order_id}|{payment_id}".encode(errors="replace")
        if order is None or not _is_signed(message, self._secret, signature):
            return None
        order.payment_id, order.is_signed = payment_id, True
        return order

    def verify_webhook(self, body: bytes, signature: str) -> bool:
        """Whether the gateway sent exactly these bytes. Look at nothing in them before."""
        return _is_signed(body, self._webhook_secret, signature)

    def learn(self, event: dict[str, Any]) -> None:
        """Take in an event. It may come twice, and before or after the shopper's browser."""
        if event["event"] != "payment.captured":
            return
        payment = event["data"]["payment"]
        order = self.orders.get(payment["order_id"])
        if order is not None:
            order.payment_id, order.is_confirmed = payment["id"], True

    async def call(self, method: str, path: str, body: dict[str, object]) -> dict[str, str]:
        """Call the gateway's API as the merchant."""
        headers = {"X-Api-Key": self.key, "X-Api-Secret": self._secret}
        if method == "POST":
            headers["Idempotency-Key"] = uuid.uuid4().hex
        url = f"{self.gateway}/api/v1{path}"
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, url, json=body, headers=headers) as response,
        ):
            response.raise_for_status()
            answer: dict[str, str] = await response.json()
            return answer


SHOP: web.AppKey[Shop] = web.AppKey("shop", Shop)


def _is_signed(message: bytes, secret: str, signature: str) -> bool:
    """Compared in constant time, so that nobody can guess a signature piece by piece."""
    expected = hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), signature.encode(errors="replace"))


def rupees(amount: int) -> str:
    """149900 → ₹1,499.00, without ever being a float."""
    whole, paise = divmod(amount, 100)
    return f"₹{whole:,}.{paise:02}"


def page(request: web.Request, name: str, **values: object) -> web.Response:
    """A page, filled in; with a policy that lets the checkout in and nothing else."""
    gateway = request.app[SHOP].gateway
    text = Template((HERE / name).read_text(encoding="utf-8")).substitute(
        {key: html.escape(str(value)) for key, value in (*values.items(), ("gateway", gateway))}
    )
    policy = (
        f"default-src 'self'; script-src 'self' {gateway}; frame-src {gateway}; "
        f"form-action 'self' {gateway}; base-uri 'none'; object-src 'none'; frame-ancestors 'none'"
    )
    headers = {"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff"}
    return web.Response(text=text, content_type="text/html", headers=headers)


async def show_shop(request: web.Request) -> web.Response:
    return page(request, "index.html", price=rupees(PRICE), price_minor=PRICE)


async def create_order(request: web.Request) -> web.Response:
    """The page asks for an order: as JSON for the modal, by a form for the full page."""
    wants_page = request.content_type != "application/json"
    asked = dict(await request.post()) if wants_page else await _json(request)
    quantity = str(asked.get("quantity", ""))
    if not quantity.isdecimal() or not 1 <= int(quantity) <= QUANTITY_MAX:
        raise web.HTTPBadRequest(text=f"quantity must be 1 to {QUANTITY_MAX}")
    shop = request.app[SHOP]
    try:
        order = await shop.create(int(quantity), str(request.url.with_path("/return")))
    except (aiohttp.ClientError, TimeoutError):
        raise web.HTTPBadGateway(text="the payment gateway cannot be reached") from None
    if wants_page:
        raise web.HTTPSeeOther(f"{shop.gateway}/checkout?order_id={order.id}&key={shop.key}")
    return web.json_response({"orderId": order.id, "key": shop.key})


async def verify(request: web.Request) -> web.Response:
    """The modal said "paid": believe its signature, not its word."""
    if _verified(request, await _json(request)) is None:
        raise web.HTTPBadRequest(text="the signature is wrong")
    return web.json_response({"verified": True})


async def come_back(request: web.Request) -> web.Response:
    """The same after the full page, which brings the three values in the address."""
    order = _verified(request, request.query)
    if order is None:
        raise web.HTTPBadRequest(text="the signature is wrong")
    raise web.HTTPSeeOther(f"/orders/{order.id}")


async def _json(request: web.Request) -> dict[str, object]:
    try:
        content = await request.json()
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise web.HTTPBadRequest(text="the body must be a JSON object")
    return content


def _verified(request: web.Request, told: Mapping[str, object]) -> Order | None:
    values = [str(told.get(name, "")) for name in ("orderId", "paymentId", "signature")]
    return request.app[SHOP].verify_payment(*values)


async def receive_webhook(request: web.Request) -> web.Response:
    """The gateway tells what happened, also when the shopper's browser is long gone."""
    body = await request.read()
    if not request.app[SHOP].verify_webhook(body, request.headers.get("X-Webhook-Signature", "")):
        raise web.HTTPUnauthorized(text="the signature is wrong")
    request.app[SHOP].learn(json.loads(body))
    return web.Response(status=204)


async def show_order(request: web.Request) -> web.Response:
    order = _order(request)
    return page(
        request,
        "order.html",
        order=order.id,
        payment=order.payment_id or "not paid yet",
        amount=rupees(order.amount),
        quantity=order.quantity,
        signed=order.is_signed,
        confirmed=order.is_confirmed,
    )


async def order_state(request: web.Request) -> web.Response:
    order = _order(request)
    return web.json_response({"signed": order.is_signed, "confirmed": order.is_confirmed})


def _order(request: web.Request) -> Order:
    order = request.app[SHOP].orders.get(request.match_info["id"])
    if order is None:
        raise web.HTTPNotFound(text="no such order")
    return order


async def start(arguments: argparse.Namespace) -> None:
    """Serve until interrupted, after telling the gateway where webhooks go."""
    app = web.Application(client_max_size=256 * 1024)
    app[SHOP] = shop = Shop(arguments)
    app.add_routes(
        [
            web.get("/", show_shop),
            web.post("/orders", create_order),
            web.get("/orders/{id}", show_order),
            web.get("/orders/{id}/state", order_state),
            web.post("/verify", verify),
            web.get("/return", come_back),
            web.post("/webhooks", receive_webhook),
            web.static("/static", HERE / "static"),
        ]
    )
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", arguments.port).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        await shop.call("PUT", "/merchants/webhook", {"webhook_url": f"{url}/webhooks"})
        print(f"the shop is open: {url}/", flush=True)
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


def main() -> None:
    parser = argparse.ArgumentParser(description="A shop that is paid through the gateway.")
    secrets = {
        "--key": ("SHOP_KEY", "key_test_abc123"),
        "--secret": ("SHOP_SECRET", "secret_test_xyz789"),
        "--webhook-secret": ("SHOP_WEBHOOK_SECRET", "whsec_test_abc123"),
    }
    parser.add_argument("--port", type=int, default=9100, help="default: 9100; 0 takes a free one")
    parser.add_argument("--gateway", default="http://127.0.0.1:8000", help="default: %(default)s")
    for option, (variable, demo) in secrets.items():
        default = os.environ.get(variable, demo)
        parser.add_argument(option, default=default, help=f"default: {variable}, else the demo's")
    try:
        asyncio.run(start(parser.parse_args()))
    except KeyboardInterrupt:
        pass
    except aiohttp.ClientError as error:
        parser.exit(1, f"the gateway does not answer as it should: {error}\n")


if __name__ == "__main__":
    main()
