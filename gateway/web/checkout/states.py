"""What the checkout shows of an order: one of these views, decided in one place."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from gateway.domain.entities import Order, OrderStatus, Payment, PaymentStatus
from gateway.storage.reads_checkout_page import CheckoutOrder

__all__ = ["View", "view_of"]


class View(StrEnum):
    """The states of the page; its script knows them by the same names."""

    READY = "ready"
    PROCESSING = "processing"
    CHALLENGE = "challenge"
    UNKNOWN = "unknown"
    SUCCESS = "success"
    FAILED = "failed"
    VOIDED = "voided"
    PAID = "paid"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    EXHAUSTED = "exhausted"


_VIEWS: Mapping[str, View] = {
    PaymentStatus.SUCCESS: View.SUCCESS,
    PaymentStatus.PENDING: View.PROCESSING,
    PaymentStatus.PROCESSING: View.PROCESSING,
    PaymentStatus.REQUIRES_ACTION: View.CHALLENGE,
    PaymentStatus.UNKNOWN: View.UNKNOWN,
}


def view_of(found: CheckoutOrder, now: datetime, attempts_max: int) -> tuple[View, Payment | None]:
    """What to show, and the payment it is about; `attempts_max` payments may be tried.

    The payment that was asked for comes first, so that who comes back sees what became of it; one
    that failed gives way to another that is under way or done, in another tab perhaps.
    """
    named = found.named
    if named is not None and named.status != PaymentStatus.FAILED:
        return _VIEWS.get(named.status, View.VOIDED), named
    if found.alive is not None:
        return _alive(found.alive)
    over = _over(found.order, now, attempts_max)
    if over is not None:
        return over, None
    return (View.READY, None) if named is None else (View.FAILED, named)


def _alive(payment: Payment) -> tuple[View, Payment | None]:
    """What is shown of a payment that nobody asked for."""
    if payment.status == PaymentStatus.SUCCESS:
        return View.PAID, None  # who paid, and how, is the payer's business
    return _VIEWS[payment.status], payment


def _over(order: Order, now: datetime, attempts_max: int) -> View | None:
    """Why the order takes no payment any more; None while it does."""
    if order.status == OrderStatus.PAID:
        return View.PAID
    if order.status == OrderStatus.CANCELLED:
        return View.CANCELLED
    is_late = order.expires_at is not None and order.expires_at <= now
    if order.status == OrderStatus.EXPIRED or is_late:
        return View.EXPIRED
    return View.EXHAUSTED if order.attempts >= attempts_max else None
