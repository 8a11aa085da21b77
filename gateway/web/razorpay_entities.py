"""Orders, payments and refunds as Razorpay's client libraries know them.

Made from the gateway's own objects (`gateway.domain.representation`), so that what was stored long
ago can still be told. What the gateway does not have is null, or Razorpay's usual value. Fields and
values: https://razorpay.com/docs/api, entities of orders, payments and refunds, April 2026.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

__all__ = [
    "customer_entity",
    "dispute_entity",
    "order_entity",
    "payment_entity",
    "refund_entity",
    "token_entity",
]

# Voids are unknown to Razorpay: an authorization that went back has been refunded.
_VOIDED = frozenset({"cancelled", "expired"})
_ORDER_STATUSES = frozenset({"created", "attempted", "paid"})
_REFUND_STATUSES = frozenset({"processed", "failed"})
_NETWORKS = {
    "visa": "Visa",
    "mastercard": "MasterCard",
    "amex": "American Express",
    "rupay": "RuPay",
    "discover": "Discover",
    "diners": "Diners Club",
    "jcb": "JCB",
}
# The libraries raise errors of their own for these, and crash on any other.
_ERROR_CODES = frozenset({"BAD_REQUEST_ERROR", "GATEWAY_ERROR", "SERVER_ERROR"})


def order_entity(order: Mapping[str, Any]) -> dict[str, Any]:
    """The order; amounts in minor units, times in unix seconds."""
    return {
        "id": order["id"],
        "entity": "order",
        "amount": order["amount"],
        "amount_paid": order["amount_paid"],
        "amount_due": order["amount_due"],
        "currency": order["currency"],
        "receipt": order.get("receipt"),
        "offer_id": None,
        "status": _order_status(order),
        "attempts": order["attempts"],
        "notes": _notes(order),
        "created_at": _unix_seconds(order["created_at"]),
    }


def payment_entity(payment: Mapping[str, Any]) -> dict[str, Any]:
    """The payment; amounts in minor units, times in unix seconds."""
    customer = payment.get("customer") or {}
    status = _payment_status(payment)
    return {
        "id": payment["id"],
        "entity": "payment",
        "amount": payment["amount"],
        "currency": payment["currency"],
        "status": status,
        "order_id": payment["order_id"],
        "invoice_id": None,
        "international": False,
        "method": payment["method"],
        **_refunded(payment),
        "captured": payment["captured"],
        "description": None,
        "card_id": _card_id(payment),
        **_instrument(payment),
        "email": customer.get("email"),
        "contact": customer.get("contact"),
        "customer_id": payment.get("customer_id"),
        "token_id": payment.get("token_id"),
        "notes": _notes(payment),
        **_fee(payment),
        **_error(payment, failed=status == "failed"),
        "acquirer_data": {"auth_code": None, "arn": None, "rrn": None},
        "created_at": _unix_seconds(payment["created_at"]),
    }


def refund_entity(refund: Mapping[str, Any]) -> dict[str, Any]:
    """The refund; `amount` in minor units, times in unix seconds."""
    status = refund["status"]
    return {
        "id": refund["id"],
        "entity": "refund",
        "amount": refund["amount"],
        "currency": refund["currency"],
        "payment_id": refund["payment_id"],
        "notes": _notes(refund),
        "receipt": refund.get("receipt"),
        "acquirer_data": {"arn": None},
        "created_at": _unix_seconds(refund["created_at"]),
        "batch_id": None,
        "status": status if status in _REFUND_STATUSES else "pending",
        "speed_processed": "normal",
        "speed_requested": "normal",
    }


def customer_entity(customer: Mapping[str, Any]) -> dict[str, Any]:
    """The customer; times in unix seconds."""
    return {
        "id": customer["id"],
        "entity": "customer",
        "name": customer["name"],
        "email": customer["email"],
        "contact": customer["contact"],
        "gstin": None,
        "notes": _notes(customer),
        "created_at": _unix_seconds(customer["created_at"]),
    }


def dispute_entity(dispute: Mapping[str, Any]) -> dict[str, Any]:
    """The dispute; amounts in minor units, times in unix seconds."""
    evidence = dispute["evidence"]
    submitted = evidence["submitted_at"]
    return {
        "id": dispute["id"],
        "entity": "dispute",
        "payment_id": dispute["payment_id"],
        "amount": dispute["amount"],
        "currency": dispute["currency"],
        "amount_deducted": dispute["amount_deducted"],
        "reason_code": dispute["reason_code"],
        "respond_by": _unix_seconds(dispute["respond_by"]),
        "status": dispute["status"],
        "phase": dispute["phase"],
        "evidence": {
            "amount": dispute["amount"],
            "summary": evidence["summary"],
            "submitted_at": None if submitted is None else _unix_seconds(submitted),
        },
        "created_at": _unix_seconds(dispute["created_at"]),
    }


def token_entity(token: Mapping[str, Any]) -> dict[str, Any]:
    """The saved card; times in unix seconds."""
    card = token["card"]
    return {
        "id": token["id"],
        "entity": "token",
        "token": token["id"],
        "customer_id": token["customer_id"],
        "bank": None,
        "wallet": None,
        "method": token["method"],
        "card": {
            **_card(card, name=None),
            "expiry_month": card["expiry_month"],
            "expiry_year": card["expiry_year"],
        },
        "vpa": None,
        "recurring": True,
        "recurring_details": {"status": "confirmed", "failure_reason": None},
        "auth_type": None,
        "mrn": None,
        "used_at": None,
        "created_at": _unix_seconds(token["created_at"]),
        "expired_at": _end_of_month(card),
        "status": "active",
        "notes": [],
    }


def _order_status(order: Mapping[str, Any]) -> str:
    status: str = order["status"]
    if status in _ORDER_STATUSES:
        return status
    return "attempted" if order["attempts"] else "created"


def _payment_status(payment: Mapping[str, Any]) -> str:
    status = payment["status"]
    if status in _VOIDED:
        return "refunded"
    if status == "failed":
        return "failed"
    if status != "success":
        return "created"
    if payment["refund_status"] == "full":
        return "refunded"
    return "captured" if payment["captured"] else "authorized"


def _fee(payment: Mapping[str, Any]) -> dict[str, Any]:
    """Null until it is captured; payments that were told of long ago had none."""
    known = payment["captured"]
    return {name: payment.get(name, 0) if known else None for name in ("fee", "tax")}


def _refunded(payment: Mapping[str, Any]) -> dict[str, Any]:
    if payment["status"] in _VOIDED:
        return {"amount_refunded": payment["amount_released"], "refund_status": "full"}
    return {
        "amount_refunded": payment["amount_refunded"],
        "refund_status": payment["refund_status"],
    }


def _card_id(payment: Mapping[str, Any]) -> str | None:
    """Made of the payment's own id, by which the card is found again."""
    if payment["method"] != "card":
        return None
    payment_id: str = payment["id"]
    return "card_" + payment_id.removeprefix("pay_")


def _instrument(payment: Mapping[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {name: payment.get(name) for name in ("bank", "wallet", "vpa")}
    card = payment.get("card")
    if card is None:
        return shown
    name = (payment.get("customer") or {}).get("name")
    return {"card": {"id": _card_id(payment), **_card(card, name=name)}, **shown}


def _card(card: Mapping[str, Any], *, name: str | None) -> dict[str, Any]:
    return {
        "entity": "card",
        "name": name,
        "last4": card["last4"],
        "network": _NETWORKS.get(card["network"], "Unknown"),
        "type": None,
        "issuer": None,
        "international": False,
        "emi": False,
    }


def _end_of_month(card: Mapping[str, Any]) -> int | None:
    """The last second in which a card may be charged, in UTC."""
    year, month = card["expiry_year"], card["expiry_month"]
    if year is None or month is None:
        return None
    next_month = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
    return int(next_month.timestamp()) - 1


def _error(payment: Mapping[str, Any], *, failed: bool) -> dict[str, Any]:
    code = payment["error_code"]
    if code is not None and code not in _ERROR_CODES:
        code = "BAD_REQUEST_ERROR"
    return {
        "error_code": code,
        "error_description": payment["error_description"],
        "error_source": "gateway" if code == "GATEWAY_ERROR" else None,
        "error_step": "payment_authorization" if failed else None,
        "error_reason": payment["error_reason"] or ("payment_failed" if failed else None),
    }


def _notes(shown: Mapping[str, Any]) -> Any:
    """Razorpay is written in PHP, where an empty object is an empty list."""
    return shown.get("notes") or []


def _unix_seconds(moment: str) -> int:
    return int(datetime.fromisoformat(moment).timestamp())
