"""What a shopper's browser does at the checkout, and the live streams it reads."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

import aiohttp
import orjson

from tests.support import eventually
from tests.web.client import Answer, ApiClient, check_envelope

CARD = {
    "number": "4242424242424242",
    "expiry_month": "12",
    "expiry_year": "2035",
    "cvv": "123",
    "holder_name": "A Shopper",
}
CHALLENGED = {"method": "card", "card": {**CARD, "number": "4000000000003220"}}
"""A card whose bank wants to know whether it is the shopper."""
NEVER = "pay_0000000000000000"
"""The id of no payment."""


class LiveStream:
    """An open stream, event by event."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response
        self.retry: int | None = None

    async def raw(self) -> bytes:
        """The next message as it came; empty at the end. A stream that broke off raises."""
        return await self.response.content.readuntil(b"\n\n")

    async def next(self) -> dict[str, Any] | None:
        """The payment of the next event, heartbeats left out; None at the end."""
        while content := await self.raw():
            fields: dict[str, str] = {}
            for line in content.decode().splitlines():
                name, _, value = line.partition(": ")
                fields[name] = value
            if "retry" in fields:
                self.retry = int(fields["retry"])
            if "event" in fields:
                assert "payment" == fields["event"]
                found: dict[str, Any] = orjson.loads(fields["data"])
                return found
        return None

    async def until(self, status: str) -> list[str]:
        """The states that it shows until this one."""
        seen: list[str] = []
        while not seen or seen[-1] != status:
            payment = await self.next()
            assert payment is not None, seen
            seen.append(payment["status"])
        return seen

    async def ended(self) -> bool:
        """Whether nothing follows."""
        return await self.next() is None


class Shopper:
    """Pays, follows, answers the bank."""

    def __init__(self, api: ApiClient) -> None:
        self.api = api

    async def get(self, path: str, **query: str) -> Answer:
        """An answer of the checkout; paths begin with a slash."""
        return await self.api.get(f"/{path}" + (f"?{urlencode(query)}" if query else ""))

    async def pay(self, order_id: str, **fields: Any) -> dict[str, Any]:
        """A payment of the order, by UPI unless said otherwise."""
        chosen = fields or {"method": "upi", "vpa": "success@bank"}
        answer = await self.api.post("/payments/public", {"order_id": order_id, **chosen})
        assert 201 == answer.status, answer.body
        found: dict[str, Any] = answer.json
        return found

    async def payment(self, payment_id: str) -> dict[str, Any]:
        """How it stands."""
        found: dict[str, Any] = (await self.api.get(f"/payments/{payment_id}/public")).json
        return found

    async def reached(self, payment_id: str, *statuses: str) -> dict[str, Any]:
        """The payment once it has one of these states."""

        async def look() -> dict[str, Any] | None:
            payment = await self.payment(payment_id)
            return payment if payment["status"] in statuses else None

        return await eventually(look)

    @asynccontextmanager
    async def stream(
        self, payment_id: str, *, session: aiohttp.ClientSession | None = None, **query: str
    ) -> AsyncIterator[LiveStream]:
        """The live stream of a payment; it must have been opened."""
        async with (session or self.api.session).get(
            self.events_url(payment_id), params=query
        ) as response:
            assert 200 == response.status, await response.read()
            yield LiveStream(response)

    def events_url(self, payment_id: str) -> str:
        return f"{self.api.url}/checkout/payments/{payment_id}/events"

    async def refused_stream(self, payment_id: str, **query: str) -> Answer:
        """The refusal of a stream, in the envelope."""
        async with self.api.session.get(self.events_url(payment_id), params=query) as response:
            answer = Answer(response.status, response.headers, await response.read())
        check_envelope(answer)
        return answer

    async def browse(
        self, method: str, path: str, form: Mapping[str, str] | None = None, **headers: str
    ) -> Answer:
        """A page as a browser asks for it; redirections are not followed."""
        async with self.api.session.request(
            method,
            self.api.url + path,
            data=form,
            headers={"Accept-Encoding": "identity", **headers},
            allow_redirects=False,
        ) as response:
            return Answer(response.status, response.headers, await response.read())

    async def challenged(self, order_id: str) -> tuple[dict[str, Any], str]:
        """A payment whose bank asks for a challenge, and the address of its page."""
        payment = await self.pay(order_id, **CHALLENGED)
        waiting = await self.reached(payment["id"], "requires_action")
        return waiting, str(waiting["next_action"]["url"])

    async def form(self, address: str, answer: str) -> tuple[str, dict[str, str]]:
        """Where the challenge's form goes, and what it sends with this answer."""
        page = await self.browse("GET", address)
        assert 200 == page.status, page.body
        text = page.body.decode()
        names = ("reference", "token")
        fields = {name: re.findall(f'name="{name}" value="([^"]+)"', text)[0] for name in names}
        action = html.unescape(re.findall('action="([^"]+)"', text)[0])
        return action, {**fields, "answer": answer}

    async def answer(self, address: str, answer: str) -> str:
        """Answer the challenge; where the bank sends the shopper then."""
        action, fields = await self.form(address, answer)
        sent = await self.browse("POST", action, fields)
        assert 303 == sent.status, sent.body
        return sent.headers["Location"]

    async def come_back(self, address: str) -> str:
        """Follow the way back from the bank; the checkout's address that it ends at."""
        back = await self.browse("GET", address)
        assert 303 == back.status, back.body
        return back.headers["Location"]

    async def result(self, payment_id: str, **query: str) -> Mapping[str, Any]:
        """What the checkout hands to the shop."""
        answer = await self.get("/checkout/result", payment_id=payment_id, **query)
        assert 200 == answer.status, answer.body
        found: Mapping[str, Any] = answer.json
        return found
