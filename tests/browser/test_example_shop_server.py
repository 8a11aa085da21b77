"""The example shop's server: what it believes, and what it does not."""

from __future__ import annotations

import ast
import hashlib
import hmac
import sys

import aiohttp
import orjson
import pytest

from gateway.app import Gateway
from gateway.seeding import TEST_SECRET, TEST_WEBHOOK_SECRET
from tests.browser.example_shop import SERVER
from tests.support import eventually
from tests.web.client import ApiClient

JSON = {"Content-Type": "application/json"}


class Customer:
    """Speaks to the shop as its pages do."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self.session = session
        self.url = url

    async def post(self, path: str, body: bytes | object, **headers: str) -> tuple[int, bytes]:
        data = body if isinstance(body, bytes) else orjson.dumps(body)
        async with self.session.post(
            f"{self.url}{path}", data=data, headers={**JSON, **headers}
        ) as response:
            return response.status, await response.read()

    async def order(self, quantity: object = 1) -> str:
        status, body = await self.post("/orders", {"quantity": quantity})
        assert 200 == status, body
        made: str = orjson.loads(body)["orderId"]
        return made

    async def state(self, order_id: str) -> dict[str, bool]:
        async with self.session.get(f"{self.url}/orders/{order_id}/state") as response:
            found: dict[str, bool] = await response.json()
            return found


@pytest.fixture
def customer(session: aiohttp.ClientSession, example_url: str) -> Customer:
    """Somebody at the shop."""
    return Customer(session, example_url)


def sign(message: bytes, secret: str) -> str:
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()


async def test_the_server_names_the_price(customer: Customer, api: ApiClient) -> None:
    """Whatever the browser says about money, the order costs what the shop asks for it."""
    status, body = await customer.post("/orders", {"quantity": 3, "amount": 1, "price": 1})
    order = (await api.get(f"/orders/{orjson.loads(body)['orderId']}")).json

    assert (200, 3 * 149_900, "INR") == (status, order["amount"], order["currency"])
    for wrong in (0, 10, -1, "1.5", None, "", "²", [], {}):
        assert 400 == (await customer.post("/orders", {"quantity": wrong}))[0]
    for body in (b"", b"{", b"[]", b"7", b"\xff"):
        assert 400 == (await customer.post("/orders", body))[0]


async def test_a_payment_is_confirmed_by_webhook(customer: Customer, api: ApiClient) -> None:
    """The gateway's own webhook confirms a payment whose shopper never came back."""
    order_id = await customer.order()
    assert {"signed": False, "confirmed": False} == await customer.state(order_id)
    payment = {"order_id": order_id, "method": "upi", "vpa": "success@bank"}
    assert 201 == (await api.post("/payments/public", payment)).status

    async def confirmed() -> bool:
        return (await customer.state(order_id))["confirmed"]

    assert await eventually(confirmed)
    assert not (await customer.state(order_id))["signed"]


async def test_the_gateways_signature_is_believed(customer: Customer, api: ApiClient) -> None:
    """What the checkout hands over after a payment is what the shop's server can verify."""
    order_id = await customer.order()
    paid = await api.settled((await api.payment(order_id, method="upi", vpa="success@bank"))["id"])
    result = (await api.get(f"//checkout/result?payment_id={paid['id']}")).json
    told = {name: result[name] for name in ("paymentId", "orderId", "signature")}

    assert (200, b'{"verified": true}') == await customer.post("/verify", told)
    assert (await customer.state(order_id))["signed"]
    assert sign(f"{order_id}|{paid['id']}".encode(), TEST_SECRET) == told["signature"]
    assert result["returnUrl"].startswith(f"{customer.url}/return?")


async def test_a_forged_signature_is_not_believed(customer: Customer) -> None:
    """Wrong, missing, of another order, of an order of nobody: 400 each, and nothing is paid."""
    order_id, other = await customer.order(), await customer.order()
    told = {"orderId": order_id, "paymentId": "pay_0123456789abcdef"}
    true_one = sign(f"{order_id}|{told['paymentId']}".encode(), TEST_SECRET)
    attempts = [
        {},
        told,
        {**told, "signature": ""},
        {**told, "signature": "😀"},
        {**told, "signature": None},
        {**told, "signature": sign(f"{told['paymentId']}|{order_id}".encode(), TEST_SECRET)},
        {**told, "signature": true_one[:-1]},
        {**told, "signature": true_one, "orderId": other},
        {**told, "signature": sign(b"order_x|pay_x", TEST_SECRET), "orderId": "order_x"},
    ]

    for attempt in attempts:
        assert 400 == (await customer.post("/verify", attempt))[0], attempt
    lone = b'{"orderId": "' + order_id.encode() + b'", "paymentId": "x", "signature": "\\ud800"}'
    assert 400 == (await customer.post("/verify", lone))[0]
    assert {"signed": False, "confirmed": False} == await customer.state(order_id)
    assert (200, b'{"verified": true}') == await customer.post(
        "/verify", {**told, "signature": true_one}
    )


async def test_a_forged_webhook_is_not_believed(customer: Customer) -> None:
    """A webhook counts only with a true signature, and only for an order of the shop."""
    order_id = await customer.order()

    def event(order: str) -> bytes:
        payment = {"id": "pay_0123456789abcdef", "order_id": order}
        return orjson.dumps({"event": "payment.captured", "data": {"payment": payment}})

    for signature in ("", "00", "ü", sign(event(order_id), "whsec_other")):
        headers = {"X-Webhook-Signature": signature}
        assert 401 == (await customer.post("/webhooks", event(order_id), **headers))[0]
    assert not (await customer.state(order_id))["confirmed"]
    for order in ("order_of_nobody", order_id, order_id):
        headers = {"X-Webhook-Signature": sign(event(order), TEST_WEBHOOK_SECRET)}
        assert 204 == (await customer.post("/webhooks", event(order), **headers))[0]
    assert (await customer.state(order_id))["confirmed"]


async def test_without_a_gateway_the_shop_says_so(customer: Customer, gateway: Gateway) -> None:
    """When the gateway is away, the customer reads that, not a failure of the shop."""
    await gateway.stop()

    status, body = await customer.post("/orders", {"quantity": 1})

    assert (502, b"the payment gateway cannot be reached") == (status, body)


def test_the_shop_needs_python_and_aiohttp() -> None:
    """It imports the standard library and aiohttp alone, so that it can be copied."""
    tree = ast.parse(SERVER.read_text())
    imported = {
        name.partition(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }

    assert set() == imported - sys.stdlib_module_names - {"aiohttp"}
