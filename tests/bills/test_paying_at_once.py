"""Many shoppers pay one link at the same moment: together never more than its amount."""

from __future__ import annotations

import asyncio
import random

import aiohttp

from gateway.app import Gateway
from gateway.settings import Settings
from gateway.storage.pool import Pool
from tests.bills.merchant import Merchant, Visitor
from tests.checkout.gateways import running

AMOUNT = 100_000


async def check_books(pool: Pool, link_id: str) -> int:
    """What was paid, the same in all books: the link's, its orders', its payments', the bank's."""
    row = await pool.fetchrow(
        """
        SELECT bills.amount_paid, bills.order_id,
               (SELECT sum(amount_paid) FROM orders WHERE bill_id = bills.id) AS orders,
               (SELECT sum(amount_captured) FROM payments JOIN orders ON orders.id = order_id
                WHERE bill_id = bills.id) AS payments,
               (SELECT sum(amount) FROM simulator_transactions
                WHERE kind IN ('charge', 'capture') AND outcome = 'approved'
                  AND payment_id IN (SELECT payments.id FROM payments
                                     JOIN orders ON orders.id = order_id
                                     WHERE bill_id = bills.id)) AS bank
        FROM bills WHERE bills.id = $1
        """,
        link_id,
    )
    assert row["amount_paid"] == row["orders"] == row["payments"] == row["bank"]
    return int(row["amount_paid"])


async def test_two_pay_the_rest(merchant: Merchant, visitor: Visitor, pool: Pool) -> None:
    """Both are led to the same order, which takes one payment."""
    link = await merchant.link()
    first, second = await asyncio.gather(visitor.begin(link["id"]), visitor.begin(link["id"]))
    assert first.order_id == second.order_id
    answers = await asyncio.gather(*(visitor.pay(first.order_id) for _ in range(4)))

    assert [201, 400, 400, 400] == sorted(status for status, _ in answers)
    await merchant.until(f"/payment_links/{link['id']}", "paid")
    assert AMOUNT == await check_books(pool, link["id"])


async def test_another_part_waits_for_the_first(
    settings: Settings, session: aiohttp.ClientSession, pool: Pool
) -> None:
    """While a part is being paid no other is begun; nobody cancels a payment that is under way."""
    slow = {"test_processing_delay": 2_000}
    async with running(settings, session, **slow) as (gateway, _, _):
        url = f"http://127.0.0.1:{gateway.port}"
        merchant, visitor = Merchant(session, url), Visitor(session, url)
        link = await merchant.link(accept_partial=True)
        order_id = (await visitor.begin(link["id"], "600")).order_id
        assert 201 == (await visitor.pay(order_id))[0]

        other = await visitor.begin(link["id"], "500")
        assert (303, f"/l/{link['id']}") == (other.status, other.location)
        assert "busy" == (await visitor.open(link["id"])).view
        refused = await merchant.refused("POST", f"/payment_links/{link['id']}/cancel")
        assert "Another payment is in progress" == refused["description"]
        part = await merchant.until(f"/payment_links/{link['id']}", "partially_paid")
        assert 60_000 == part["amount_paid"]
        assert 60_000 == await check_books(pool, link["id"])


async def test_a_part_that_nobody_pays_makes_room(merchant: Merchant, visitor: Visitor) -> None:
    """Who only looks at a checkout keeps nobody from paying another part; theirs is over then."""
    link = await merchant.link(accept_partial=True)
    looked_at = (await visitor.begin(link["id"], "600")).order_id
    order_id = (await visitor.begin(link["id"], "500")).order_id

    assert looked_at != order_id
    assert 400 == (await visitor.pay(looked_at))[0]
    assert 201 == (await visitor.pay(order_id))[0]
    part = await merchant.until(f"/payment_links/{link['id']}", "partially_paid")
    assert 50_000 == part["amount_paid"]


async def test_a_crowd_at_two_processes(
    gateway: Gateway,
    settings: Settings,
    session: aiohttp.ClientSession,
    pool: Pool,
) -> None:
    """Parts of all sizes by many at once at two processes, until it is paid: every book agrees."""
    chance = random.Random(20261125)
    async with running(settings, session) as (other, _, _):
        urls = [f"http://127.0.0.1:{each.port}" for each in (gateway, other)]
        merchant = Merchant(session, urls[0])
        link = await merchant.link(accept_partial=True)

        async def come(url: str, amount: str) -> None:
            visitor = Visitor(session, url)
            page = await visitor.begin(link["id"], amount)
            if page.status == 303 and page.location.startswith("/checkout"):
                await visitor.pay(page.order_id)

        for _ in range(4):
            crowd = [
                come(chance.choice(urls), str(chance.choice((1, 100, 250, 400, 1_000))))
                for _ in range(10)
            ]
            await asyncio.gather(*crowd)
        while (await merchant.done("GET", f"/payment_links/{link['id']}"))["status"] != "paid":
            await come(urls[1], "")
        assert AMOUNT == await check_books(pool, link["id"])
        types = await pool.fetch("SELECT type FROM events WHERE type LIKE 'payment_link.%'")
        assert 1 == sum(row["type"] == "payment_link.paid" for row in types)
        paid_orders = await pool.fetchval("SELECT count(*) FROM orders WHERE status = 'paid'")
        assert paid_orders == len(types)
