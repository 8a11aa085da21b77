"""Recovery: lost jobs, overdue orders and authorizations, old data."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway.actors import messages
from tests.actors.process import REQUEST, actor_process
from tests.support import eventually

DAY = 86_400


@pytest.fixture
async def process(database_url, redis_url, redis_prefix):
    """One process' actors."""
    async with actor_process(database_url, redis_url, redis_prefix) as running:
        yield running


async def _order_status(process, order_id: str) -> str:
    return await process.tree.pool.fetchval("SELECT status FROM orders WHERE id = $1", order_id)


async def test_order_expires_when_its_time_has_come(process):
    """An order that nobody paid expires by the clock, with an event."""
    expires_at = process.clock.now() + timedelta(hours=1)
    order_id = await process.make_order(expires_at=expires_at)

    process.clock.advance(3_601)

    await eventually(lambda: _is(process, order_id, "expired"))
    types = await process.tree.pool.fetch("SELECT type FROM events WHERE order_id = $1", order_id)
    assert ["order.expired"] == [row["type"] for row in types]


async def _is(process, order_id: str, status: str) -> bool:
    return await _order_status(process, order_id) == status


async def test_expiry_of_the_order_waits_for_its_authorization(process):
    """An authorization keeps its order open; when it is voided, the order expires."""
    expires_at = process.clock.now() + timedelta(days=1)
    order_id = await process.make_order(capture="manual", expires_at=expires_at)
    payment_id = await process.pay(order_id)
    await process.until(payment_id, "success")

    process.clock.advance(2 * DAY)
    process.tree.recovery.look()
    assert "attempted" == await _order_status(process, order_id)
    process.clock.advance(6 * DAY)

    assert "expired" == await process.until(payment_id, "expired")
    process.tree.recovery.look()
    await eventually(lambda: _is(process, order_id, "expired"))


async def test_rest_of_a_partial_capture_is_released_at_expiry(process):
    """What is not captured in time goes back; the payment stays a success."""
    order_id = await process.make_order(capture="manual")
    payment_id = await process.pay(order_id)
    await process.until(payment_id, "success")
    capture = messages.CapturePayment(payment_id=payment_id, amount=20_000, request=REQUEST)
    await process.ask(order_id, capture)
    await eventually(lambda: _amount(process, payment_id, "amount_captured", 20_000))

    process.clock.advance(7 * DAY + 1)

    await eventually(lambda: _amount(process, payment_id, "amount_released", 30_000))
    assert "success" == await process.status(payment_id)
    assert ["authorize", "capture", "void"] == process.bank.verbs


async def _amount(process, payment_id: str, column: str, amount: int) -> bool:
    query = f"SELECT {column} FROM payments WHERE id = $1"
    return await process.tree.pool.fetchval(query, payment_id) == amount


async def test_job_that_was_never_enqueued_is_found(database_url, redis_url, redis_prefix):
    """The process died between commit and enqueue: the next one finds the operation."""
    async with actor_process(database_url, redis_url, redis_prefix, start=False) as dead:
        await dead.tree.journal.start()
        await dead.tree.orders.start()
        order_id = await dead.make_order()
        payment_id = await dead.pay(order_id)
    async with actor_process(database_url, redis_url, redis_prefix) as alive:
        assert "success" == await alive.until(payment_id, "success")


async def test_old_data_is_deleted_in_slices(database_url, redis_url, redis_prefix):
    """Expired keys go at once, bodies of webhooks after 90 days, events after their time."""
    async with actor_process(
        database_url, redis_url, redis_prefix, recovery_slice=2, event_days=120
    ) as process:
        now = process.clock.now()
        for number in range(5):
            claim = messages.ClaimRequest(
                scope="s", key=f"k{number}", fingerprint=b"f", surface="order.created"
            )
            order_id = await process.make_order()
            request = messages.Request(merchant_id=REQUEST.merchant_id, mode="test", claim=claim)
            payment_id = await process.pay(order_id, request)
            await process.until(payment_id, "success")
        count = process.tree.pool.fetchval
        assert 5 == await count("SELECT count(*) FROM idempotency_keys")
        assert await count("SELECT count(*) FROM events WHERE created_at >= $1", now)

        process.clock.advance(DAY + 1)
        await eventually(lambda: _is_zero(process, "SELECT count(*) FROM idempotency_keys"))
        assert await count("SELECT count(*) FROM events WHERE body IS NOT NULL")

        process.clock.advance(90 * DAY)
        bodies = "SELECT count(*) FROM events WHERE body IS NOT NULL AND type LIKE 'payment.%ed'"
        await eventually(lambda: _is_zero(process, bodies))
        assert await count("SELECT count(*) FROM events")

        process.clock.advance(31 * DAY)
        await eventually(lambda: _is_zero(process, "SELECT count(*) FROM events"))


async def _is_zero(process, query: str) -> bool:
    return await process.tree.pool.fetchval(query) == 0
