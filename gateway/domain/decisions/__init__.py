"""What an order does with a command: pure functions from a state to a decision.

A decision is the new state, the unit of work that makes it true, and what to answer. A refusal is
an exception of `gateway.domain.errors`, and nothing has changed.
"""

from gateway.domain.decisions._captures import capture_payment, expire_payment, void_payment
from gateway.domain.decisions._disputes import (
    AcceptDispute,
    ContestDispute,
    DecideDispute,
    DisputeChange,
    ExpireDispute,
    OpenDispute,
    change_dispute,
    open_dispute,
)
from gateway.domain.decisions._orders import (
    CreateOrder,
    cancel_order,
    change_notes,
    create_order,
    expire_order,
)
from gateway.domain.decisions._outcomes import record_outcome
from gateway.domain.decisions._payments import (
    CreatePayment,
    create_order_with_payment,
    create_payment,
    forget_payer,
    resume_payment,
)
from gateway.domain.decisions._processing import begin_at_once, begin_operation
from gateway.domain.decisions._refunds import RefundPayment, refund_payment
from gateway.domain.decisions._routing import merchant_places
from gateway.domain.decisions._sending import Acknowledge, Instruction, LookUp, Proceed
from gateway.domain.decisions._transition import Decision, Moment, Policy

__all__ = [
    "AcceptDispute",
    "Acknowledge",
    "ContestDispute",
    "CreateOrder",
    "CreatePayment",
    "DecideDispute",
    "Decision",
    "DisputeChange",
    "ExpireDispute",
    "Instruction",
    "LookUp",
    "Moment",
    "OpenDispute",
    "Policy",
    "Proceed",
    "RefundPayment",
    "begin_at_once",
    "begin_operation",
    "cancel_order",
    "capture_payment",
    "change_dispute",
    "change_notes",
    "create_order",
    "create_order_with_payment",
    "create_payment",
    "expire_order",
    "expire_payment",
    "forget_payer",
    "merchant_places",
    "open_dispute",
    "record_outcome",
    "refund_payment",
    "resume_payment",
    "void_payment",
]
