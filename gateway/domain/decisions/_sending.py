"""What the holder of a job is told to do, and how an operation is sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.domain.decisions._finding import payment_for
from gateway.domain.decisions._transition import Moment, Policy, Transition
from gateway.domain.entities import (
    Attempt,
    Operation,
    Payment,
    PaymentStatus,
    Purpose,
    RefundStatus,
)
from gateway.domain.evolution import directly_made
from gateway.domain.ids import new_id

__all__ = ["Acknowledge", "Instruction", "LookUp", "Proceed", "lease_until", "send"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledge:
    """Nothing to do: the operation is finished, in somebody else's hands, or not due."""


@directly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class Proceed:
    """Call the processor with this attempt; `resume`: after a challenge, not from the start."""

    attempt: Attempt
    operation: Operation
    payment: Payment
    resume: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LookUp:
    """Ask the processor what became of this attempt; it may have happened."""

    attempt: Attempt
    operation: Operation
    payment: Payment


Instruction = Acknowledge | Proceed | LookUp


def lease_until(moment: Moment, processor: str, policy: Policy) -> datetime:
    """Until when nobody but its holder touches an attempt that is sent there now."""
    traits = policy.processors[processor]
    seconds = traits.timeout_seconds + policy.lease_margin_seconds
    return moment.real_now + timedelta(seconds=seconds)


def send(
    transition: Transition, operation: Operation, last: Attempt | None, policy: Policy
) -> Proceed:
    """A new attempt, at the payment's processor or whoever has what is reversed; `last` surely
    failed.
    """
    payment = transition.payments[operation.payment_id]
    waiting = payment.status in (PaymentStatus.PENDING, PaymentStatus.UNKNOWN)
    if operation.purpose == Purpose.PAYMENT and waiting:
        transition.change_payment(payment, status=PaymentStatus.PROCESSING)
    payment = payment_for(transition, operation)
    attempt = Attempt(
        id=new_id("att"),
        operation_id=operation.id,
        payment_id=payment.id,
        order_id=payment.order_id,
        number=1 if last is None else last.number + 1,
        processor=payment.processor,
        processor_account_id=payment.processor_account_id,
        sent_at=transition.now,
        lease_until=lease_until(transition.moment, payment.processor, policy),
    )
    transition.add_attempt(attempt)
    refund = transition.refunds.get(operation.refund_id or "")
    if refund is not None and refund.status == RefundStatus.PENDING:
        transition.change_refund(refund, status=RefundStatus.PROCESSING)
    return Proceed(attempt=attempt, operation=operation, payment=payment)
