"""Webhook bodies of endpoints of format `razorpay`, and the names that Razorpay has for events.

The form is that of https://razorpay.com/docs/webhooks, April 2026.
"""

from __future__ import annotations

import json
import string
from collections.abc import Callable, Mapping
from hashlib import sha256
from types import MappingProxyType
from typing import Any
from uuid import UUID

from gateway.domain import canonical_json
from gateway.storage.deliveries import Delivery
from gateway.web.razorpay_bills import invoice_entity, payment_link_entity
from gateway.web.razorpay_entities import (
    dispute_entity,
    order_entity,
    payment_entity,
    refund_entity,
)

__all__ = ["RAZORPAY_NAMES", "account_id", "razorpay_body", "razorpay_event"]

RAZORPAY_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "order.paid": "order.paid",
        "payment.success": "payment.authorized",
        "payment.captured": "payment.captured",
        "payment.failed": "payment.failed",
        "refund.created": "refund.created",
        "refund.processed": "refund.processed",
        "refund.failed": "refund.failed",
        "dispute.created": "payment.dispute.created",
        "dispute.under_review": "payment.dispute.under_review",
        "dispute.won": "payment.dispute.won",
        "dispute.lost": "payment.dispute.lost",
        "dispute.closed": "payment.dispute.closed",
        "payment_link.paid": "payment_link.paid",
        "payment_link.partially_paid": "payment_link.partially_paid",
        "payment_link.cancelled": "payment_link.cancelled",
        "payment_link.expired": "payment_link.expired",
        "invoice.paid": "invoice.paid",
        "invoice.partially_paid": "invoice.partially_paid",
        "invoice.expired": "invoice.expired",
    }
)
"""Razorpay's name of each event of ours that it knows; endpoints of its format get no others."""

_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
_ACCOUNT_CHARACTERS = 14
# In the order in which Razorpay names them: refund and payment; payment and what it is about.
_ENTITIES: Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "refund": refund_entity,
    "payment": payment_entity,
    "order": order_entity,
    "dispute": dispute_entity,
    "payment_link": payment_link_entity,
    "invoice": invoice_entity,
}


def razorpay_body(delivery: Delivery) -> bytes:
    """The body of a delivery whose event is still kept, the same on every attempt."""
    if delivery.body is None:
        raise AssertionError("deliveries without a body are not sent")
    return razorpay_event(delivery.body, delivery.endpoint.merchant_id)


def razorpay_event(body: bytes, merchant_id: UUID) -> bytes:
    """The gateway's own body of an event in Razorpay's form, as canonical JSON.

    An event that Razorpay does not know, `webhook.test` or one that was on its way when the format
    of its endpoint changed, keeps its name.
    """
    event = json.loads(body)
    data = event["data"]
    contains = [kind for kind in _ENTITIES if kind in data]
    return canonical_json.dumps(
        {
            "entity": "event",
            "account_id": account_id(merchant_id),
            "event": RAZORPAY_NAMES.get(event["event"], event["event"]),
            "contains": contains,
            "payload": {kind: {"entity": _ENTITIES[kind](data[kind])} for kind in contains},
            "created_at": event["timestamp"],
        }
    )


def account_id(merchant_id: UUID) -> str:
    """What Razorpay would call the merchant: `acc_` and 14 characters, always the same ones."""
    number = int.from_bytes(sha256(b"account:" + merchant_id.bytes).digest(), "big")
    characters = ""
    for _ in range(_ACCOUNT_CHARACTERS):
        number, position = divmod(number, len(_ALPHABET))
        characters += _ALPHABET[position]
    return f"acc_{characters}"
