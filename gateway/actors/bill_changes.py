"""One change of a bill: its row locked, brought up to date first, written with the events of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import asyncpg

from gateway.domain import bills, canonical_json
from gateway.domain.bill_representation import bill_object
from gateway.domain.bills import Bill
from gateway.domain.entities import Order, Payment
from gateway.domain.errors import NotFound
from gateway.domain.ids import new_id
from gateway.domain.representation import order_object, payment_object
from gateway.domain.work import Event
from gateway.storage import bills as storage
from gateway.storage.administration_deliveries import insert_event
from gateway.storage.journal import Connection

__all__ = ["BillChange", "changing_bill"]

_PAYMENTS_MAX = 1_000


class BillChange:
    """A bill that nobody else changes; what is put is committed when the change ends."""

    def __init__(self, connection: Connection, bill: Bill, now: datetime) -> None:
        self.connection = connection
        self.bill = bill
        self.deliveries: list[str] = []
        self._now = now

    async def bring_up_to_date(self) -> None:
        """Make true what its order took, if that is over, and then whether its time is."""
        held = await storage.order_of_bill(self.connection, self.bill)
        if held is not None and held.is_over:
            paid = await storage.paid_by_orders(self.connection, self.bill.id)
            settled, event = bills.settle(self.bill, paid, self._now)
            await self.put(settled, event, order=held.order)
        if self.bill.order_id is None:
            expired = bills.expire(self.bill, self._now)
            if expired is not None:
                await self.put(*expired)

    async def put(
        self,
        bill: Bill,
        event: str | None = None,
        *,
        order: Order | None = None,
        request_id: str | None = None,
    ) -> None:
        """Write the bill as it is now, and the event, with the order that it was paid by."""
        self.bill = bill
        await storage.update_bill(self.connection, bill)
        if event is None:
            return
        payment = None if order is None else await self._payment_of(order)
        made = Event(
            id=new_id("evt"),
            merchant_id=bill.merchant_id,
            mode=bill.mode,
            type=event,
            order_id=None if order is None else order.id,
            payment_id=None if payment is None else payment.id,
            body=_body(event, bill, order, payment, self._now),
            request_id=request_id,
            created_at=self._now,
        )
        self.deliveries += await insert_event(self.connection, made)

    async def _payment_of(self, order: Order) -> Payment | None:
        payments = await storage.payments_of_bills(
            self.connection, [self.bill.id], payments_max=_PAYMENTS_MAX
        )
        return next((each for each in payments[self.bill.id] if each.order_id == order.id), None)


@asynccontextmanager
async def changing_bill(
    pool: asyncpg.Pool,
    bill_id: str,
    now: datetime,
    deliver: Callable[[list[str]], Awaitable[None]],
) -> AsyncIterator[BillChange]:
    """The bill, locked and up to date; what its body raises undoes everything.

    Raises NotFound. `deliver` is told of the deliveries when they are committed.
    """
    async with pool.acquire() as connection, connection.transaction():
        bill = await storage.lock_bill(connection, bill_id)
        if bill is None:
            raise NotFound("The id provided does not exist")
        change = BillChange(connection, bill, now)
        await change.bring_up_to_date()
        yield change
    if change.deliveries:
        await deliver(change.deliveries)


def _body(
    event: str, bill: Bill, order: Order | None, payment: Payment | None, now: datetime
) -> bytes:
    data: dict[str, Any] = {}
    if payment is not None:
        data["payment"] = payment_object(payment)
    if order is not None:
        data["order"] = order_object(order)
    data[bill.kind.value] = bill_object(bill)
    return canonical_json.dumps({"event": event, "timestamp": int(now.timestamp()), "data": data})
