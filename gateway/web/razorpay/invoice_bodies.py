"""What `/v1/invoices` takes, and the lines that are made of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from gateway.domain.errors import InvalidRequest
from gateway.domain.ids import new_id
from gateway.domain.line_items import Item, LineItem
from gateway.storage.items import find_items
from gateway.storage.journal import Connection
from gateway.storage.reads_pages import Scope
from gateway.web.fields import Currency
from gateway.web.razorpay.fields import (
    Flag,
    Receipt,
    WireCustomer,
    WireInteger,
    WireLaterAmount,
    WireModel,
    WireMoment,
    WireNotes,
    absent,
)

__all__ = ["InvoiceBody", "InvoiceChanges", "LineBody", "line_object", "lines_of"]

_QUANTITY_MAX = 1_000_000
_Long = Annotated[Annotated[str, Field(max_length=2048)] | None, BeforeValidator(absent)]
_CustomerId = Annotated[
    Annotated[str, Field(pattern=r"^cust_[A-Za-z0-9]{16}$")] | None, BeforeValidator(absent)
]


class LineBody(WireModel):
    """A line: an item, or what it is and what one costs. What stands here goes before the item."""

    item_id: Annotated[str, Field(pattern=r"^item_[A-Za-z0-9]{16}$")] | None = None
    name: Annotated[str, Field(min_length=1, max_length=512)] | None = None
    description: _Long = None
    amount: WireLaterAmount | None = None
    currency: Currency | None = None
    quantity: Annotated[WireInteger, Field(ge=1, le=_QUANTITY_MAX)] = 1


class InvoiceChanges(WireModel):
    """`PATCH /v1/invoices/{id}`."""

    line_items: list[LineBody] = Field(default_factory=list)
    currency: Currency = "INR"
    description: _Long = None
    customer_id: _CustomerId = None
    customer: WireCustomer = WireCustomer()
    receipt: Receipt = None
    comment: _Long = None
    terms: _Long = None
    date: WireMoment = None
    expire_by: WireMoment = None
    partial_payment: Flag = False
    first_payment_min_amount: Annotated[
        WireLaterAmount | None, BeforeValidator(lambda value: value or None)
    ] = None
    notes: WireNotes = Field(default_factory=dict)


class InvoiceBody(InvoiceChanges):
    """`POST /v1/invoices`."""

    type: Literal["invoice"] = "invoice"
    draft: Flag = False
    sms_notify: Flag = False
    email_notify: Flag = False


async def lines_of(
    connection: Connection,
    scope: Scope,
    bodies: Sequence[LineBody],
    currency: str,
    *,
    lines_max: int,
) -> list[LineItem]:
    """The lines, with what they take over from items. Raises InvalidRequest naming what is missing.

    A line that names no currency has the invoice's.
    """
    if len(bodies) > lines_max:
        raise InvalidRequest(
            f"line_items must have at most {lines_max} entries", field="line_items"
        )
    ids = [body.item_id for body in bodies if body.item_id is not None]
    known = await find_items(connection, scope, ids) if ids else {}
    return [_line(position, body, known, currency) for position, body in enumerate(bodies)]


def _line(position: int, body: LineBody, known: dict[str, Item], currency: str) -> LineItem:
    path = f"line_items.{position}"
    item = None
    if body.item_id is not None:
        item = known.get(body.item_id)
        if item is None or not item.active:
            raise InvalidRequest("The id provided does not exist", field=f"{path}.item_id")
    name = body.name or (item.name if item else None)
    amount = body.amount or (item.amount if item else None)
    if name is None:
        raise InvalidRequest(f"{path}.name is required", field=f"{path}.name")
    if amount is None:
        raise InvalidRequest(f"{path}.amount is required", field=f"{path}.amount")
    return LineItem(
        id=new_id("li"),
        item_id=body.item_id,
        name=name,
        description=body.description or (item.description if item else None),
        unit_amount=amount,
        currency=body.currency or (item.currency if item else currency),
        quantity=body.quantity,
    )


def line_object(line: LineItem) -> dict[str, Any]:
    """The line as it is kept with its invoice."""
    return {
        "id": line.id,
        "item_id": line.item_id,
        "name": line.name,
        "description": line.description,
        "unit_amount": line.unit_amount,
        "amount": line.amount,
        "currency": line.currency,
        "quantity": line.quantity,
    }
