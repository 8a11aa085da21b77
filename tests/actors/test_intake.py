"""The intake: new orders keep the deadline of whoever asks, as every ask does."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from gateway.actors import messages
from gateway.actors.errors import DeadlineExceeded
from gateway.actors.intake import OrderIntake
from gateway.domain import decisions
from gateway.domain.ids import new_id
from gateway.seeding import TEST_MERCHANT_ID
from tests.actors.process import REQUEST, actor_process


async def test_new_order_keeps_its_deadline(database_url, redis_url, redis_prefix):
    """A database that does not answer in time: the outcome is unknown, and the asker is told."""
    async with actor_process(database_url, redis_url, redis_prefix) as process:

        async def never(_work) -> None:
            await asyncio.Event().wait()

        context = replace(process.tree._order_context, commit=never)
        intake = OrderIntake(process.tree.orders, context)
        order_id = new_id("order")
        command = decisions.CreateOrder(
            order_id=order_id,
            merchant_id=TEST_MERCHANT_ID,
            mode="test",
            amount=50_000,
            currency="INR",
            capture="manual",
        )

        async with asyncio.timeout(10):
            with pytest.raises(DeadlineExceeded):
                await intake.ask(
                    order_id,
                    messages.MakeOrder(command=command, request=REQUEST),
                    deadline_seconds=0.05,
                )
