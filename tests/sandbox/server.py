"""A simulated Authorize.Net for tests of any folder.

In this process, on a port of its own:

    async with running_sandbox() as sandbox:
        settings = {"url": sandbox.api_url, "login": sandbox.login_id, ...}
        await sandbox.control.arm("dropped", operation="refundTransaction")
        ...
        await sandbox.control.settle()                  # refunds need a settled transaction
        book = await sandbox.control.transactions()     # amounts are decimal text: "10.00"

`running_sandbox(strict=False, duplicate_window_seconds=0, …)` takes every field of
`gateway.sandbox.authorizenet.Options`. `started_sandbox(tmp_path)` is the same as the command
`gateway sandbox authorizenet`, in a process of its own.
"""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp

from gateway.sandbox.authorizenet import Options, Sandbox

READY_SECONDS = 30
STOP_SECONDS = 10
BOM = b"\xef\xbb\xbf"


class Control:
    """The control API as methods; `account` names another account than the first."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self.url = url

    async def arm(
        self,
        kind: str,
        *,
        processing: str = "first",
        seconds: float = 0,
        operation: str | None = None,
        count: int = 1,
    ) -> None:
        """Let the next `count` requests meet a fault.

        `kind`: slow, dropped, http_500, html, empty or half. `processing`: "first", the request is
        processed and then things go wrong; "late", it is processed after `seconds`; "never".
        `seconds` is how long a slow answer takes. `operation`: a request's name or a
        transactionType.
        """
        body = {"kind": kind, "processing": processing, "seconds": seconds, "count": count}
        await self.send("POST", "faults", {**body, "operation": operation})

    async def disarm(self) -> None:
        """Forget the faults that no request has met."""
        await self.send("DELETE", "faults")

    async def refuse(self, seconds: float | None = None) -> None:
        """Refuse connections, for so long or until `accept`; open ones are cut."""
        await self.send("POST", "refusal", {"seconds": seconds})

    async def accept(self) -> None:
        """Listen again."""
        await self.send("DELETE", "refusal")

    async def arm_reason(
        self,
        code: str,
        *,
        transaction_type: str | None = None,
        count: int = 1,
        account: str | None = None,
    ) -> None:
        """Let the next transactions end with a response reason code: "27", "19", "252" …"""
        body = {"code": code, "transaction_type": transaction_type, "count": count}
        await self.send("POST", "reasons", body, account=account)

    async def transactions(
        self, invoice_number: str | None = None, *, account: str | None = None
    ) -> list[dict[str, Any]]:
        """The book, oldest first: id, kind, status, reason, auth_amount, settle_amount, …"""
        query = {} if invoice_number is None else {"invoice_number": invoice_number}
        return (await self.send("GET", "transactions", account=account, **query))["transactions"]

    async def requests(self) -> list[dict[str, Any]]:
        """What was received, oldest first: operation, transaction_type, fault, code, …"""
        return (await self.send("GET", "requests"))["requests"]

    async def settle(self, *, account: str | None = None) -> list[str]:
        """Settle what is pending, now; the ids of the transactions in the batch."""
        return (await self.send("POST", "settlement", account=account))["settled"]

    async def advance_clock(self, seconds: float) -> None:
        """Move the clock; pending transactions settle when a cut-off is passed."""
        await self.send("POST", "clock", {"advance_seconds": seconds})

    async def nonce(
        self,
        card_number: str = "4111111111111111",
        expiration_date: str = "2035-12",
        card_code: str = "",
        *,
        account: str | None = None,
    ) -> dict[str, str]:
        """What Accept.js gives a page for a card: the members of `opaqueData`."""
        body = {
            "card_number": card_number,
            "expiration_date": expiration_date,
            "card_code": card_code,
        }
        issued = await self.send("POST", "nonces", body, account=account)
        return {"dataDescriptor": issued["data_descriptor"], "dataValue": issued["data_value"]}

    async def add_account(self, login_id: str, transaction_key: str, signature_key: str) -> None:
        """Open another merchant's account, with books of its own."""
        body = {"login_id": login_id, "transaction_key": transaction_key}
        await self.send("POST", "accounts", {**body, "signature_key": signature_key})

    async def webhooks(self, **habits: Any) -> dict[str, Any]:
        """How notifications are sent (held, copies, before_answer), changed where given."""
        return await self.send("POST", "webhooks", habits)

    async def release_webhooks(self, *, newest_first: bool = False) -> int:
        """Send what was held; how many there were."""
        body = {"newest_first": newest_first}
        return (await self.send("POST", "webhooks/release", body))["released"]

    async def resend_webhook(self, notification_id: str, copies: int = 1) -> None:
        """Send a notification again, with the same id."""
        body = {"notification_id": notification_id, "copies": copies}
        await self.send("POST", "webhooks/resend", body)

    async def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        account: str | None = None,
        **query: str,
    ) -> dict[str, Any]:
        """One request to the control API; anything but 200 fails the test."""
        if account is not None:
            query["account"] = account
        async with self._session.request(
            method, f"{self.url}/control/{path}", json=body, params=query
        ) as response:
            assert response.status == 200, await response.text()
            return await response.json()


@dataclass(kw_only=True)
class RunningSandbox:
    """Where it listens, what opens it, and how to control it."""

    url: str
    login_id: str
    transaction_key: str
    signature_key: str
    control: Control
    session: aiohttp.ClientSession

    @property
    def api_url(self) -> str:
        """Of the JSON API."""
        return f"{self.url}/xml/v1/request.api"

    async def ask(self, operation: str, **members: Any) -> dict[str, Any]:
        """One request with the right credentials; the reply, its amounts exact."""
        credentials = {"name": self.login_id, "transactionKey": self.transaction_key}
        return await self.post({operation: {"merchantAuthentication": credentials, **members}})

    async def transact(self, kind: str, **members: Any) -> dict[str, Any]:
        """One createTransactionRequest; its transactionResponse."""
        request = {"transactionType": kind, **members}
        reply = await self.ask("createTransactionRequest", transactionRequest=request)
        return reply["transactionResponse"]

    async def post(self, document: Any) -> dict[str, Any]:
        """One request as it stands."""
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        async with self.session.post(self.api_url, data=body) as response:
            assert response.status == 200, await response.text()
            raw = await response.read()
        assert raw.startswith(BOM)
        return json.loads(raw.decode("utf-8-sig"), parse_float=Decimal)


@asynccontextmanager
async def running_sandbox(**options: Any) -> AsyncIterator[RunningSandbox]:
    """A sandbox in this process; `options` are the fields of `Options`."""
    chosen = Options(**options)
    server = Sandbox(chosen)
    await server.start()
    try:
        async with aiohttp.ClientSession() as session:
            yield RunningSandbox(
                url=server.url,
                login_id=chosen.login_id,
                transaction_key=chosen.transaction_key,
                signature_key=chosen.signature_key,
                control=Control(session, server.control_url),
                session=session,
            )
    finally:
        await server.stop()


@asynccontextmanager
async def started_sandbox(directory: Path, *arguments: str) -> AsyncIterator[RunningSandbox]:
    """`gateway sandbox authorizenet --port 0 …` in a process of its own; must end by itself."""
    log = directory / "sandbox.log"
    command = [sys.executable, "-m", "gateway", "sandbox", "authorizenet", "--port", "0"]
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: ASYNC220 - a fork takes no time worth waiting
            [*command, *arguments], stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    try:
        ready = await _ready(process, log)
        async with aiohttp.ClientSession() as session:
            yield RunningSandbox(
                url=ready["url"],
                login_id=ready["login_id"],
                transaction_key=ready["transaction_key"],
                signature_key=ready["signature_key"],
                control=Control(session, ready["control_url"]),
                session=session,
            )
    finally:
        process.send_signal(signal.SIGTERM)
        assert 0 == await asyncio.to_thread(process.wait, STOP_SECONDS), log.read_text()


async def _ready(process: subprocess.Popen[bytes], log: Path) -> dict[str, Any]:
    async with asyncio.timeout(READY_SECONDS):
        while True:
            for line in log.read_bytes().splitlines():  # noqa: ASYNC240 - a small local file
                if line.startswith(b'{"event":"sandbox_ready"'):
                    return json.loads(line)
            assert process.poll() is None, f"it ended: {log}"
            await asyncio.sleep(0.02)
