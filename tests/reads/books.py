"""Rows as the payment path would have left them, for tests of what is read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from gateway.domain.ids import new_id
from gateway.storage.pool import Pool
from gateway.storage.reads_pages import Scope

START = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)


def minutes(count: float) -> datetime:
    """So many minutes after the start."""
    return START + timedelta(minutes=count)


@dataclass(frozen=True)
class Books:
    """One merchant's rows in one mode, and those of others beside them."""

    pool: Pool
    scope: Scope

    @classmethod
    async def open(cls, pool: Pool, mode: str = "test", merchant_id: UUID | None = None) -> Books:
        """The books of a new merchant, or of one that is there already."""
        if merchant_id is None:
            merchant_id = uuid4()
            await pool.execute(
                "INSERT INTO merchants (id, name, email, api_version, created_at, updated_at)"
                " VALUES ($1, 'A shop', $2, '2026-11-01', $3, $3)",
                merchant_id,
                f"{merchant_id}@example.com",
                START,
            )
        return cls(pool, Scope(merchant_id=merchant_id, mode=mode))

    async def _insert(self, table: str, **columns: Any) -> None:
        values = {"merchant_id": self.scope.merchant_id, "mode": self.scope.mode, **columns}
        names = ", ".join(values)
        places = ", ".join(f"${number}" for number, _ in enumerate(values, start=1))
        await self.pool.execute(
            f"INSERT INTO {table} ({names}) VALUES ({places})", *values.values()
        )

    async def order(self, at: datetime = START, **columns: Any) -> str:
        """A new order's id."""
        fields = {
            "id": new_id("order"),
            "amount": 50_000,
            "currency": "INR",
            "status": "created",
            "capture": "manual",
            "version": 1,
            "last_unit_id": uuid4(),
            "created_at": at,
            "updated_at": at,
            **columns,
        }
        await self._insert("orders", **fields)
        return fields["id"]

    async def payment(self, at: datetime = START, **columns: Any) -> str:
        """A new payment's id, of an order of its own unless one is named; with its event."""
        amount, currency = columns.get("amount", 50_000), columns.get("currency", "INR")
        receipt = columns.pop("receipt", None)
        order_id = columns.pop("order_id", None) or await self.order(
            at, amount=amount, currency=currency, receipt=receipt
        )
        fields = {
            "id": new_id("pay"),
            "order_id": order_id,
            "amount": amount,
            "currency": currency,
            "method": "upi",
            "capture": "manual",
            "status": "success",
            "processor": "simulator",
            "created_at": at,
            "updated_at": at,
            **columns,
        }
        await self._insert("payments", **fields)
        await self.event(f"payment.{fields['status']}", at, order_id, payment_id=fields["id"])
        return fields["id"]

    async def refund(self, payment_id: str, at: datetime = START, **columns: Any) -> str:
        """A new refund's id; with its event."""
        row = await self.pool.fetchrow(
            "SELECT order_id, currency FROM payments WHERE id = $1", payment_id
        )
        fields = {
            "id": new_id("rfnd"),
            "payment_id": payment_id,
            "order_id": row["order_id"],
            "amount": 100,
            "currency": row["currency"],
            "status": "processed",
            "created_at": at,
            "updated_at": at,
            **columns,
        }
        await self._insert("refunds", **fields)
        await self.event(
            "refund.processed", at, row["order_id"], payment_id=payment_id, refund_id=fields["id"]
        )
        return fields["id"]

    async def event(self, kind: str, at: datetime, order_id: str, **columns: Any) -> str:
        """A new event's id."""
        fields = {"id": new_id("evt"), "type": kind, "order_id": order_id, "created_at": at}
        await self._insert("events", **fields, **columns)
        return fields["id"]

    async def change(self, payment_id: str, at: datetime, **columns: Any) -> None:
        """Change a payment as a unit of work would: the row, and an event that says so."""
        sets = ", ".join(f"{name} = ${number}" for number, name in enumerate(columns, start=2))
        row = await self.pool.fetchrow(
            f"UPDATE payments SET {sets} WHERE id = $1 RETURNING order_id, status",
            payment_id,
            *columns.values(),
        )
        await self.event(f"payment.{row['status']}", at, row["order_id"], payment_id=payment_id)
