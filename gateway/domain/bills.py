"""Bills: a sum asked of somebody, paid by one order or by several, one after the other.

A payment link and an invoice are bills. What has been paid is always the sum of what its orders
took, never counted beside them. At most one order of a bill may take money at a time
(`Bill.order_id`), so that shoppers who pay at once never pay more than the amount.

    draft → open                        issued
    open → partially_paid → paid        by its orders
    open | partially_paid → cancelled | expired

The rules are those of https://razorpay.com/docs/api/payments/payment-links, April 2026.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from gateway.domain.errors import InvalidRequest, InvalidState
from gateway.domain.money import AmountLimits

__all__ = [
    "OPEN",
    "PAYMENT_IN_PROGRESS",
    "Bill",
    "BillKind",
    "BillStatus",
    "attach",
    "cancel",
    "change",
    "check_expiry",
    "check_terms",
    "expire",
    "installment",
    "installment_minimum",
    "issue",
    "payment_in_progress",
    "settle",
]


class BillKind(StrEnum):
    """What a merchant calls the bill."""

    PAYMENT_LINK = "payment_link"
    INVOICE = "invoice"


class BillStatus(StrEnum):
    """See the module."""

    DRAFT = "draft"
    OPEN = "open"
    PARTIALLY_PAID = "partially_paid"
    PAID = "paid"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


OPEN = frozenset({BillStatus.OPEN, BillStatus.PARTIALLY_PAID})
"""A bill in one of these takes money."""

PAYMENT_IN_PROGRESS = "payment_in_progress"
"""The reason of what is refused while an order of the bill may still take money."""

_FIRST = "first_min_partial_amount"
_ALWAYS_CHANGEABLE = frozenset({"notes", "details"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """What is asked of whom; amounts in minor units of `currency`.

    `details` is a JSON object, as text, of what is only shown. `order_id` is the one order that may
    take money. `first_amount_min` is the least that the first part may be. `version` counts
    changes.
    """

    id: str
    kind: BillKind
    merchant_id: UUID
    mode: str
    currency: str
    amount: int
    amount_paid: int = 0
    accept_partial: bool = False
    first_amount_min: int | None = None
    reference: str | None = None
    description: str | None = None
    customer_id: str | None = None
    payer_name: str | None = field(default=None, repr=False)
    payer_email: str | None = field(default=None, repr=False)
    payer_contact: str | None = field(default=None, repr=False)
    notes: str = field(default="{}", repr=False)
    details: str = field(default="{}", repr=False)
    return_url: str | None = None
    status: BillStatus = BillStatus.OPEN
    order_id: str | None = None
    orders: int = 0
    expires_at: datetime | None = None
    issued_at: datetime | None = None
    paid_at: datetime | None = None
    cancelled_at: datetime | None = None
    expired_at: datetime | None = None
    version: int = 1
    created_at: datetime
    updated_at: datetime

    @property
    def amount_due(self) -> int:
        """What is left to be paid."""
        return self.amount - self.amount_paid


def check_terms(bill: Bill, limits: AmountLimits) -> Bill:
    """Answer the bill when its terms can be. Raises InvalidRequest naming the field otherwise.

    A draft may still be without an amount; whatever is open has one that an order may have.
    """
    if bill.status != BillStatus.DRAFT or bill.amount:
        limits.check(bill.amount, bill.currency)
    first = bill.first_amount_min
    if first is None:
        return bill
    if not bill.accept_partial:
        raise InvalidRequest("first_min_partial_amount needs accept_partial", field=_FIRST)
    lowest = limits.minimum(bill.currency)
    if not lowest <= first <= bill.amount - lowest:
        raise InvalidRequest(
            f"{_FIRST} must be at least {lowest} and leave as much to be paid", field=_FIRST
        )
    return bill


def check_expiry(expires_at: datetime | None, now: datetime, *, seconds_min: float) -> None:
    """Raise InvalidRequest unless there are `seconds_min` left to pay; None is for ever."""
    if expires_at is not None and expires_at < now + timedelta(seconds=seconds_min):
        minutes = int(seconds_min // 60)
        raise InvalidRequest(
            f"expire_by must be at least {minutes} minutes in the future", field="expire_by"
        )


def issue(bill: Bill, now: datetime, limits: AmountLimits) -> Bill:
    """A draft becomes a bill that can be paid. Raises InvalidState for anything else."""
    if bill.status != BillStatus.DRAFT:
        raise InvalidState(f"Only a draft can be issued, this is {bill.status}")
    limits.check(bill.amount, bill.currency)
    return _changed(bill, now, status=BillStatus.OPEN, issued_at=now)


def change(bill: Bill, changes: dict[str, Any], now: datetime) -> Bill:
    """The bill with other terms; what it is for stays as it is once it is issued.

    Raises InvalidState when the bill's state does not allow it. Callers check the new terms.
    """
    names = changes.keys()
    if bill.status not in OPEN and bill.status != BillStatus.DRAFT:
        refused = sorted(names - _ALWAYS_CHANGEABLE)
        if refused:
            raise InvalidState(f"{refused[0]} cannot be changed, this is {bill.status}")
    if bill.status != BillStatus.DRAFT and names & {"amount", "currency"}:
        raise InvalidState("The amount cannot be changed once it is issued")
    return _changed(bill, now, **changes)


def installment_minimum(bill: Bill, limits: AmountLimits) -> int:
    """The least that the next payment may be."""
    if not bill.accept_partial:
        return bill.amount_due
    lowest = limits.minimum(bill.currency)
    if bill.amount_paid == 0 and bill.first_amount_min is not None:
        lowest = bill.first_amount_min
    return min(lowest, bill.amount_due)


def installment(bill: Bill, amount: int | None, now: datetime, limits: AmountLimits) -> int:
    """What the next order asks for: `amount`, or all that is due.

    Raises InvalidState when the bill takes no money now, InvalidRequest for a part that it does not
    take. No part leaves a rest that is smaller than an order may be: that could never be paid.
    """
    if bill.status not in OPEN:
        raise InvalidState(f"It cannot be paid, it is {bill.status}")
    if bill.expires_at is not None and bill.expires_at <= now:
        raise InvalidState("It cannot be paid, it is expired")
    due = bill.amount_due
    if amount is None or amount == due:
        return due
    if not bill.accept_partial:
        raise InvalidRequest("Only the whole amount is taken", field="amount")
    lowest = installment_minimum(bill, limits)
    if not lowest <= amount <= due:
        raise InvalidRequest(
            f"amount must be at least {lowest} and at most {due}",
            field="amount",
            reason="amount_out_of_range",
        )
    if due - amount < limits.minimum(bill.currency):
        raise InvalidRequest(
            "The rest would be too small to be paid", field="amount", reason="rest_too_small"
        )
    return amount


def attach(
    bill: Bill, order_id: str, amount: int, now: datetime, limits: AmountLimits, *, orders_max: int
) -> Bill:
    """From now on this order, of `amount`, may take money, and no other.

    Raises as `installment`, and InvalidState while another order may, or after `orders_max` orders.
    """
    _refuse_with_order(bill)
    if bill.orders >= orders_max:
        raise InvalidState("It has been tried too often")
    installment(bill, amount, now, limits)
    return _changed(bill, now, order_id=order_id, orders=bill.orders + 1)


def settle(bill: Bill, amount_paid: int, now: datetime) -> tuple[Bill, str | None]:
    """Its order takes no more money, and all of its orders have taken `amount_paid` together.

    Answers the bill without the order, and the event that tells of it: None when nothing was paid
    since. Raises AssertionError when more was taken than was asked for, which nothing allows.
    """
    if not bill.amount_paid <= amount_paid <= bill.amount:
        raise AssertionError("the orders of a bill take no more than its amount")
    closed = replace(bill, order_id=None)
    if amount_paid == bill.amount_paid:
        return _changed(closed, now), None
    if amount_paid == bill.amount:
        paid = _changed(closed, now, amount_paid=amount_paid, status=BillStatus.PAID, paid_at=now)
        return paid, f"{bill.kind}.paid"
    part = _changed(closed, now, amount_paid=amount_paid, status=BillStatus.PARTIALLY_PAID)
    return part, f"{bill.kind}.partially_paid"


def cancel(bill: Bill, now: datetime) -> tuple[Bill, str]:
    """It takes no money any more; what was paid stays paid. The second value is the event.

    Raises InvalidState for what is not open, or has an order that may still take money.
    """
    if bill.status not in OPEN and bill.status != BillStatus.DRAFT:
        raise InvalidState(f"It cannot be cancelled, it is {bill.status}")
    _refuse_with_order(bill)
    cancelled = _changed(bill, now, status=BillStatus.CANCELLED, cancelled_at=now)
    return cancelled, f"{bill.kind}.cancelled"


def expire(bill: Bill, now: datetime) -> tuple[Bill, str] | None:
    """The bill and the event when its time is over; None before that, and for what is not open.

    Raises InvalidState while an order may still take money: expiry waits for the payment.
    """
    if bill.status not in OPEN or bill.expires_at is None or bill.expires_at > now:
        return None
    _refuse_with_order(bill)
    return _changed(bill, now, status=BillStatus.EXPIRED, expired_at=now), f"{bill.kind}.expired"


def payment_in_progress() -> InvalidState:
    """The refusal of whatever has to wait for a payment."""
    return InvalidState("Another payment is in progress", reason=PAYMENT_IN_PROGRESS)


def _refuse_with_order(bill: Bill) -> None:
    if bill.order_id is not None:
        raise payment_in_progress()


def _changed(bill: Bill, now: datetime, **changes: Any) -> Bill:
    return replace(bill, **changes, version=bill.version + 1, updated_at=now)
