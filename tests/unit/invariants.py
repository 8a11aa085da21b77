"""What must be true of every order at any time, and of every decision whatever it decides."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from gateway.domain.decisions import Decision
from gateway.domain.entities import (
    ALIVE,
    Operation,
    OperationKind,
    OperationState,
    Order,
    OrderState,
    OrderStatus,
    Payment,
    PaymentStatus,
    Purpose,
    RefundStatus,
)
from gateway.domain.work import UnitOfWork

SLOT_KINDS = frozenset(
    {OperationKind.CHARGE, OperationKind.AUTHORIZE, OperationKind.CAPTURE, OperationKind.VOID}
)

# The public contract's diagrams; that a state follows itself goes without saying.
PAYMENT_STEPS = {
    PaymentStatus.PENDING: {"processing"},
    PaymentStatus.PROCESSING: {"requires_action", "unknown", "success", "failed"},
    PaymentStatus.REQUIRES_ACTION: {"processing", "unknown", "success", "failed"},
    PaymentStatus.UNKNOWN: {"processing", "requires_action", "success", "failed"},
    PaymentStatus.SUCCESS: {"cancelled", "expired"},
    PaymentStatus.FAILED: set(),
    PaymentStatus.CANCELLED: set(),
    PaymentStatus.EXPIRED: set(),
}
ORDER_STEPS = {
    OrderStatus.CREATED: {"attempted", "cancelled", "expired"},
    OrderStatus.ATTEMPTED: {"paid", "cancelled", "expired"},
    OrderStatus.PAID: set(),
    OrderStatus.CANCELLED: set(),
    OrderStatus.EXPIRED: set(),
}
REFUND_STEPS = {
    RefundStatus.PENDING: {"processing", "processed", "failed"},
    RefundStatus.PROCESSING: {"processed", "failed"},
    RefundStatus.PROCESSED: set(),
    RefundStatus.FAILED: set(),
}
OPERATION_STEPS = {
    OperationState.OPEN: {"unknown", "done", "failed"},
    OperationState.UNKNOWN: {"open", "done", "failed"},
    OperationState.DONE: set(),
    OperationState.FAILED: set(),
}


def check_state(state: OrderState) -> None:
    """P4, at most one of what may be there once, and sums that agree with their parts."""
    alive = [each for each in state.payments.values() if each.status in ALIVE]
    assert len(alive) <= 1
    captured = sum(each.amount_captured for each in state.payments.values())
    assert captured == state.order.amount_paid <= state.order.amount
    assert (state.order.status == OrderStatus.PAID) == (captured > 0)
    assert len(state.payments) == state.order.attempts
    for payment in state.payments.values():
        if payment.save:
            assert payment.customer_id is not None
            assert payment.token_id is None or payment.amount_authorized > 0
        _check_amounts(payment)
        _check_pending(state, payment)
        _check_refunds(state, payment)
    for operation in state.operations.values():
        waits_for_operator = operation.due_at is None and operation.state == "unknown"
        if operation.purpose == Purpose.CANCEL_ORDER and operation.state == OperationState.DONE:
            assert state.order.status == OrderStatus.CANCELLED
        assert operation.is_pending == (operation.due_at is not None or waits_for_operator)


def _check_amounts(payment: Payment) -> None:
    """The check constraints of schema.sql."""
    amounts = (
        payment.amount_authorized,
        payment.amount_captured,
        payment.amount_capture_pending,
        payment.amount_released,
        payment.amount_refunded,
        payment.amount_refund_pending,
    )
    assert min(amounts) >= 0
    assert payment.amount_authorized <= payment.amount
    taken = payment.amount_captured + payment.amount_capture_pending + payment.amount_released
    assert taken <= payment.amount_authorized
    gone = payment.amount_refunded + payment.amount_refund_pending + payment.amount_disputed
    assert gone <= payment.amount_captured
    assert payment.amount_disputed >= 0
    if payment.status not in (PaymentStatus.SUCCESS, PaymentStatus.CANCELLED, "expired"):
        assert max(amounts) == 0
    if payment.status in (PaymentStatus.CANCELLED, PaymentStatus.EXPIRED):
        assert payment.amount_released == payment.amount_authorized == payment.amount


def _check_pending(state: OrderState, payment: Payment) -> None:
    pending = [
        each
        for each in state.operations.values()
        if each.payment_id == payment.id and each.is_pending
    ]
    slot = [
        each for each in pending if each.kind in SLOT_KINDS and each.purpose != Purpose.REVERSAL
    ]
    assert len(slot) <= 1
    assert state.pending_operation(payment.id) == (slot[0] if slot else None)
    begun = payment.status in (PaymentStatus.PENDING, "processing", "requires_action", "unknown")
    assert begun == any(each.purpose == Purpose.PAYMENT for each in pending)
    assert payment.processor not in payment.route
    for operation in slot:
        attempt = state.attempts.get(operation.id)
        if attempt is not None:
            assert payment.processor == attempt.processor
        if operation.kind == OperationKind.VOID:
            assert payment.amount_authorized - payment.amount_captured == operation.amount
    capturing = [each.amount for each in pending if each.purpose == Purpose.CAPTURE]
    assert payment.amount_capture_pending == sum(capturing)
    refunding = [
        each.amount for each in pending if each.kind == "refund" and each.purpose == Purpose.REFUND
    ]
    assert payment.amount_refund_pending == sum(refunding)


def _check_refunds(state: OrderState, payment: Payment) -> None:
    """A refund follows its one operation, and the payment's sums follow its refunds."""
    returned = released = 0
    for refund in state.refunds.values():
        if refund.payment_id != payment.id:
            continue
        (operation,) = (each for each in state.operations.values() if each.refund_id == refund.id)
        expected = {"done": "processed", "failed": "failed"}
        unfinished = ("pending", "processing")
        assert refund.status in (expected.get(operation.state) or unfinished)
        if operation.kind == OperationKind.REFUND:
            returned += refund.amount if refund.status == RefundStatus.PROCESSED else 0
        elif refund.status != RefundStatus.FAILED:
            released += refund.amount
    assert payment.amount_refunded == returned
    if payment.status == PaymentStatus.SUCCESS and not _rest_was_released(state, payment):
        assert payment.amount_released == released


def _rest_was_released(state: OrderState, payment: Payment) -> bool:
    """By the expiry after a partial capture, or by a processor that captures only once."""
    return payment.captured and payment.amount_capturable == 0


def check_decision(before: OrderState, decision: Decision[Any]) -> None:
    """The unit of work says exactly what differs, and nothing final has changed."""
    after, work = decision.state, decision.work
    if work is None:
        assert before == after
        return
    assert before.order.version == work.expected_version
    assert before.order.version + 1 == work.order.version
    assert work.id == work.order.last_unit_id
    assert after.order == work.order
    _check_rows(before, decision)
    _check_steps(before, after)
    changed = [it for key, it in after.disputes.items() if before.disputes.get(key) != it]
    # A draft that is kept again in the same moment is written again as it is.
    assert changed == [it for it in work.disputes if before.disputes.get(it.id) != it]
    assert all(after.disputes[it.id] == it for it in work.disputes)
    _check_jobs(before, work)
    assert expected_events(before, after) == Counter(
        (event.type, event.payment_id, event.refund_id) for event in work.events
    )
    for event in work.events:
        check_event(after, event.type, json.loads(event.body))


def expected_events(
    before: OrderState, after: OrderState
) -> Counter[tuple[str, str | None, str | None]]:
    """What merchants have to be told of the difference: the contract's "Transition → events"."""
    events: Counter[tuple[str, str | None, str | None]] = Counter()
    for key, payment in after.payments.items():
        old = before.payments.get(key)
        if old is None:
            events.update([("payment.created", key, None), ("payment.pending", key, None)])
        elif old.status != payment.status and payment.status != PaymentStatus.PROCESSING:
            events[f"payment.{payment.status}", key, None] += 1
        if old is not None and old.token_id != payment.token_id:
            events["token.created", key, None] += 1
        if old is not None and old.amount_captured < payment.amount_captured:
            events["payment.captured", key, None] += 1
            if before.order.status != OrderStatus.PAID:
                events["order.paid", key, None] += 1
    for key, refund in after.refunds.items():
        known = before.refunds.get(key)
        if known is None:
            events["refund.created", refund.payment_id, key] += 1
        elif known.status != refund.status and refund.status != RefundStatus.PROCESSING:
            events[f"refund.{refund.status}", refund.payment_id, key] += 1
    for key, dispute in after.disputes.items():
        earlier = before.disputes.get(key)
        if earlier is None:
            events["dispute.created", dispute.payment_id, None] += 1
        elif earlier.status != dispute.status:
            events[f"dispute.{dispute.status}", dispute.payment_id, None] += 1
    if before.order.status != after.order.status and after.order.status in ("cancelled", "expired"):
        events[f"order.{after.order.status}", None, None] += 1
    return events


def _rows(state: OrderState) -> dict[str, Any]:
    parts: Iterable[Mapping[str, Any]] = (
        state.payments,
        state.refunds,
        state.operations,
        state.attempts,
        state.replaced,
    )
    return {row.id: row for part in parts for row in part.values()}


def _check_rows(before: OrderState, decision: Decision[Any]) -> None:
    old, new = _rows(before), _rows(decision.state)
    work = decision.work
    assert work is not None
    inserted = {row.id: row for row in work.inserts}
    updated = {row.id: row for row in work.updates}
    assert (len(work.inserts), len(work.updates)) == (len(inserted), len(updated))
    assert {key: row for key, row in new.items() if key not in old} == inserted
    changed = {key: row for key, row in new.items() if key in old and old[key] != row}
    assert changed == updated
    assert old.keys() <= new.keys()


def _check_steps(before: OrderState, after: OrderState) -> None:
    _check_step(before.order, after.order, ORDER_STEPS)
    for key, payment in before.payments.items():
        later = after.payments[key]
        _check_step(payment, later, PAYMENT_STEPS)
        assert not payment.captured or later.status == PaymentStatus.SUCCESS
        for name in ("amount_authorized", "amount_captured", "amount_refunded"):
            assert getattr(payment, name) <= getattr(later, name)
    for key, refund in before.refunds.items():
        _check_step(refund, after.refunds[key], REFUND_STEPS)
    for key, operation in before.operations.items():
        later_operation = after.operations[key]
        assert later_operation.state in {operation.state, *OPERATION_STEPS[operation.state]}
        assert operation.lookups <= later_operation.lookups
        if not operation.is_pending:
            assert operation == later_operation


def _check_step(row: Any, later: Any, steps: Mapping[Any, set[str]]) -> None:
    assert later.status in {row.status, *steps[row.status]}
    fixed = ("id", "amount", "currency", "created_at")
    assert [getattr(row, name) for name in fixed] == [getattr(later, name) for name in fixed]


def _check_jobs(before: OrderState, work: UnitOfWork) -> None:
    """Each new operation has its job, and the refunds' stream has only refunds."""
    new = {row.id for row in work.inserts if row.id.startswith("op_")}
    assert new <= {job.subject for job in work.jobs}
    operations = dict(before.operations) | {
        row.id: row for row in (*work.inserts, *work.updates) if isinstance(row, Operation)
    }
    for job in work.jobs:
        assert before.order.id == job.identity
        refunds = operations[job.subject].kind in ("refund", "release")
        assert job.kind == ("refunds" if refunds else "payments")


def check_event(state: OrderState, kind: str, body: Mapping[str, Any]) -> None:
    """The body tells of the rows as they are after the decision."""
    data = body["data"]
    subject, _, happened = kind.partition(".")
    assert ["event", "timestamp", "data"] == list(body)
    assert kind == body["event"]
    assert int(state.order.updated_at.timestamp()) == body["timestamp"]
    expected = {
        "order.paid": {"order", "payment"},
        "order.cancelled": {"order"},
        "order.expired": {"order"},
        "token.created": {"token", "payment"},
    }.get(kind, {subject, "payment"} if subject in ("refund", "dispute") else {"payment"})
    assert expected == set(data)
    if subject == "order":
        _check_order_object(state.order, happened, data["order"])
    if subject == "refund":
        refund = state.refunds[data["refund"]["id"]]
        assert {"created": "pending"}.get(happened, happened) == data["refund"]["status"]
        assert (refund.amount, refund.payment_id) == (
            data["refund"]["amount"],
            data["refund"]["payment_id"],
        )
    if subject == "token":
        assert data["token"]["id"] == data["payment"]["token_id"]
        assert "stored" not in str(data)
    if "payment" in data:
        payment = state.payments[data["payment"]["id"]]
        assert payment.status == data["payment"]["status"]
        assert payment.amount_captured == data["payment"]["amount_captured"]
        assert payment.amount_refunded == data["payment"]["amount_refunded"]
        if subject == "payment" and happened not in ("created", "captured"):
            assert happened == payment.status


def _check_order_object(order: Order, happened: str, shown: Mapping[str, Any]) -> None:
    assert happened == order.status == shown["status"]
    assert order.amount == shown["amount_paid"] + shown["amount_due"]
