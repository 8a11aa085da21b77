"""The process dies between a payment and its link, or before an order belongs to its link."""

from __future__ import annotations

from contextlib import suppress

import aiohttp

from tests.bills.merchant import Merchant, Visitor
from tests.survival.books import find_doubled_effects, until_quiet


async def test_killed_between_the_payment_and_the_link(gateway, session, database):
    """The next process finds what was paid, and tells of it once."""
    merchant, visitor = Merchant(session, gateway.url), Visitor(session, gateway.url)
    link = await merchant.link(accept_partial=True)
    order_id = (await visitor.begin(link["id"], "400")).order_id
    await gateway.arm(session, "bills.before_settle")
    assert 201 == (await visitor.pay(order_id))[0]
    assert -9 == await gateway.exit_status(within_seconds=60)
    paid = await database.fetchval("SELECT amount_paid FROM orders WHERE id = $1", order_id)
    stored = await database.fetchval("SELECT amount_paid FROM bills")
    assert (40_000, 0) == (paid, stored)

    await gateway.start()
    merchant = Merchant(session, gateway.url)
    part = await merchant.until(f"/payment_links/{link['id']}", "partially_paid")
    assert 40_000 == part["amount_paid"]
    await until_quiet(database)
    events = await database.fetch("SELECT type FROM events WHERE type LIKE 'payment_link.%'")
    assert ["payment_link.partially_paid"] == [row["type"] for row in events]
    assert [] == await find_doubled_effects(database)


async def test_killed_before_the_order_is_the_links(gateway, session, database):
    """That order is nobody's; the next visit gets another one, and the link is paid by it."""
    merchant, visitor = Merchant(session, gateway.url), Visitor(session, gateway.url)
    link = await merchant.link()
    await gateway.arm(session, "bills.before_attach")
    with suppress(aiohttp.ClientError):
        await visitor.begin(link["id"])
    assert -9 == await gateway.exit_status(within_seconds=60)
    await gateway.start()
    merchant, visitor = Merchant(session, gateway.url), Visitor(session, gateway.url)
    order_id = (await visitor.begin(link["id"])).order_id
    assert 201 == (await visitor.pay(order_id))[0]
    await merchant.until(f"/payment_links/{link['id']}", "paid")

    orders = await database.fetch("SELECT amount_paid FROM orders WHERE bill_id = $1", link["id"])
    assert [0, 100_000] == sorted(row["amount_paid"] for row in orders)
