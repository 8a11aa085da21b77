"""The published schedule, by the clock that tests move, through restarts and retries."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

from gateway.domain.delivery import TEST_SCHEDULE
from tests.support import eventually
from tests.webhooks.world import World

WAITS = (60, 300, 1_800, 7_200)


async def test_a_delivery_arrives_at_once(world: World) -> None:
    """One post, one attempt row, success, the job acknowledged and nothing left in the index."""
    receiver = await world.receiver(200)
    [delivery_id] = await world.deliver(await world.endpoint(receiver.url))

    row = await world.ended(delivery_id, "success")

    [attempt] = await world.attempts(delivery_id)
    assert [row["event_id"]] == receiver.ids
    assert (1, 200, None) == (row["attempts"], row["response_code"], row["next_retry_at"])
    assert row["last_attempt_at"] == attempt["requested_at"]
    assert (1, 200, "thank you", None) == (
        attempt["number"],
        attempt["response_code"],
        attempt["response_body"],
        attempt["error"],
    )
    assert await eventually(lambda: world.deliverer.in_flight == 0)
    await eventually(lambda: no_jobs(world))
    assert await world.due.earliest() is None
    assert ["success"] == [outcome for outcome, _ in world.observed]


async def no_jobs(world: World) -> bool:
    return await world.jobs_left() == 0


async def test_the_schedule_is_kept_to_the_second_and_ends_in_a_dead_letter(world: World) -> None:
    """At once, +1 min, +5 min, +30 min, +2 h, each counted from the attempt before; then failed."""
    receiver = await world.receiver(500)
    [delivery_id] = await world.deliver(await world.endpoint(receiver.url))

    for number, wait in enumerate(WAITS, 1):
        row = await world.attempted(delivery_id, number)
        assert "pending" == row["status"]
        assert timedelta(seconds=wait) == row["next_retry_at"] - row["last_attempt_at"]
        await eventually(world.due.earliest)
        await not_before(world, row, number)
        world.clock.advance(1)

    row = await world.ended(delivery_id, "failed")
    assert (5, 500, None) == (row["attempts"], row["response_code"], row["next_retry_at"])
    assert [1, 2, 3, 4, 5] == [each["number"] for each in await world.attempts(delivery_id)]
    [letter] = await world.dead_letters(delivery_id)
    assert "5 attempts failed, at last: The endpoint answered 500" == letter["reason"]
    assert (world.merchant_id, "test", None) == (
        letter["merchant_id"],
        letter["mode"],
        letter["resolved_at"],
    )
    assert 1 == len(set(receiver.ids))
    assert 1 == len({each.body for each in receiver.received})
    assert await world.due.earliest() is None


async def not_before(world: World, row: Any, number: int) -> None:
    """One second too early, the index is asked and gives nothing."""
    due_at = row["next_retry_at"]
    world.clock.advance(world.clock.seconds_until(due_at) - 1)
    assert [] == await world.due.pop_due(world.clock.now(), 10)
    assert number == (await world.row(row["id"]))["attempts"]


async def test_a_retry_goes_out_at_its_moment_by_the_timer_alone(make_world: Any) -> None:
    """Nobody moves the clock: a wait of one second ends after one second, not at the next poll."""
    schedule = type(TEST_SCHEDULE)((0, 1))
    world: World = await make_world(schedule=schedule)
    await world.start()
    receiver = await world.receiver(500, 200)
    [delivery_id] = await world.deliver(await world.endpoint(receiver.url))

    await world.ended(delivery_id, "success")

    first, second = await world.attempts(delivery_id)
    waited = second["requested_at"] - first["requested_at"]
    assert timedelta(seconds=1) <= waited <= timedelta(seconds=1.5)


async def test_four_failures_and_then_success(world: World) -> None:
    """The fifth attempt is the last one, and it counts."""
    receiver = await world.receiver(500, 503, 404, 301, 200)
    [delivery_id] = await world.deliver(await world.endpoint(receiver.url))

    for number, wait in enumerate(WAITS, 1):
        await world.attempted(delivery_id, number)
        world.clock.advance(wait)

    row = await world.ended(delivery_id, "success")
    codes = [each["response_code"] for each in await world.attempts(delivery_id)]
    assert 5 == row["attempts"]
    assert [500, 503, 404, 301, 200] == codes
    assert () == tuple(await world.dead_letters(delivery_id))


async def test_the_schedule_survives_restarts(world: World) -> None:
    """A deliverer that begins anew goes on where the rows say, no sooner and not from the start."""
    receiver = await world.receiver(500)
    [delivery_id] = await world.deliver(await world.endpoint(receiver.url))

    for number, wait in enumerate(WAITS, 1):
        await world.attempted(delivery_id, number)
        await world.restart()
        assert number == len(receiver.received)
        world.clock.advance(wait)

    await world.ended(delivery_id, "failed")
    assert 5 == len(receiver.received)


async def test_what_was_due_while_nobody_ran_is_delivered_at_the_start(world: World) -> None:
    """The clock goes on without the deliverer."""
    receiver = await world.receiver(500, 200)
    [delivery_id] = await world.deliver(await world.endpoint(receiver.url))
    await world.attempted(delivery_id, 1)
    await world.deliverer.stop()
    world.clock.advance(3_600)

    await world.restart()

    await world.ended(delivery_id, "success")
    assert 2 == len(receiver.received)


async def test_the_test_intervals(make_world: Any) -> None:
    """WEBHOOK_RETRY_INTERVALS_TEST: 0, 5, 10, 15 and 20 seconds."""
    world: World = await make_world(schedule=TEST_SCHEDULE)
    await world.start()
    receiver = await world.receiver(500)
    [delivery_id] = await world.deliver(await world.endpoint(receiver.url))

    for number, wait in enumerate((5, 10, 15, 20), 1):
        row = await world.attempted(delivery_id, number)
        assert timedelta(seconds=wait) == row["next_retry_at"] - row["last_attempt_at"]
        world.clock.advance(wait)

    assert 5 == (await world.ended(delivery_id, "failed"))["attempts"]


@pytest.mark.parametrize(
    ("header", "wait"), [("30", 60), ("600", 600), ("999999999999", 7_200), ("soon", 60)]
)
async def test_retry_after_lengthens_a_wait_and_never_shortens_it(
    world: World, header: str, wait: int
) -> None:
    """Up to two hours, counted from the answer."""

    async def busy(_: web.Request) -> web.Response:
        return web.Response(status=429, headers={"Retry-After": header})

    receiver = await world.receiver(answer=busy)
    [delivery_id] = await world.deliver(await world.endpoint(receiver.url))

    row = await world.attempted(delivery_id, 1)

    waited = row["next_retry_at"] - row["last_attempt_at"]
    assert timedelta(seconds=wait) <= waited <= timedelta(seconds=wait + 1)


async def test_a_manual_retry_while_an_automatic_one_waits_is_one_chain(world: World) -> None:
    """The same row begins anew: the attempt that was waiting does not go out beside it."""
    receiver = await world.receiver(500)
    [delivery_id] = await world.deliver(await world.endpoint(receiver.url))
    await world.attempted(delivery_id, 1)
    world.clock.advance(60)
    await world.attempted(delivery_id, 2)

    await world.retry(delivery_id)

    row = await world.attempted(delivery_id, 1)
    assert timedelta(seconds=60) == row["next_retry_at"] - row["last_attempt_at"]
    assert 3 == len(receiver.received)
    world.clock.advance(60)
    row = await world.attempted(delivery_id, 2)
    world.clock.advance(299)
    assert timedelta(seconds=300) == row["next_retry_at"] - row["last_attempt_at"]
    assert [] == await world.due.pop_due(world.clock.now(), 10)
    assert 4 == len(receiver.received)


async def test_a_manual_retry_during_a_request_is_sent_after_it(world: World) -> None:
    """The request under way no longer belongs to the row; the retry is not forgotten."""
    receiver = await world.receiver(hangs=True)
    [delivery_id] = await world.deliver(await world.endpoint(receiver.url))
    await eventually(lambda: receiver.under_way == 1)
    await world.pool.execute("UPDATE webhook_logs SET attempts = 3 WHERE id = $1", delivery_id)

    await world.retry(delivery_id)
    receiver.let_go.set()

    row = await world.ended(delivery_id, "success")
    assert 1 == row["attempts"]
    assert 1 == len(await world.attempts(delivery_id))


async def test_a_dead_letter_that_is_retried_gets_the_whole_schedule_again(world: World) -> None:
    """failed → pending → success."""
    receiver = await world.receiver(500)
    [delivery_id] = await world.deliver(await world.endpoint(receiver.url))
    for number, wait in enumerate(WAITS, 1):
        await world.attempted(delivery_id, number)
        world.clock.advance(wait)
    await world.ended(delivery_id, "failed")
    receiver.answers(200)

    await world.retry(delivery_id)

    assert 1 == (await world.ended(delivery_id, "success"))["attempts"]
    assert 6 == len(receiver.received)
