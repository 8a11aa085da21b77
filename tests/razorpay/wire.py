"""A client that sends what it is told to, byte for byte, and looks at every answer."""

from __future__ import annotations

import base64
import http.client
import json
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from gateway.seeding import TEST_KEY, TEST_SECRET

__all__ = ["CARD", "Answer", "Wire", "credentials"]

CARD = {"number": "4111111111111111", "expiry_month": 12, "expiry_year": 31, "cvv": "123"}
CODES = {"BAD_REQUEST_ERROR", "GATEWAY_ERROR", "SERVER_ERROR"}
ERROR = {"code", "description", "field", "source", "step", "reason", "metadata"}


def credentials(key: str, secret: str) -> str:
    """HTTP Basic."""
    return "Basic " + base64.b64encode(f"{key}:{secret}".encode()).decode()


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Any
    json: Any

    @property
    def error(self) -> dict[str, Any]:
        return self.json["error"]


def _check(answer: Answer) -> None:
    """200, or an error with all members that libraries read."""
    if answer.status == 200:
        return
    assert answer.status >= 400
    assert answer.error.keys() >= ERROR
    assert answer.error["code"] in CODES
    assert answer.error["description"]


@dataclass
class Wire:
    """Speaks to `/v1`; keeps nothing between calls."""

    base_url: str
    authorization: str | None = field(default=credentials(TEST_KEY, TEST_SECRET))

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        data: bytes | None = None,
        headers: Sequence[tuple[str, str]] = (),
        surface: str = "razorpay",
    ) -> Answer:
        """The answer: JSON always, errors with all members that libraries read."""
        if body is not None:
            data = json.dumps(body).encode()
        netloc = urlsplit(self.base_url).netloc
        with closing(http.client.HTTPConnection(netloc, timeout=30)) as connection:
            connection.putrequest(method, path, skip_accept_encoding=True)
            for name, value in headers:
                connection.putheader(name, value)
            if self.authorization is not None:
                connection.putheader("Authorization", self.authorization)
            connection.putheader("Content-Length", str(len(data or b"")))
            connection.endheaders(data)
            response = connection.getresponse()
            answer = Answer(response.status, response.headers, json.loads(response.read()))
        if surface == "razorpay":
            assert "json" in answer.headers["Content-Type"]
            _check(answer)
        return answer

    def get(self, path: str, **options: Any) -> Any:
        """The entity."""
        return self._right(self.call("GET", path, **options))

    def post(self, path: str, body: Any = None, **options: Any) -> Any:
        """The entity."""
        return self._right(self.call("POST", path, body, **options))

    def refused(self, method: str, path: str, body: Any = None, **options: Any) -> dict[str, Any]:
        """The error of a request that must be refused."""
        answer = self.call(method, path, body, **options)
        assert 400 <= answer.status < 500, answer
        return answer.error

    def order(self, **fields: Any) -> dict[str, Any]:
        """A new order."""
        return self.post("/v1/orders", {"amount": 50_000, "currency": "INR", **fields})

    def payment(self, order: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
        """A payment of the order, or of a new one, once the bank has answered."""
        order = order or self.order()
        chosen = fields or {"method": "upi", "vpa": "success@bank"}
        body = {"order_id": order["id"], **chosen}
        made = self.call("POST", "/api/v1/payments", body, surface="api")
        assert 201 == made.status, made
        return self.settled(made.json["id"])

    def settled(self, payment_id: str) -> dict[str, Any]:
        """The payment once it is no longer on its way."""
        deadline = time.monotonic() + 20
        while True:
            payment = self.get(f"/v1/payments/{payment_id}")
            if payment["status"] != "created":
                return payment
            assert time.monotonic() < deadline, payment
            time.sleep(0.02)

    def _right(self, answer: Answer) -> Any:
        assert 200 == answer.status, answer
        return answer.json
