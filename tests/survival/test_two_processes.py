"""Two gateways on the same stores, under load on the same orders."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter

from tests.survival.books import compare, find_doubled_effects, until_quiet
from tests.survival.gateway_process import KEY_HEADERS
from tests.survival.load import Merchant


async def test_two_gateways_share_the_load(gateways, session, database):
    """Requests go to both in turn: books agree, waiting handlers hear of the other's outcomes."""
    await asyncio.gather(*(gateway.start() for gateway in gateways))
    turn = itertools.cycle(gateways)
    merchant = Merchant(session, lambda: next(turn).url)

    await merchant.run(240)
    await until_quiet(database)

    counted = await compare(database, merchant.told)
    assert [] == await find_doubled_effects(database)
    assert 240 == counted["success"]
    assert 500 not in merchant.told.statuses
    # Every capture was answered with its outcome, wherever its job was done.
    assert 80 == len(merchant.told.captured)
    assert Counter() == merchant.told.refused


async def test_one_capture_wins_and_refunds_never_exceed(gateways, session, database):
    """The same captures and refunds at both at once: one capture, refunds within what is there."""
    await asyncio.gather(*(gateway.start() for gateway in gateways))
    merchant = Merchant(session, lambda: gateways[0].url)
    payments = [await merchant.take_payment(0) for _ in range(10)]
    for payment_id in payments:
        await merchant.outcome(payment_id)

    async def post(number: int, path: str, body: dict[str, int]) -> int:
        url = gateways[number % 2].url + path
        async with session.post(url, json=body, headers=KEY_HEADERS) as response:
            return response.status

    captures = await asyncio.gather(
        *(post(n, f"/api/v1/payments/{each}/capture", {}) for each in payments for n in range(4))
    )
    await until_quiet(database)
    refunds = await asyncio.gather(
        *(
            post(n, f"/api/v1/payments/{each}/refunds", {"amount": 10_000})
            for each in payments
            for n in range(8)
        )
    )
    await until_quiet(database)

    assert 10 == captures.count(200)
    assert {200, 400, 409} >= set(captures)
    # Five refunds of a fifth each fit into every payment, and not one of those is refused as stale.
    assert 50 == refunds.count(201)
    assert 30 == refunds.count(400)
    await compare(database, merchant.told)
