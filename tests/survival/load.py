"""Merchants under fire: they repeat with the same key whatever was not answered."""

from __future__ import annotations

import asyncio
import itertools
import random
import secrets
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tests.survival.gateway_process import KEY_HEADERS

CARD = {
    "number": "4242 4242 4242 4242",
    "expiry_month": 12,
    "expiry_year": 2039,
    "cvv": "737",
    "holder_name": "Asha Rao",
}
DEADLINE_SECONDS = 120


class NeverAnswered(Exception):
    """A request was not answered until the deadline, however often it was repeated."""


@dataclass
class Told:
    """What clients were told: every acknowledged effect."""

    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    payments: dict[str, dict[str, Any]] = field(default_factory=dict)
    captured: dict[str, int] = field(default_factory=Counter)
    refunds: dict[str, dict[str, Any]] = field(default_factory=dict)
    statuses: Counter[int] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)


class Merchant:
    """Calls the API with an idempotency key for every command."""

    def __init__(self, session: aiohttp.ClientSession, url: Callable[[], str]) -> None:
        self._session = session
        self._url = url
        self.told = Told()

    async def post(self, path: str, body: dict[str, Any] | None = None) -> tuple[int, Any]:
        """Repeat until there is an answer that says what happened."""
        headers = {**KEY_HEADERS, "Idempotency-Key": secrets.token_hex(12)}
        deadline = asyncio.get_running_loop().time() + DEADLINE_SECONDS
        while asyncio.get_running_loop().time() < deadline:
            try:
                async with self._session.post(
                    self._url() + path, json=body or {}, headers=headers
                ) as response:
                    self.told.statuses[response.status] += 1
                    answer = await response.json(content_type=None)
                    if response.status < 500 and response.status != 409:
                        return response.status, answer
            except (aiohttp.ClientError, TimeoutError, OSError):
                self.told.statuses[0] += 1
            await asyncio.sleep(random.uniform(0.02, 0.1))
        raise NeverAnswered(path)

    async def take_payment(self, number: int, *, amount: int = 50_000) -> str | None:
        """An order and its payment, every second one by card; answers the payment's id."""
        capture = "manual" if number % 3 == 0 else "automatic"
        status, order = await self.post(
            "/api/v1/orders", {"amount": amount, "currency": "INR", "capture": capture}
        )
        assert status == 201, order
        self.told.orders[order["id"]] = order
        means: dict[str, Any] = {"method": "upi", "vpa": "success@bank"}
        if number % 2:
            means = {"method": "card", "card": CARD}
        status, payment = await self.post("/api/v1/payments", {"order_id": order["id"], **means})
        assert status == 201, payment
        self.told.payments[payment["id"]] = payment
        return payment["id"]

    async def settle(self, number: int, payment_id: str) -> None:
        """Wait for the outcome, then capture what is only authorized and refund some."""
        payment = await self.outcome(payment_id)
        if payment["status"] != "success":
            return
        if not payment["captured"]:
            status, answer = await self.post(f"/api/v1/payments/{payment_id}/capture")
            if status in (200, 202):
                self.told.captured[payment_id] += payment["amount"]
            else:
                self.told.refused[answer["error"]["description"]] += 1
        if number % 5 == 0:
            await self.outcome(payment_id, captured=True)
            status, refund = await self.post(
                f"/api/v1/payments/{payment_id}/refunds", {"amount": 10_000}
            )
            if status == 201:
                self.told.refunds[refund["id"]] = refund
            else:
                self.told.refused[refund["error"]["description"]] += 1

    async def outcome(self, payment_id: str, *, captured: bool = False) -> dict[str, Any]:
        """The payment when it is decided (and captured)."""
        deadline = asyncio.get_running_loop().time() + DEADLINE_SECONDS
        while asyncio.get_running_loop().time() < deadline:
            try:
                async with self._session.get(
                    f"{self._url()}/api/v1/payments/{payment_id}", headers=KEY_HEADERS
                ) as response:
                    if response.status == 200:
                        payment = await response.json(content_type=None)
                        decided = payment["status"] in ("success", "failed", "cancelled", "expired")
                        if decided and (payment["captured"] or not captured):
                            return payment
                        if decided and payment["status"] != "success":
                            return payment
                    assert response.status != 404, f"{payment_id} was acknowledged and is gone"
            except (aiohttp.ClientError, TimeoutError, OSError):
                pass
            await asyncio.sleep(0.05)
        raise NeverAnswered(payment_id)

    async def run(self, count: int, concurrency: int = 24, *, settle: bool = True) -> None:
        """Take `count` payments, `concurrency` shoppers at a time."""
        numbers = itertools.count()

        async def shopper() -> None:
            while (number := next(numbers)) < count:
                payment_id = await self.take_payment(number)
                if settle and payment_id is not None:
                    await self.settle(number, payment_id)

        async with asyncio.TaskGroup() as shoppers:
            for _ in range(concurrency):
                shoppers.create_task(shopper())
