"""Orders: made, changed, cancelled, expired."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from gateway.domain.decisions._captures import begin_void
from gateway.domain.decisions._transition import Decision, Moment, Policy, Transition
from gateway.domain.entities import (
    Operation,
    Order,
    OrderState,
    OrderStatus,
    PaymentStatus,
    Purpose,
)
from gateway.domain.errors import InvalidState, NotFound
from gateway.domain.evolution import directly_made
from gateway.domain.ids import new_unit_id
from gateway.domain.work import UnitOfWork

__all__ = ["CreateOrder", "cancel_order", "change_notes", "create_order", "expire_order"]

_OPEN = (OrderStatus.CREATED, OrderStatus.ATTEMPTED)


@directly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class CreateOrder:
    """The merchant's wish; `amount` in minor units, `notes` a JSON object as text."""

    order_id: str
    merchant_id: UUID
    mode: str
    amount: int
    currency: str
    capture: str
    receipt: str | None = None
    notes: str = "{}"
    customer_id: str | None = None
    bill_id: str | None = None
    expires_at: datetime | None = None
    return_url: str | None = None


def create_order(command: CreateOrder, moment: Moment, policy: Policy) -> Decision[Order]:
    """A new order. Raises InvalidRequest when the amount or the currency cannot be."""
    policy.amount_limits.check(command.amount, command.currency)
    unit_id = new_unit_id()
    order = Order(
        id=command.order_id,
        merchant_id=command.merchant_id,
        mode=command.mode,
        amount=command.amount,
        currency=command.currency,
        receipt=command.receipt,
        notes=command.notes,
        customer_id=command.customer_id,
        bill_id=command.bill_id,
        capture=command.capture,
        expires_at=command.expires_at,
        return_url=command.return_url,
        version=1,
        last_unit_id=unit_id,
        created_at=moment.now,
        updated_at=moment.now,
    )
    # No transition: it starts from a state, and half of its work is to copy that.
    work = UnitOfWork(id=unit_id, order=order, expected_version=0)
    return Decision(state=OrderState(order=order), work=work, result=order)


def change_notes(state: OrderState, subject_id: str, notes: str, moment: Moment) -> Decision[None]:
    """Other notes (a JSON object as text) of the order, a payment or a refund, in every state.

    Raises NotFound when the order has no such payment or refund.
    """
    transition = Transition(state, moment)
    if subject_id == state.order.id:
        transition.change_order(notes=notes)
    elif subject_id in state.payments:
        transition.change_payment(state.payments[subject_id], notes=notes)
    elif subject_id in state.refunds:
        transition.change_refund(state.refunds[subject_id], notes=notes)
    else:
        raise NotFound("Nothing here has this id")
    return transition.complete(None)


def cancel_order(state: OrderState, moment: Moment, policy: Policy) -> Decision[Operation | None]:
    """Cancel the order; an uncaptured authorization is voided first (the result is that void).

    Raises InvalidState for an order that is paid, over, or has a payment in progress;
    OperationInProgress while a capture or void of its payment has no outcome yet.
    """
    if state.order.status not in _OPEN:
        raise InvalidState(f"Order already {state.order.status}")
    transition = Transition(state, moment)
    payment = state.alive_payment
    if payment is not None:
        if payment.status != PaymentStatus.SUCCESS:
            raise InvalidState("Another payment is in progress")
        void = begin_void(transition, payment, Purpose.CANCEL_ORDER, policy)
        return transition.complete(void)
    transition.change_order(status=OrderStatus.CANCELLED)
    transition.emit("order.cancelled")
    return transition.complete(None)


def expire_order(state: OrderState, moment: Moment) -> Decision[bool]:
    """Expire the order when its time has come; steps back (False) while a payment is alive."""
    transition = Transition(state, moment)
    expires_at = state.order.expires_at
    due = expires_at is not None and expires_at <= moment.now
    if not due or state.order.status not in _OPEN or state.alive_payment is not None:
        return transition.unchanged(False)
    transition.change_order(status=OrderStatus.EXPIRED)
    transition.emit("order.expired")
    return transition.complete(True)
