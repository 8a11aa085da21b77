"""The intake: new orders keep the deadline of whoever asks, as every ask does."""

from __future__ import annotations

import asyncpg
import pytest

from gateway.actors import messages
from gateway.actors.errors import DeadlineExceeded
from gateway.actors.intake import OrderIntake
from gateway.domain import decisions
from gateway.domain.ids import new_id
from gateway.seeding import TEST_MERCHANT_ID
from tests.actors.process import REQUEST, actor_process


async def test_new_order_keeps_its_deadline(database_url, redis_url, redis_prefix):
    """A database that does not write in time: the outcome is unknown, and the asker is told."""
    async with actor_process(database_url, redis_url, redis_prefix) as process:
        intake = OrderIntake(process.tree.orders, process.tree._order_context)
        order_id = new_id("order")
        command = decisions.CreateOrder(
            order_id=order_id,
            merchant_id=TEST_MERCHANT_ID,
            mode="test",
            amount=50_000,
            currency="INR",
            capture="manual",
        )
        other = await asyncpg.connect(database_url)
        async with other.transaction():
            await other.execute("LOCK TABLE orders IN EXCLUSIVE MODE")

            with pytest.raises(DeadlineExceeded):
                await intake.ask(
                    order_id,
                    messages.MakeOrder(command=command, request=REQUEST),
                    deadline_seconds=0.05,
                )
        await other.close()
