"""How payment links and invoices look in webhook bodies, and what every other form is made of."""

from __future__ import annotations

import json
from typing import Any

from gateway.domain.bills import Bill, BillKind
from gateway.domain.representation import timestamp

__all__ = ["bill_object"]


def bill_object(bill: Bill) -> dict[str, Any]:
    """The bill; amounts in minor units. `details` is what was given to be shown again."""
    details = json.loads(bill.details)
    short_url = details.pop("short_url", None)
    own = {"line_items": details.pop("line_items", [])} if bill.kind == BillKind.INVOICE else {}
    return {
        "id": bill.id,
        "status": bill.status.value,
        "amount": bill.amount,
        "amount_paid": bill.amount_paid,
        "amount_due": bill.amount_due,
        "currency": bill.currency,
        "accept_partial": bill.accept_partial,
        "first_amount_min": bill.first_amount_min,
        "reference": bill.reference,
        "description": bill.description,
        "customer_id": bill.customer_id,
        "customer": {
            "name": bill.payer_name,
            "email": bill.payer_email,
            "contact": bill.payer_contact,
        },
        **own,
        "notes": json.loads(bill.notes),
        "short_url": short_url,
        "return_url": bill.return_url,
        "details": details,
        "expires_at": timestamp(bill.expires_at),
        "issued_at": timestamp(bill.issued_at),
        "paid_at": timestamp(bill.paid_at),
        "cancelled_at": timestamp(bill.cancelled_at),
        "expired_at": timestamp(bill.expired_at),
        "created_at": timestamp(bill.created_at),
        "updated_at": timestamp(bill.updated_at),
    }
