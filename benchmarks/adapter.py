"""What a call through the Authorize.Net adapter costs our processor, beside its bare transport."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from statistics import median

import aiohttp

from benchmarks import servers
from benchmarks.bank import APPROVED
from benchmarks.report import Row
from gateway.domain.clock import Clock
from gateway.domain.ids import new_id
from gateway.domain.instruments import CardData
from gateway.domain.outcomes import Approved, Transaction
from gateway.processors.authorizenet import requests
from gateway.processors.authorizenet.configuration import Credentials
from gateway.processors.authorizenet.processor import AuthorizeNet
from gateway.processors.protocol import ProcessorContext, call

__all__ = ["measure"]

_MILLISECONDS_MAX = 2.0
_AT_ONCE = 16
_CARD = CardData(number="4111111111111111", expiry_month=3, expiry_year=2040, cvv="737")

_APPROVAL = Approved(reference="2228446239")

Call = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class _Cost:
    """Milliseconds of our processor for a call: by the adapter, and by its transport alone."""

    adapter: float
    transport: float


async def measure(*, calls: int, rounds: int) -> list[Row]:
    """Both in turn against a server in another process that approves at once; medians."""
    async with servers.bank() as server:
        url = f"http://127.0.0.1:{server.port}/xml/v1/request.api"
        costs = [
            _Cost(await _adapter(url, calls=calls), await _transport(url, calls=calls))
            for _ in range(rounds)
        ]
    adapter = median(each.adapter for each in costs)
    transport = median(each.transport for each in costs)
    own = median(each.adapter - each.transport for each in costs)
    return [
        Row(
            what="Authorize.Net adapter's own work per call",
            measured=f"{own:.2f} ms ({adapter:.2f} ms with, {transport:.2f} ms for the transport)",
            target=f"≤ {_MILLISECONDS_MAX:g} ms",
            met=own <= _MILLISECONDS_MAX,
        )
    ]


async def _adapter(url: str, *, calls: int) -> float:
    processor = AuthorizeNet()
    settings = {
        "authorizenet_url": url,
        "authorizenet_api_login_id": "login",
        "authorizenet_transaction_key": "key",
    }
    await processor.start(ProcessorContext(clock=Clock(), settings=settings))

    async def charge() -> None:
        outcome = await call(processor, _transaction())
        if outcome != _APPROVAL:
            raise RuntimeError(f"not approved: {outcome}")

    try:
        return await _milliseconds(charge, calls)
    finally:
        await processor.close()


async def _transport(url: str, *, calls: int) -> float:
    """The same bytes there and back by the same client, not looked into."""
    credentials = Credentials(api_login_id="login", transaction_key="key")
    members = requests.payment(_transaction())
    sent = json.dumps(requests.envelope("createTransactionRequest", credentials, members)).encode()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1_000)) as session:

        async def post() -> None:
            async with session.post(url, data=sent, allow_redirects=False) as response:
                if await response.read() != APPROVED:
                    raise RuntimeError("another answer")

        return await _milliseconds(post, calls)


async def _milliseconds(one: Call, calls: int) -> float:
    await _repeat(one, calls // 10)
    begun = time.process_time()
    await _repeat(one, calls)
    return (time.process_time() - begun) / calls * 1e3


async def _repeat(one: Call, calls: int) -> None:
    left = iter(range(calls))

    async def some() -> None:
        for _ in left:
            await one()

    await asyncio.gather(*(some() for _ in range(_AT_ONCE)))


def _transaction() -> Transaction:
    return Transaction(
        reference=new_id("att"),
        kind="charge",
        payment_id=new_id("pay"),
        order_id=new_id("order"),
        refund_id=None,
        amount=1_050,
        currency="USD",
        method="card",
        card=_CARD,
        email="shopper@example.com",
        last_four="1111",
    )
