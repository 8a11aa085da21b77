"""The keeper of bills: gives each its orders, one at a time, and makes true what became of them.

Every change is made under a lock on the bill's row, so it does not matter how many processes try.
What an order took is read off the orders and not told by anybody: when a process dies between a
payment and its bill, the next look finds it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import asyncpg
import structlog

from gateway.actors.bill_changes import BillChange, changing_bill
from gateway.actors.errors import ActorError
from gateway.actors.messages import CancelOrder, Done, ExpireOrder, MakeOrder, Request
from gateway.actors.periodic import Periodic
from gateway.domain import bills
from gateway.domain.bills import PAYMENT_IN_PROGRESS, Bill, payment_in_progress
from gateway.domain.clock import Clock
from gateway.domain.decisions import CreateOrder
from gateway.domain.entities import Order
from gateway.domain.errors import InvalidState, OperationInProgress, Rejected, Unavailable
from gateway.domain.ids import new_id
from gateway.domain.money import AmountLimits
from gateway.storage import bills as storage

__all__ = ["BillKeeper", "BillLimits"]

logger = structlog.get_logger(__name__)

# Each try begins anew; somebody else would have to be first every time in between.
_TRIES_MAX = 20


class Orders(Protocol):
    """The way to all orders, as `gateway.actors.intake` has it."""

    async def ask(self, identity: str, message: Any, *, deadline_seconds: float) -> Any:
        """Raises what the order refuses with, ActorError when it cannot be asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BillLimits:
    """How many orders a bill may have, how many tries an order, and how often to look at what.

    `amounts` are those of orders.
    """

    amounts: AmountLimits
    orders_max: int
    payments_per_order_max: int
    slice: int
    interval_seconds: float
    ask_seconds: float


class BillKeeper(Periodic):
    """A unit that keeps what is due, and what handlers ask for."""

    def __init__(
        self,
        *,
        pool: asyncpg.Pool,
        orders: Orders,
        clock: Clock,
        deliver: Callable[[list[str]], Awaitable[None]],
        limits: BillLimits,
        fault: Callable[[str], Awaitable[None]],
    ) -> None:
        """`deliver` has deliveries sent that are committed; `fault` is where tests let it die."""
        super().__init__(
            "bills", self._look_at_due, interval_seconds=limits.interval_seconds, clock=clock
        )
        self._pool = pool
        self._orders = orders
        self._clock = clock
        self._deliver = deliver
        self._limits = limits
        self._fault = fault

    async def order_for(self, bill_id: str, amount: int | None, *, return_url: str) -> Order:
        """The order by which this part of the bill, or all that is due, can be paid now.

        Who asks for the same part gets the same order, which takes one payment: so two who pay at
        once never pay twice. Raises NotFound, what `bills.installment` refuses with, and
        InvalidState while another part is being paid.
        """
        for _ in range(_TRIES_MAX):
            bill, held = await self._current(bill_id)
            wanted = bills.installment(bill, amount, self._clock.now(), self._limits.amounts)
            if held is not None:
                if held.order.amount == wanted and self._takes_payments(held):
                    return held.order
                if held.is_being_paid:
                    raise payment_in_progress()
                await self._cancel_order(held.order)
                continue
            order = await self._make_order(bill, wanted, return_url)
            try:
                await self._attach(bill_id, order)
            except InvalidState as refusal:
                await self._cancel_order(order)
                if refusal.reason != PAYMENT_IN_PROGRESS:
                    raise
                continue
            return order
        raise Unavailable("It is being paid elsewhere")

    async def cancel(self, bill_id: str, *, request_id: str | None = None) -> Bill:
        """The bill takes no money any more. Raises NotFound, and InvalidState as `bills.cancel`.

        An order that nobody is paying is cancelled first; one that is being paid keeps it open.
        """
        for _ in range(_TRIES_MAX):
            async with self.changing(bill_id) as changing:
                if changing.bill.order_id is None:
                    cancelled, event = bills.cancel(changing.bill, self._clock.now())
                    await changing.put(cancelled, event, request_id=request_id)
                    return cancelled
                held = await storage.order_of_bill(changing.connection, changing.bill)
            if held is not None:
                if held.is_being_paid:
                    raise payment_in_progress()
                await self._cancel_order(held.order)
        raise Unavailable("It is being paid elsewhere")

    async def settle(self, bill_id: str) -> Bill:
        """The bill with what its order has become, and with its time. Raises NotFound."""
        async with self.changing(bill_id) as changing:
            return changing.bill

    def changing(self, bill_id: str) -> AbstractAsyncContextManager[BillChange]:
        """The bill, locked and up to date, to be changed. Raises NotFound."""
        return changing_bill(self._pool, bill_id, self._clock.now(), self._deliver)

    async def _current(self, bill_id: str) -> tuple[Bill, storage.BillOrder | None]:
        async with self.changing(bill_id) as changing:
            return changing.bill, await storage.order_of_bill(changing.connection, changing.bill)

    def _takes_payments(self, held: storage.BillOrder) -> bool:
        return held.is_being_paid or held.order.attempts < self._limits.payments_per_order_max

    async def _attach(self, bill_id: str, order: Order) -> None:
        await self._fault("bills.before_attach")
        async with self.changing(bill_id) as changing:
            attached = bills.attach(
                changing.bill,
                order.id,
                order.amount,
                self._clock.now(),
                self._limits.amounts,
                orders_max=self._limits.orders_max,
            )
            await changing.put(attached)

    async def _make_order(self, bill: Bill, amount: int, return_url: str) -> Order:
        """Nobody knows its id before it is attached, so nobody can pay it."""
        command = CreateOrder(
            order_id=new_id("order"),
            merchant_id=bill.merchant_id,
            mode=bill.mode,
            amount=amount,
            currency=bill.currency,
            capture="automatic",
            receipt=bill.reference,
            notes=bill.notes,
            customer_id=bill.customer_id,
            bill_id=bill.id,
            expires_at=bill.expires_at,
            return_url=return_url,
        )
        request = Request(merchant_id=bill.merchant_id, mode=bill.mode)
        message = MakeOrder(command=command, request=request)
        done: Done = await self._ask(command.order_id, message)
        return done.order

    async def _cancel_order(self, order: Order) -> None:
        """Raises InvalidState when somebody has begun to pay it; over is over."""
        request = Request(merchant_id=order.merchant_id, mode=order.mode)
        try:
            done: Done = await self._ask(order.id, CancelOrder(request=request))
        except (InvalidState, OperationInProgress):
            async with self._pool.acquire() as connection:
                if await storage.order_is_over(connection, order.id):
                    return
            raise payment_in_progress() from None
        if done.operation is not None:  # an authorization goes back first
            raise payment_in_progress()

    async def _ask(self, order_id: str, message: Any) -> Any:
        return await self._orders.ask(order_id, message, deadline_seconds=self._limits.ask_seconds)

    async def _look_at_due(self) -> float | None:
        """Keep what is due, a slice; seconds until the next expiry, None without one."""
        now = self._clock.now()
        async with self._pool.acquire() as connection:
            due = await storage.due_bills(connection, now, self._limits.slice)
        for bill_id in due:
            await self._fault("bills.before_settle")
            await self._keep(bill_id)
        async with self._pool.acquire() as connection:
            earliest = await storage.earliest_expiry(connection, now)
        return None if earliest is None else (earliest - self._clock.now()).total_seconds()

    async def _keep(self, bill_id: str) -> None:
        """Settle the bill; one whose time is over loses the order that nobody is paying."""
        try:
            bill, held = await self._current(bill_id)
            is_late = bill.expires_at is not None and bill.expires_at <= self._clock.now()
            if held is None or held.is_being_paid or not is_late:
                return
            if not await self._ask(held.order.id, ExpireOrder()):
                await self._cancel_order(held.order)
            await self.settle(bill_id)
        except (Rejected, ActorError) as error:
            logger.warning("bill_kept_open", bill_id=bill_id, error=type(error).__name__)
