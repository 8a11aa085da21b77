"""A payment's history as people read it: one line for each thing that happened, in order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.domain.entities import Operation
from gateway.storage.reads_dashboard_history import (
    AttemptRow,
    DeliveryRow,
    EventRow,
    OrderHistory,
    PaymentHistory,
    PostRow,
)
from gateway.web.dashboard.writing import Writer

__all__ = ["Entry", "order_timeline", "payment_timeline"]

_TONES = {
    "success": "success",
    "captured": "success",
    "paid": "success",
    "processed": "success",
    "approved": "success",
    "done": "success",
    "failed": "danger",
    "declined": "danger",
    "unknown": "warning",
    "requires_action": "warning",
    "expired": "warning",
    "cancelled": "warning",
}
# What happens in one moment is told in this order: an outcome, what it meant, what follows.
_KINDS = ("outcome", "event", "operation", "attempt", "delivery", "post")
_EVENTS = ("created", "pending", "requires_action", "unknown", "success", "captured", "paid")
_OK = range(200, 300)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line. `kind` says what it is of; `id` is its own, for support to ask after.

    `rank` orders events of one moment.
    """

    at: datetime
    kind: str
    title: str
    detail: str = ""
    tone: str = ""
    id: str = ""
    rank: int = 0


def payment_timeline(history: PaymentHistory, writer: Writer) -> Sequence[Entry]:
    """Every event, operation, attempt, delivery and post of the payment, oldest first."""
    operations = {each.id: each for each in history.operations}
    deliveries = {each.id: each for each in history.deliveries}
    currency = history.payment.currency
    return _in_order(
        [
            *(_of_event(each) for each in history.events),
            *(_of_operation(each, currency, writer) for each in history.operations),
            *(
                entry
                for each in history.attempts
                for entry in _of_attempt(each, operations[each.operation_id], history)
            ),
            *(_of_delivery(each) for each in history.deliveries),
            *(_of_post(each, deliveries[each.delivery_id]) for each in history.posts),
        ]
    )


def order_timeline(history: OrderHistory) -> Sequence[Entry]:
    """The events of an order and its payments, oldest first."""
    several = len(history.payments) > 1
    return _in_order(_of_event(each, payments=several) for each in history.events)


def _in_order(entries: Iterable[Entry]) -> Sequence[Entry]:
    return sorted(entries, key=lambda each: (each.at, _KINDS.index(each.kind), each.rank))


def _of_event(event: EventRow, *, payments: bool = False) -> Entry:
    """With `payments` the payment is named: there are several."""
    what, _, happened = event.type.partition(".")
    return Entry(
        at=event.created_at,
        kind="event",
        title=f"{what.capitalize()} {_words(happened)}",
        detail=event.refund_id or (event.payment_id if payments else None) or "",
        tone=_TONES.get(happened, ""),
        id=event.id,
        rank=_EVENTS.index(happened) if happened in _EVENTS else len(_EVENTS),
    )


def _of_operation(operation: Operation, currency: str, writer: Writer) -> Entry:
    name = operation.kind.value.capitalize()
    reason = operation.error_description or ""
    return Entry(
        at=operation.created_at,
        kind="operation",
        title=f"{name} of {writer.amount(operation.amount, currency)}: {operation.state.value}",
        detail=" · ".join(filter(None, (f"for {_words(operation.purpose)}", reason))),
        tone=_TONES.get(operation.state, ""),
        id=operation.id,
    )


def _of_attempt(
    attempt: AttemptRow, operation: Operation, history: PaymentHistory
) -> Iterator[Entry]:
    name = f"{operation.kind.value.capitalize()}, attempt {attempt.number}"
    yield Entry(
        at=attempt.sent_at,
        kind="attempt",
        title=f"{name}: sent",
        detail=f"to {_place_of(attempt, history)}",
        id=attempt.id,
    )
    # Some processors know an attempt by the name we gave it.
    reference = attempt.processor_reference
    reference = None if reference == attempt.id else reference
    if attempt.finished_at is not None:
        yield Entry(
            at=attempt.finished_at,
            kind="outcome",
            title=f"{name}: {_words(attempt.state)}",
            detail=" · ".join(filter(None, (_words(attempt.reason or ""), reference))),
            tone=_TONES.get(attempt.state, ""),
            id=attempt.id,
        )


def _place_of(attempt: AttemptRow, history: PaymentHistory) -> str:
    """The processor, and the merchant's own account at it."""
    processor, account_id = attempt.processor, attempt.processor_account_id
    if processor is None:  # of an attempt from before payments could go to another
        processor, account_id = history.payment.processor, history.payment.processor_account_id
    if account_id is None:
        return processor
    return f"{processor}, account {history.accounts.get(account_id, account_id)}"


def _of_delivery(delivery: DeliveryRow) -> Entry:
    attempts = "1 attempt" if delivery.attempts == 1 else f"{delivery.attempts} attempts"
    return Entry(
        at=delivery.created_at,
        kind="delivery",
        title=f"Webhook {delivery.event}: {delivery.status}",
        detail=f"to {delivery.endpoint_id} · {attempts}",
        tone=_TONES.get(delivery.status, ""),
        id=str(delivery.id),
    )


def _of_post(post: PostRow, delivery: DeliveryRow) -> Entry:
    answer = f"HTTP {post.response_code}" if post.response_code else _words(post.error or "failed")
    return Entry(
        at=post.requested_at,
        kind="post",
        title=f"Webhook attempt {post.number}: {answer}",
        detail=f"{delivery.event} · {post.duration_milliseconds} ms",
        tone="success" if post.response_code in _OK else "danger",
        id=str(post.delivery_id),
    )


def _words(name: str) -> str:
    return name.replace("_", " ")
