"""The bodies of the synchronous operations, `POST /api/v1/payments/purchase` and its kin."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from gateway.web.card_schemas import MerchantsCardBody
from gateway.web.fields import Amount, BodyModel, Currency, PageUrl, ShortText, Text
from gateway.web.schemas import AmountBody, MeansBody, MerchantsPart, RefundBody

__all__ = [
    "AuthorizeBody",
    "CancelBody",
    "CaptureBody",
    "ImmediateRefundBody",
    "MakingBody",
    "PurchaseBody",
    "SynchronousBody",
]

_MAKING_EXAMPLE: JsonDict = {
    "amount": 50_000,
    "currency": "INR",
    "method": "upi",
    "vpa": "success@bank",
    "receipt": "receipt 1",
    "customer": {"name": "Asha Rao", "email": "asha@example.com", "contact": "+919876543210"},
    "idempotency_key": "order-2026-4711",
}
# What is paid is either an amount or an order that is there.
_ONE_OF: JsonDict = {"anyOf": [{"required": ["amount"]}, {"required": ["order_id"]}]}
PaymentIdText = Annotated[ShortText, Field(examples=["pay_9A33XWu170gUtmQe"])]


class SynchronousBody(BodyModel):
    """What all of them take; `idempotency_key` counts as the header of this name does."""

    idempotency_key: Annotated[str, Field(pattern=r"^[ -~]{1,255}$")] | None = None


class MakingBody(SynchronousBody, MerchantsPart, MeansBody):
    """A payment together with its order, which `amount`, `currency`, `receipt` and `return_url`
    are about; or of the order `order_id`.
    """

    card: MerchantsCardBody | None = Field(default=None, repr=False)
    order_id: Text | None = None
    currency: Currency | None = None
    amount: Amount | None = None
    receipt: Text | None = None
    return_url: PageUrl = None


class PurchaseBody(MakingBody):
    """`POST /payments/purchase`."""

    model_config = ConfigDict(json_schema_extra={"examples": [_MAKING_EXAMPLE], **_ONE_OF})

    capture: Literal["automatic"] | None = None


class AuthorizeBody(MakingBody):
    """`POST /payments/authorize`."""

    model_config = ConfigDict(json_schema_extra={"examples": [_MAKING_EXAMPLE], **_ONE_OF})

    capture: Literal["manual"] | None = None


class CaptureBody(SynchronousBody, AmountBody):
    """`POST /payments/capture`."""

    payment_id: PaymentIdText


class ImmediateRefundBody(SynchronousBody, RefundBody):
    """`POST /payments/refund`."""

    payment_id: PaymentIdText


class CancelBody(SynchronousBody):
    """`POST /payments/cancel`."""

    payment_id: PaymentIdText
