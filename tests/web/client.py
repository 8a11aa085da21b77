"""A client of the merchant API for tests: every answer is looked at before it is handed over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson

from gateway.seeding import TEST_KEY, TEST_SECRET
from tests.support import eventually

CODES = {
    "AUTHENTICATION_ERROR",
    "PERMISSION_ERROR",
    "BAD_REQUEST_ERROR",
    "INVALID_VPA",
    "INVALID_CARD",
    "EXPIRED_CARD",
    "NOT_FOUND_ERROR",
    "PAYMENT_FAILED",
    "RATE_LIMIT_ERROR",
    "GATEWAY_ERROR",
    "SERVER_ERROR",
}


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        return self.json["error"]


def check_envelope(answer: Answer) -> None:
    """Every error has the whole envelope and the right content type."""
    assert "application/problem+json" == answer.headers["Content-Type"]
    content = answer.json
    assert {"error", "type", "title", "status", "request_id"} == content.keys()
    assert {
        "code",
        "description",
        "field",
        "reason",
        "source",
        "step",
        "metadata",
    } == content["error"].keys()
    assert content["error"]["code"] in CODES
    assert answer.status == content["status"]
    assert content["error"]["description"]
    assert content["error"]["reason"]


class ApiClient:
    """Speaks to `/api/v1`; paths outside it begin with two slashes."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        url: str,
        *,
        key: str | None = TEST_KEY,
        secret: str | None = TEST_SECRET,
    ) -> None:
        self.session = session
        self.url = url
        self.credentials: dict[str, str] = {}
        if key is not None:
            self.credentials["X-Api-Key"] = key
        if secret is not None:
            self.credentials["X-Api-Secret"] = secret

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        data: Any = None,
        headers: Any = (),
        key: str | None = None,
    ) -> Answer:
        """The answer; an error must be in the envelope, and every answer has a request id."""
        sent: list[tuple[str, str]] = list(self.credentials.items())
        sent += list(headers.items() if isinstance(headers, Mapping) else headers)
        if key is not None:
            sent.append(("Idempotency-Key", key))
        if body is not None:
            data = orjson.dumps(body)
            sent.append(("Content-Type", "application/json"))
        target = self.url + (path[1:] if path.startswith("//") else f"/api/v1{path}")
        async with self.session.request(method, target, data=data, headers=sent) as response:
            answer = Answer(response.status, response.headers, await response.read())
        assert answer.headers["X-Request-Id"]
        if answer.status >= 400 and method != "HEAD" and path not in ("//readyz", "//health"):
            check_envelope(answer)
        return answer

    async def get(self, path: str, **options: Any) -> Answer:
        return await self.call("GET", path, **options)

    async def post(self, path: str, body: Any = None, **options: Any) -> Answer:
        return await self.call("POST", path, body, **options)

    async def order(self, **fields: Any) -> dict[str, Any]:
        """A new order."""
        answer = await self.post("/orders", {"amount": 50_000, **fields})
        assert 201 == answer.status, answer.body
        return answer.json

    async def payment(self, order_id: str | None = None, **fields: Any) -> dict[str, Any]:
        """A new payment of the order, or of a new one, by UPI unless said otherwise."""
        order_id = order_id or (await self.order())["id"]
        chosen = fields or {"method": "upi", "vpa": "success@bank"}
        answer = await self.post("/payments", {"order_id": order_id, **chosen})
        assert 201 == answer.status, answer.body
        return answer.json

    async def settled(self, payment_id: str) -> dict[str, Any]:
        """The payment once the bank has answered."""

        async def look() -> dict[str, Any] | None:
            payment = (await self.get(f"/payments/{payment_id}")).json
            return None if payment["status"] in ("pending", "processing") else payment

        return await eventually(look, 10)

    async def authorized(self, **fields: Any) -> dict[str, Any]:
        """A payment that was approved and not captured."""
        payment = await self.settled((await self.payment(**fields))["id"])
        assert "success" == payment["status"], payment
        return payment

    async def captured(self, **fields: Any) -> dict[str, Any]:
        """A payment that was approved and captured."""
        payment = await self.authorized(**fields)
        answer = await self.post(f"/payments/{payment['id']}/capture")
        assert 200 == answer.status, answer.body
        return answer.json
