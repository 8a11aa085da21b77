"""The intake: makes new orders at once, and passes every other message to the order's actor.

Nobody but the caller knows the id of a new order before it is committed, so there is nobody to keep
out, and no actor is needed yet. Most orders that are made are not looked at again for a while.
"""

from __future__ import annotations

from typing import Any

from gateway.actors.messages import Done, MakeOrder
from gateway.actors.order_context import OrderContext, claimed, commit, moment_of
from gateway.actors.region import Region
from gateway.domain import decisions

__all__ = ["OrderIntake"]


class OrderIntake:
    """The way to all orders of a process, for handlers."""

    def __init__(self, orders: Region, context: OrderContext) -> None:
        self._orders = orders
        self._context = context

    async def ask(self, identity: str, message: Any, *, deadline_seconds: float) -> Any:
        """As `Region.ask`; a new order is answered when it is durable.

        Raises DeadlineExceeded when it is not in time: it may become durable all the same.
        """
        if isinstance(message, MakeOrder):
            return await self._make(message, deadline_seconds)
        return await self._orders.ask(identity, message, deadline_seconds=deadline_seconds)

    async def _make(self, message: MakeOrder, deadline_seconds: float) -> Done:
        decision = decisions.create_order(
            message.command,
            moment_of(self._context.clock, message.request),
            self._context.policy,
        )
        order = decision.state.order
        work, answer = claimed(self._context, message.request, decision, order.id, None)
        await commit(self._context, work, deadline_seconds)
        self._context.remember(decision.state)
        return Done(order=order, answer=answer)
