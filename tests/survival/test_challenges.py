"""The process dies while a shopper is at their bank, or just back: one final state, one charge."""

from __future__ import annotations

from contextlib import suppress

import aiohttp
import pytest

from tests.checkout.shopper import Shopper
from tests.survival.books import find_doubled_effects, until_quiet
from tests.web.client import ApiClient


def at(gateway, session) -> tuple[ApiClient, Shopper]:
    """The merchant and a shopper; the port is another one after each start."""
    nobody = ApiClient(session, gateway.url, key=None, secret=None)
    return ApiClient(session, gateway.url), Shopper(nobody)


async def test_killed_while_the_shopper_is_at_the_bank(gateway, session, database):
    """The answer is given before and after a kill -9; what the bank knows is what counts."""
    api, shopper = at(gateway, session)
    first, _ = await shopper.challenged((await api.order())["id"])
    second, address = await shopper.challenged((await api.order())["id"])
    back = await shopper.answer(first["next_action"]["url"], "pass")
    gateway.kill()
    await gateway.start()
    api, shopper = at(gateway, session)
    await shopper.come_back(back)
    await shopper.come_back(await shopper.answer(address, "fail"))
    await shopper.reached(first["id"], "success")
    await shopper.reached(second["id"], "failed")
    await until_quiet(database)

    rows = (await api.get("/test/bank/ledger")).json["data"]
    assert [first["id"]] == [row["payment_id"] for row in rows]
    assert [] == await find_doubled_effects(database)


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
async def test_killed_on_the_way_back(gateway, session, database, point):
    """Killed at the return's commit, its job, or the bank's word: a reload goes on from there."""
    api, shopper = at(gateway, session)
    payment, address = await shopper.challenged((await api.order())["id"])
    back = await shopper.answer(address, "pass")
    await gateway.arm(session, point)
    with suppress(aiohttp.ClientError):  # it may die before it has answered
        await shopper.come_back(back)
    assert -9 == await gateway.exit_status(within_seconds=60)
    await gateway.start()
    api, shopper = at(gateway, session)
    await shopper.come_back(back)
    await shopper.reached(payment["id"], "success")
    await until_quiet(database)

    rows = (await api.get("/test/bank/ledger")).json["data"]
    assert [payment["id"]] == [row["payment_id"] for row in rows]
    assert [] == await find_doubled_effects(database)
