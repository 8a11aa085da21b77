"""Orders, payments and refunds, as they are answered."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from gateway.domain.entities import OrderStatus, PaymentStatus, RefundStatus
from gateway.web.api.answers.common import (
    Amount,
    Answer,
    Capture,
    Currency,
    Listed,
    MethodName,
    Mode,
    Notes,
    OrderId,
    PaymentId,
    RefundId,
    Time,
    Uuid,
)

__all__ = [
    "Card",
    "CheckoutResult",
    "Order",
    "OrderList",
    "Payer",
    "Payment",
    "PaymentList",
    "PublicOrder",
    "PublicPayment",
    "Refund",
    "RefundList",
]


class Order(Answer):
    """What is to be paid, once."""

    id: OrderId
    merchant_id: Uuid
    amount: Amount
    amount_paid: Annotated[int, Field(ge=0, examples=[0])]
    """What was captured."""
    amount_due: Amount
    attempts: Annotated[int, Field(ge=0, examples=[0])]
    """How many payments were tried."""
    currency: Currency
    receipt: Annotated[str | None, Field(examples=["receipt 1"])]
    notes: Notes
    customer_id: Annotated[str | None, Field(examples=[None])]
    status: OrderStatus
    capture: Capture
    expires_at: Annotated[datetime | None, Field(examples=[None])]
    return_url: Annotated[str | None, Field(examples=["https://shop.example/thanks"])]
    created_at: Time
    updated_at: Time


class Card(Answer):
    """What is kept of a card; never its number."""

    network: Annotated[str | None, Field(examples=["visa"])]
    last4: Annotated[str | None, Field(examples=["4242"])]
    expiry_month: Annotated[int | None, Field(examples=[12])]
    expiry_year: Annotated[int | None, Field(examples=[2030])]


class Payer(Answer):
    """Who pays, as far as it was told."""

    name: Annotated[str | None, Field(examples=["Asha Rao"])]
    email: Annotated[str | None, Field(examples=["asha@example.com"])]
    contact: Annotated[str | None, Field(examples=["+919876543210"])]


class PublicPayment(Answer):
    """A payment as its shopper may see it."""

    id: PaymentId
    order_id: OrderId
    amount: Amount
    currency: Currency
    method: MethodName
    vpa: Annotated[str | SkipJsonSchema[None], Field(examples=["success@bank"])] = None
    bank: str | SkipJsonSchema[None] = None
    wallet: str | SkipJsonSchema[None] = None
    card: Card | SkipJsonSchema[None] = None
    card_network: str | SkipJsonSchema[None] = None
    card_last4: str | SkipJsonSchema[None] = None
    status: PaymentStatus
    captured: bool
    error_code: Annotated[str | None, Field(examples=[None])]
    error_description: Annotated[str | None, Field(examples=[None])]
    error_reason: Annotated[str | None, Field(examples=[None])]
    next_action: Annotated[dict[str, Any] | None, Field(examples=[None])]
    """Where the shopper has to go, while `status` is `requires_action`."""
    created_at: Time
    updated_at: Time


class Payment(PublicPayment):
    """One try to pay an order. `success` with `captured` false is an authorization."""

    amount_authorized: Amount
    amount_captured: Amount
    amount_released: Annotated[int, Field(ge=0, examples=[0])]
    """What was authorized and given back without having been captured."""
    amount_refunded: Annotated[int, Field(ge=0, examples=[0])]
    refund_status: Annotated[Literal["partial", "full"] | None, Field(examples=[None])]
    customer_id: Annotated[str | None, Field(examples=[None])]
    token_id: Annotated[str | None, Field(examples=[None])]
    """The saved card that was charged, or that the payment saved."""
    customer: Payer
    fee: Annotated[int, Field(ge=0, examples=[0])]
    """What the gateway keeps of what was captured, `tax` included."""
    tax: Annotated[int, Field(ge=0, examples=[0])]
    processor: Annotated[str, Field(examples=["simulator"])]
    processor_reference: Annotated[str | None, Field(examples=["bank_51"])]
    notes: Notes


class PublicOrder(Answer):
    """An order as its shopper may see it."""

    id: OrderId
    amount: Amount
    amount_paid: Annotated[int, Field(ge=0, examples=[0])]
    amount_due: Amount
    currency: Currency
    status: OrderStatus
    mode: Mode
    merchant_name: Annotated[str, Field(examples=["Test Merchant"])]
    methods: Annotated[list[str], Field(examples=[["card", "upi"]])]
    expires_at: Annotated[datetime | None, Field(examples=[None])]
    created_at: Time


class Refund(Answer):
    """Money that goes back."""

    id: RefundId
    payment_id: PaymentId
    order_id: OrderId
    amount: Amount
    currency: Currency
    reason: Annotated[str | None, Field(examples=["Returned"])]
    receipt: Annotated[str | None, Field(examples=[None])]
    notes: Notes
    status: RefundStatus
    error_description: Annotated[str | None, Field(examples=[None])]
    created_at: Time
    updated_at: Time
    processed_at: Annotated[datetime | None, Field(examples=[None])]


class CheckoutResult(Answer):
    """How a payment of the checkout ended; signed when it succeeded."""

    status: PaymentStatus
    payment_id: Annotated[PaymentId, Field(alias="paymentId")]
    order_id: Annotated[OrderId, Field(alias="orderId")]
    signature: Annotated[str | None, Field(examples=[None])]
    return_url: Annotated[str | None, Field(alias="returnUrl", examples=[None])]


class OrderList(Listed[Order]):
    """Orders, newest first."""


class PaymentList(Listed[Payment]):
    """Payments, newest first."""


class RefundList(Listed[Refund]):
    """Refunds, newest first."""
