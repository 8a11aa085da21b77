"""Payment links, invoices and items as Razorpay's client libraries know them.

Made from the gateway's own objects (`gateway.domain.bill_representation`), as all entities are.
Fields and values: https://razorpay.com/docs/api, April 2026.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from gateway.domain.line_items import Item

__all__ = ["LINK_STATUSES", "invoice_entity", "item_entity", "payment_link_entity"]

LINK_STATUSES: Mapping[str, str] = {"open": "created"}
"""Razorpay's names for the states of a link, where they are others than ours."""

_INVOICE_STATUSES = {"open": "issued"}


def payment_link_entity(
    link: Mapping[str, Any], payments: Sequence[Mapping[str, Any]] = ()
) -> dict[str, Any]:
    """The link; amounts in minor units, times in unix seconds, 0 where there is none.

    `payments` are the gateway's own objects of its captured payments.
    """
    details = link["details"]
    return {
        "accept_partial": link["accept_partial"],
        "amount": link["amount"],
        "amount_paid": link["amount_paid"],
        "callback_method": details.get("callback_method") or "",
        "callback_url": link["return_url"] or "",
        "cancelled_at": _seconds(link["cancelled_at"]) or 0,
        "created_at": _seconds(link["created_at"]),
        "currency": link["currency"],
        "customer": {name: value for name, value in link["customer"].items() if value},
        "description": link["description"] or "",
        "expire_by": _seconds(link["expires_at"]) or 0,
        "expired_at": _seconds(link["expired_at"]) or 0,
        "first_min_partial_amount": link["first_amount_min"] or 0,
        "id": link["id"],
        "notes": link["notes"] or [],
        "notify": details["notify"],
        "payments": [_link_payment(link, each) for each in payments],
        "reference_id": link["reference"] or "",
        "reminder_enable": details["reminder_enable"],
        "reminders": [],
        "short_url": link["short_url"],
        "status": LINK_STATUSES.get(link["status"], link["status"]),
        "updated_at": _seconds(link["updated_at"]),
        "user_id": "",
    }


def _link_payment(link: Mapping[str, Any], payment: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "amount": payment["amount"],
        "created_at": _seconds(payment["created_at"]),
        "method": payment["method"],
        "payment_id": payment["id"],
        "plink_id": link["id"],
        "status": "captured",
        "updated_at": _seconds(payment["updated_at"]),
    }


def invoice_entity(
    invoice: Mapping[str, Any], payments: Sequence[Mapping[str, Any]] = ()
) -> dict[str, Any]:
    """The invoice; amounts in minor units, times in unix seconds. Nothing is taxed."""
    details, issued = invoice["details"], invoice["status"] != "draft"
    last = payments[-1] if payments else None
    return {
        "id": invoice["id"],
        "entity": "invoice",
        "receipt": invoice["reference"],
        "invoice_number": invoice["reference"],
        "customer_id": invoice["customer_id"],
        "customer_details": _customer_details(invoice),
        "order_id": last["order_id"] if last else None,
        "payment_id": last["id"] if last else None,
        "line_items": [_line_entity(line) for line in invoice["line_items"]],
        "status": _INVOICE_STATUSES.get(invoice["status"], invoice["status"]),
        "expire_by": _seconds(invoice["expires_at"]),
        "issued_at": _seconds(invoice["issued_at"]),
        "paid_at": _seconds(invoice["paid_at"]),
        "cancelled_at": _seconds(invoice["cancelled_at"]),
        "expired_at": _seconds(invoice["expired_at"]),
        "sms_status": None,
        "email_status": details.get("email_status"),
        "date": details.get("date") or _seconds(invoice["created_at"]),
        "terms": details.get("terms"),
        "partial_payment": invoice["accept_partial"],
        "first_payment_min_amount": invoice["first_amount_min"],
        "gross_amount": invoice["amount"],
        "tax_amount": 0,
        "taxable_amount": 0,
        "amount": invoice["amount"],
        "amount_paid": invoice["amount_paid"],
        "amount_due": invoice["amount_due"],
        "currency": invoice["currency"],
        "description": invoice["description"],
        "notes": invoice["notes"] or [],
        "comment": details.get("comment"),
        "short_url": invoice["short_url"] if issued else None,
        "view_less": True,
        "type": "invoice",
        "group_taxes_discounts": False,
        "created_at": _seconds(invoice["created_at"]),
    }


def _customer_details(invoice: Mapping[str, Any]) -> dict[str, Any]:
    customer = invoice["customer"]
    return {
        "id": invoice["customer_id"],
        "name": customer["name"],
        "email": customer["email"],
        "contact": customer["contact"],
        "gstin": None,
        "billing_address": None,
        "shipping_address": None,
        "customer_name": customer["name"],
        "customer_email": customer["email"],
        "customer_contact": customer["contact"],
    }


def _line_entity(line: Mapping[str, Any]) -> dict[str, Any]:
    unit_amount, total = line["unit_amount"], line["amount"]
    return {
        "id": line["id"],
        "item_id": line["item_id"],
        "name": line["name"],
        "description": line["description"],
        "amount": unit_amount,
        "unit_amount": unit_amount,
        "gross_amount": total,
        "tax_amount": 0,
        "taxable_amount": total,
        "net_amount": total,
        "currency": line["currency"],
        "type": "invoice",
        "tax_inclusive": False,
        "tax_rate": None,
        "unit": None,
        "quantity": line["quantity"],
        "taxes": [],
    }


def item_entity(item: Item) -> dict[str, Any]:
    """The item; `amount` in minor units."""
    return {
        "id": item.id,
        "active": item.active,
        "name": item.name,
        "description": item.description,
        "amount": item.amount,
        "unit_amount": item.amount,
        "currency": item.currency,
        "type": "invoice",
        "unit": None,
        "tax_inclusive": False,
        "hsn_code": None,
        "sac_code": None,
        "tax_rate": None,
        "tax_id": None,
        "tax_group_id": None,
        "created_at": int(item.created_at.timestamp()),
    }


def _seconds(moment: str | None) -> int | None:
    return None if moment is None else int(datetime.fromisoformat(moment).timestamp())
