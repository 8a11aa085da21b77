"""A small bank with the acquirer's API, for tests and for trying out; its money does not exist.

    python -m acquirer_processor.sandbox --port 9100

The card decides: a number that ends in 0002 is declined, one that ends in 9995 for want of money,
one that ends in 0077 stays pending, all others are approved.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import hmac
import json
from dataclasses import asdict, dataclass
from typing import Any

from aiohttp import web

__all__ = ["API_KEY", "SIGNING_KEY", "Bank", "Entry"]

API_KEY = "sandbox-key"
SIGNING_KEY = "sandbox-signing-key"
_DECLINED = {"0002": "card_declined", "9995": "insufficient_funds"}
_PENDING = "0077"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One transaction; `amount` in minor units. Of the card nothing is kept."""

    id: str
    reference: str
    kind: str
    amount: int
    currency: str
    original: str | None
    status: str
    reason: str | None


class Bank:
    """The books, and the server that keeps them. While `answers` is cleared nobody is answered."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self.answers = asyncio.Event()
        self.answers.set()
        self.url = ""
        self._runner: web.AppRunner | None = None

    async def start(self, port: int = 0) -> None:
        """Listen on this machine."""
        application = web.Application(middlewares=[self._guard])
        application.router.add_post("/transactions", self._post)
        application.router.add_get("/transactions", self._get)
        application.router.add_get("/account", self._show_account)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Listen no more."""
        self.answers.set()
        if self._runner is not None:
            await self._runner.cleanup()

    def event(self, entry_id: str) -> tuple[bytes, str]:
        """What the bank sends about a transaction, and its signature."""
        body = json.dumps({"id": f"evt_{entry_id}", "kind": "settled", "transaction": entry_id})
        return body.encode(), hmac.new(
            SIGNING_KEY.encode(), body.encode(), hashlib.sha256
        ).hexdigest()

    @web.middleware
    async def _guard(self, request: web.Request, handler: Any) -> web.StreamResponse:
        await self.answers.wait()
        if request.headers.get("Authorization") != f"Bearer {API_KEY}":
            return web.json_response({"error": "unknown key"}, status=401)
        try:
            answer: web.StreamResponse = await handler(request)
        except ConnectionResetError:
            raise web.HTTPBadRequest from None  # it was cut off before all of it was there
        return answer

    async def _post(self, request: web.Request) -> web.Response:
        asked = await request.json()
        known = self.entries.get(asked["reference"])
        if known is None:
            known = self._book(asked)
        elif (known.kind, known.amount) != (asked["kind"], asked["amount"]):
            return web.json_response({"error": "reference was used otherwise"}, status=409)
        return web.json_response(asdict(known))

    async def _get(self, request: web.Request) -> web.Response:
        named = request.query
        for entry in self.entries.values():
            if named.get("reference") == entry.reference or named.get("id") == entry.id:
                return web.json_response(asdict(entry))
        return web.json_response({"error": "never heard of it"}, status=404)

    async def _show_account(self, request: web.Request) -> web.Response:
        return web.json_response({"account": "sandbox", "path": request.path})

    def _book(self, asked: dict[str, Any]) -> Entry:
        status, reason = self._judge(asked)
        entry = Entry(
            id=f"tr_{len(self.entries) + 1}",
            reference=asked["reference"],
            kind=asked["kind"],
            amount=asked["amount"],
            currency=asked["currency"],
            original=asked["original"],
            status=status,
            reason=reason,
        )
        self.entries[entry.reference] = entry
        return entry

    def _judge(self, asked: dict[str, Any]) -> tuple[str, str | None]:
        if asked["kind"] in ("charge", "authorize"):
            ending = ((asked["card"] or {}).get("number") or _PENDING)[-4:]
            if ending in _DECLINED:
                return "declined", _DECLINED[ending]
            return ("pending" if ending == _PENDING else "approved"), None
        possible = self._left(asked["original"], asked["kind"])
        return ("approved", None) if asked["amount"] <= possible else ("declined", "exceeds")

    def _left(self, original: str | None, kind: str) -> int:
        """What can still be captured or voided, or refunded, of a payment."""
        about = [
            entry
            for entry in self.entries.values()
            if original in (entry.id, entry.original) and entry.status == "approved"
        ]
        sums = {
            each: sum(entry.amount for entry in about if entry.kind == each)
            for each in ("charge", "authorize", "capture", "void", "refund")
        }
        if kind == "refund":
            return sums["charge"] + sums["capture"] - sums["refund"]
        return sums["authorize"] - sums["capture"] - sums["void"]


async def _serve(port: int) -> None:
    bank = Bank()
    await bank.start(port)
    print(f"the acquirer's sandbox listens on {bank.url}, its API key is {API_KEY}", flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        await bank.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=9100)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(parser.parse_args().port))
