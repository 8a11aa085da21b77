"""The process dies at any moment; nothing acknowledged is lost and nothing is done twice."""

from __future__ import annotations

import asyncio
import random

import pytest

from tests.survival.books import compare, find_doubled_effects, until_quiet
from tests.survival.conftest import set_webhook


async def test_five_kills_under_load(gateway, merchant, session, database, make_receiver):
    """kill -9 five times in one run at random moments: the three books agree in the end."""
    receiver = await make_receiver()
    await set_webhook(session, gateway, receiver.url)
    moments = random.Random(20261121)

    load = asyncio.create_task(merchant.run(300))
    for _ in range(5):
        await asyncio.wait({load}, timeout=moments.uniform(0.4, 1.5))
        gateway.kill()
        await gateway.start()
    await load
    await until_quiet(database)

    counted = await compare(database, merchant.told)
    print("kills:", dict(counted), dict(merchant.told.statuses), dict(merchant.told.refused))  # noqa: T201
    assert [] == await find_doubled_effects(database)
    assert 0 == counted["card_data_lost"]
    events = {row["id"] for row in await database.fetch("SELECT id FROM events")}
    assert events == {event_id for event_id, _, _ in receiver.received}


@pytest.mark.parametrize(
    "point",
    [
        "journal.before_commit",
        "journal.during_commit",
        "journal.after_commit",
        "enqueuer.before_send",
        "processor.after_call",
    ],
)
async def test_kill_at_a_fault_point(gateway, merchant, session, database, point):
    """Killed around a commit, a send or the bank's approval, several times: the books agree."""
    load = asyncio.create_task(merchant.run(60))
    for strike in range(3):
        await gateway.arm(session, point, after=strike * 5)
        assert -9 == await gateway.exit_status(within_seconds=60)
        await gateway.start()
    await load
    await until_quiet(database)

    counted = await compare(database, merchant.told)
    assert [] == await find_doubled_effects(database)
    assert 0 == counted["card_data_lost"]


async def test_sigterm_under_load_exits_cleanly(gateway, merchant, session, database):
    """SIGTERM while payments are under way: exit 0 in under 15 s, and a restart goes on."""
    load = asyncio.create_task(merchant.run(200))
    await asyncio.wait({load}, timeout=1.5)

    assert 0 == await gateway.terminate(within_seconds=15)

    await gateway.start()
    await load
    await until_quiet(database)
    await compare(database, merchant.told)
