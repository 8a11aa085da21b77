"""Deliveries handed over in memory, where the endpoint is known as it stood in the commit."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from gateway.domain.ids import new_id
from gateway.domain.jobs import Job, JobKind
from gateway.security.records import endpoint_record
from gateway.seeding import TEST_MERCHANT_ID
from tests.actors.process import ActorProcess, actor_process
from tests.support import eventually
from tests.webhooks.receivers import Receiver


@pytest.fixture
def held_max() -> int:
    """How many deliveries the process may hold."""
    return 100


@pytest.fixture
async def process(
    database_url: str, redis_url: str, redis_prefix: str, held_max: int
) -> AsyncIterator[ActorProcess]:
    """One process' actors."""
    async with actor_process(
        database_url, redis_url, redis_prefix, webhook_held_max=held_max
    ) as running:
        yield running


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A merchant's server that takes everything."""
    served = Receiver()
    await served.start()
    yield served
    await served.stop()


@pytest.fixture
async def endpoint(process: ActorProcess, receiver: Receiver) -> str:
    """The id of an endpoint that wants to hear of successes."""
    endpoint_id = new_id("we")
    sealed = process.tree.vault.seal(b"whsec_test", record=endpoint_record(endpoint_id))
    await process.tree.pool.execute(
        "INSERT INTO webhook_endpoints"
        " (id, merchant_id, mode, url, events, secret_sealed, created_at, updated_at)"
        " VALUES ($1, $2, 'test', $3, '{payment.success}', $4, $5, $5)",
        endpoint_id,
        TEST_MERCHANT_ID,
        receiver.url,
        sealed,
        process.clock.now(),
    )
    return endpoint_id


@pytest.fixture
def jobs(process: ActorProcess, monkeypatch: pytest.MonkeyPatch) -> list[Job]:
    """The jobs about deliveries that went to the queue."""
    sent: list[Job] = []
    send = process.tree.queue.send

    async def watched(*, jobs: list[Job], **more: object) -> None:
        sent.extend(job for job in jobs if job.kind == JobKind.WEBHOOKS)
        await send(jobs=jobs, **more)

    monkeypatch.setattr(process.tree.queue, "send", watched)
    return sent


async def _pay(process: ActorProcess, receiver: Receiver) -> None:
    """Pay, and wait until the merchant has heard of it and that is written."""
    before = len(receiver.received)
    await process.until(await process.pay(await process.make_order()), "success")
    await eventually(lambda: len(receiver.received) > before)
    await eventually(lambda: process.tree.deliverer.in_flight == 0)


async def test_known_endpoint_is_sent_to_without_a_job(process, receiver, endpoint, jobs):
    """The first delivery goes by the queue and is looked up; those that follow are at hand."""
    for _ in range(3):
        await _pay(process, receiver)

    assert [endpoint] == [job.identity for job in jobs]
    rows = await process.tree.pool.fetch(
        "SELECT status, attempts, event_id FROM webhook_logs ORDER BY created_at"
    )
    assert [("success", 1)] * 3 == [(row["status"], row["attempts"]) for row in rows]
    assert [row["event_id"] for row in rows] == receiver.ids
    assert 3 == await process.tree.pool.fetchval("SELECT count(*) FROM webhook_attempts")


async def test_changed_endpoint_is_looked_up_again(process, receiver, endpoint, jobs):
    """By whoever it was changed, another process too: nobody here was told of it."""
    await _pay(process, receiver)
    other = Receiver()
    await other.start()
    try:
        await process.tree.pool.execute(
            "UPDATE webhook_endpoints SET url = $2 WHERE id = $1", endpoint, other.url
        )
        await _pay(process, other)
        await _pay(process, other)
    finally:
        await other.stop()

    assert (1, 2, 2) == (len(receiver.received), len(other.received), len(jobs))


@pytest.mark.parametrize("held_max", [1])
@pytest.mark.usefixtures("endpoint")
async def test_what_there_is_no_room_for_goes_by_the_queue(process, receiver, jobs):
    """Where the process holds as many deliveries as it may, any process may take the next one."""
    await _pay(process, receiver)
    receiver._answer = receiver.hang
    await process.until(await process.pay(await process.make_order()), "success")
    await eventually(lambda: len(receiver.received) == 2)
    assert 1 == len(jobs)

    await process.until(await process.pay(await process.make_order()), "success")
    await eventually(lambda: len(jobs) == 2)
    receiver.let_go.set()

    await eventually(lambda: len(receiver.received) == 3)


async def test_delivery_in_a_dead_process_is_found_by_recovery(process, receiver, endpoint, jobs):
    """Handed over and lost: it stands in Postgres as due, which is enough."""
    await _pay(process, receiver)
    process.tree.deliverer._dispatcher._hand_over = lambda *_: None
    await process.until(await process.pay(await process.make_order()), "success")
    await process.tree.deliverer.stop()
    await process.tree.deliverer.start()

    process.clock.advance(60)

    await eventually(lambda: len(receiver.received) == 2)
    assert [endpoint] == [job.identity for job in jobs]
