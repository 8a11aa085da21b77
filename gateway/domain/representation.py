"""How what merchants have looks to them: in answers and in webhook bodies alike."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson

from gateway.domain.customers import Customer, Token
from gateway.domain.entities import Order, Payment, Refund
from gateway.domain.instruments import Instrument

__all__ = [
    "customer_object",
    "order_object",
    "payment_object",
    "refund_object",
    "timestamp",
    "token_object",
]


def timestamp(moment: datetime | None) -> str | None:
    """RFC 3339 in UTC with milliseconds and `Z`; None stays None."""
    if moment is None:
        return None
    # Nearly all are in UTC already, and to convert them takes as long as to write them.
    utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    if utc.microsecond:  # orjson writes six digits or none, in a third of the time
        return orjson.dumps(utc)[1:24].decode() + "Z"
    return utc.isoformat(timespec="milliseconds")[:-6] + "Z"


def _notes(text: str) -> Any:
    # Nearly every order comes without notes.
    return {} if text == "{}" else orjson.loads(text)


def order_object(order: Order) -> dict[str, Any]:
    """The order as the API and webhooks show it; amounts in minor units."""
    created_at = timestamp(order.created_at)
    is_new = order.updated_at is order.created_at  # its times are written once
    return {
        "id": order.id,
        "merchant_id": str(order.merchant_id),
        "amount": order.amount,
        "amount_paid": order.amount_paid,
        "amount_due": order.amount - order.amount_paid,
        "attempts": order.attempts,
        "currency": order.currency,
        "receipt": order.receipt,
        "notes": _notes(order.notes),
        "customer_id": order.customer_id,
        "status": order.status.value,
        "capture": order.capture,
        "expires_at": timestamp(order.expires_at),
        "return_url": order.return_url,
        "created_at": created_at,
        "updated_at": created_at if is_new else timestamp(order.updated_at),
    }


def payment_object(payment: Payment) -> dict[str, Any]:
    """The payment as the API and webhooks show it; amounts in minor units."""
    return {
        "id": payment.id,
        "order_id": payment.order_id,
        "amount": payment.amount,
        "currency": payment.currency,
        **_instrument_object(payment),
        "status": payment.status.value,
        "captured": payment.captured,
        "amount_authorized": payment.amount_authorized,
        "amount_captured": payment.amount_captured,
        "amount_released": payment.amount_released,
        "amount_refunded": payment.amount_refunded,
        "refund_status": payment.refund_status,
        "customer_id": payment.customer_id,
        "token_id": payment.token_id,
        "fee": payment.fee,
        "tax": payment.tax,
        "customer": {
            "name": payment.payer.name,
            "email": payment.payer.email,
            "contact": payment.payer.contact,
        },
        "processor": payment.processor,
        "processor_reference": payment.processor_reference,
        "error_code": payment.error_code,
        "error_description": payment.error_description,
        "error_reason": payment.error_reason,
        "next_action": None if payment.next_action is None else orjson.loads(payment.next_action),
        "notes": _notes(payment.notes),
        "created_at": timestamp(payment.created_at),
        "updated_at": timestamp(payment.updated_at),
    }


def _instrument_object(payment: Payment) -> dict[str, Any]:
    instrument = payment.instrument
    if instrument.method == "card":
        return {
            "method": "card",
            "card": _card_object(instrument),
            "card_network": instrument.card_network,
            "card_last4": instrument.card_last4,
        }
    shown: dict[str, Any] = {"method": instrument.method}
    if instrument.method == "upi":
        shown["vpa"] = instrument.vpa
    elif instrument.method == "netbanking":
        shown["bank"] = instrument.bank
    elif instrument.method == "wallet":
        shown["wallet"] = instrument.wallet
    return shown


def _card_object(instrument: Instrument) -> dict[str, Any]:
    return {
        "network": instrument.card_network,
        "last4": instrument.card_last4,
        "expiry_month": instrument.card_expiry_month,
        "expiry_year": instrument.card_expiry_year,
    }


def refund_object(refund: Refund) -> dict[str, Any]:
    """The refund as the API and webhooks show it; `amount` in minor units."""
    return {
        "id": refund.id,
        "payment_id": refund.payment_id,
        "order_id": refund.order_id,
        "amount": refund.amount,
        "currency": refund.currency,
        "reason": refund.reason,
        "receipt": refund.receipt,
        "notes": _notes(refund.notes),
        "status": refund.status.value,
        "error_description": refund.error_description,
        "created_at": timestamp(refund.created_at),
        "updated_at": timestamp(refund.updated_at),
        "processed_at": timestamp(refund.processed_at),
    }


def customer_object(customer: Customer) -> dict[str, Any]:
    """The customer as the API shows it."""
    return {
        "id": customer.id,
        "name": customer.name,
        "email": customer.email,
        "contact": customer.contact,
        "notes": _notes(customer.notes),
        "created_at": timestamp(customer.created_at),
        "updated_at": timestamp(customer.updated_at),
    }


def token_object(token: Token) -> dict[str, Any]:
    """The token as the API and webhooks show it: never what the processor calls it."""
    return {
        "id": token.id,
        "customer_id": token.customer_id,
        "payment_id": token.payment_id,
        "method": token.instrument.method,
        "card": _card_object(token.instrument),
        "created_at": timestamp(token.created_at),
    }
