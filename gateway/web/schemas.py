"""The bodies that the merchant API takes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema
from pydantic.config import JsonDict

from gateway.web.card_schemas import CardBody, CardText, MerchantsCardBody
from gateway.web.fields import (
    Amount,
    AnyMethod,
    BodyModel,
    Color,
    Contact,
    Currency,
    Email,
    EventTypes,
    LaterAmount,
    Logo,
    Method,
    Moment,
    Notes,
    Origin,
    PageUrl,
    ShortText,
    Text,
)

__all__ = [
    "AmountBody",
    "BrandingBody",
    "CheckoutPaymentBody",
    "ClockBody",
    "ContestBody",
    "CustomerBody",
    "CustomerChanges",
    "CustomerId",
    "DisputeBody",
    "EmptyBody",
    "EndpointBody",
    "EndpointChanges",
    "FaultBody",
    "KeyBody",
    "KeyChanges",
    "KeyRotationBody",
    "MeansBody",
    "MerchantChanges",
    "MerchantsPart",
    "NewCustomerBody",
    "NotesBody",
    "OrderBody",
    "PaymentBody",
    "ProcessorAccountBody",
    "ProcessorAccountChanges",
    "ProcessorMessage",
    "PublicPaymentBody",
    "RefundBody",
    "ReplayBody",
    "RotationBody",
    "VerdictBody",
    "WebhookUrlBody",
]

_SECRET = r"^[\x21-\x7e]{8,255}$"  # noqa: S105 - a pattern
_OVERLAP_SECONDS_MAX = 7 * 86_400
_ADVANCE_SECONDS_MAX = 3_660 * 86_400
_IDS_MAX = 1000
_SUMMARY_CHARACTERS_MAX = 1_000
_CREDENTIALS_MAX = 16
_CREDENTIAL_CHARACTERS_MAX = 4_096

Capture = Literal["manual", "automatic"]
KeyRole = Literal["full", "read_only", "restricted"]
_Permissions = Annotated[list[Annotated[str, Field(max_length=64)]], Field(max_length=100)]
NameText = Annotated[str, Field(min_length=1, max_length=255)]
CustomerId = Annotated[str, Field(pattern=r"^cust_[A-Za-z0-9]{16}$")]
EventIdText = Annotated[
    ShortText, WithJsonSchema({"type": "string", "pattern": "^evt_[A-Za-z0-9]{16}$"})
]
UuidText = Annotated[ShortText, WithJsonSchema({"type": "string", "format": "uuid"})]


class EmptyBody(BodyModel):
    """Nothing is taken."""


class ProcessorMessage(BaseModel):
    """Whatever the processor sends; its bytes are signed."""

    model_config = ConfigDict(extra="allow")


class OrderBody(BodyModel):
    """`POST /orders`."""

    currency: Currency = "INR"
    amount: Amount
    receipt: Text | None = Field(default=None, examples=["receipt 1"])
    notes: Notes = Field(default_factory=dict)
    customer_id: CustomerId | None = None
    capture: Capture | None = None
    expires_at: Moment = None
    return_url: PageUrl = None


class NotesBody(BodyModel):
    """`PATCH /orders/{id}`."""

    notes: Notes


class CustomerBody(BodyModel):
    """`customer` of a payment."""

    name: Text | None = None
    email: Text | None = None
    contact: ShortText | None = None


_PAYMENT_EXAMPLE: JsonDict = {
    "order_id": "order_9A33XWu170gUtmQe",
    "method": "upi",
    "vpa": "success@bank",
    "customer": {"name": "Asha Rao", "email": "asha@example.com", "contact": "+919876543210"},
}


class MeansBody(BodyModel):
    """How somebody pays, and who."""

    method: AnyMethod
    token_id: ShortText | None = None
    save: bool = False
    vpa: Annotated[str, Field(max_length=256)] | None = None
    card: CardBody | None = Field(default=None, repr=False)
    bank: Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{2,32}$")] | None = None
    wallet: Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{2,32}$")] | None = None
    customer: CustomerBody | None = None
    card_number: CardText | None = Field(default=None, repr=False)
    card_expiry: CardText | None = Field(default=None, repr=False)
    card_cvv: CardText | None = Field(default=None, repr=False)
    card_holder_name: Text | None = Field(default=None, repr=False)


class _OfOrder(BodyModel):
    order_id: Text


class PublicPaymentBody(MeansBody, _OfOrder):
    """What a shopper decides about a payment."""

    model_config = ConfigDict(json_schema_extra={"examples": [_PAYMENT_EXAMPLE]})


class CheckoutPaymentBody(PublicPaymentBody):
    """`POST /payments/public`; saved cards need the shop's word for who the shopper is."""

    customer_signature: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None


class MerchantsPart(BodyModel):
    """What a merchant decides about a payment besides."""

    capture: Capture | None = None
    notes: Notes = Field(default_factory=dict)
    customer_id: CustomerId | None = None


class PaymentBody(MerchantsPart, PublicPaymentBody):
    """`POST /payments`."""

    card: MerchantsCardBody | None = Field(default=None, repr=False)


class AmountBody(BodyModel):
    """`POST /payments/{id}/capture`."""

    amount: LaterAmount | None = Field(default=None, examples=[20_000])


class RefundBody(BodyModel):
    """`POST /payments/{id}/refunds`."""

    amount: LaterAmount | None = Field(default=None, examples=[20_000])
    reason: Text | None = Field(default=None, examples=["Returned"])
    receipt: Text | None = None
    notes: Notes = Field(default_factory=dict)


class CustomerChanges(BodyModel):
    """`PATCH /customers/{id}`; null takes a field away."""

    name: Text | None = Field(default=None, examples=["Asha Rao"])
    email: Email | None = None
    contact: Contact | None = None
    notes: Notes = Field(default_factory=dict)


class NewCustomerBody(CustomerChanges):
    """`POST /customers`; `fail_existing` as false answers the customer that there is."""

    fail_existing: bool = True


class ContestBody(BodyModel):
    """`POST /disputes/{id}/contest`."""

    summary: Annotated[str, Field(min_length=1, max_length=_SUMMARY_CHARACTERS_MAX)] | None = None
    action: Literal["draft", "submit"] = "draft"


class DisputeBody(BodyModel):
    """`POST /test/disputes`."""

    payment_id: ShortText
    amount: LaterAmount | None = None
    phase: Literal["fraud", "retrieval", "chargeback", "pre_arbitration", "arbitration"] = (
        "chargeback"
    )
    reason_code: ShortText = "general"


class VerdictBody(BodyModel):
    """`POST /test/disputes/{id}/decide`."""

    status: Literal["won", "lost", "closed"]


class EndpointBody(BodyModel):
    """`POST /webhook-endpoints`."""

    url: Annotated[str, Field(max_length=2048, examples=["https://shop.example/webhooks"])]
    description: Text | None = None
    events: EventTypes = ()
    format: Literal["gateway", "razorpay"] = "gateway"
    secret: Annotated[str, Field(pattern=_SECRET)] | None = Field(default=None, repr=False)
    active: bool = True


class EndpointChanges(BodyModel):
    """`PATCH /webhook-endpoints/{id}`."""

    url: Annotated[str, Field(max_length=2048, json_schema_extra={"minLength": 1})] = ""
    description: Text | None = None
    events: EventTypes = ()
    format: Literal["gateway", "razorpay"] = "gateway"
    active: bool = True


class RotationBody(BodyModel):
    """`POST /webhook-endpoints/{id}/rotate-secret`; an overlap of 0 is for a secret that leaked."""

    secret: Annotated[str, Field(pattern=_SECRET)] | None = Field(default=None, repr=False)
    overlap_seconds: Annotated[int, Field(ge=0, le=_OVERLAP_SECONDS_MAX)] | None = None


class KeyBody(BodyModel):
    """`POST /keys`."""

    role: Annotated[KeyRole, Field(examples=["read_only"])]
    permissions: _Permissions = Field(default_factory=list)
    expires_at: Moment = None


class KeyChanges(BodyModel):
    """`PATCH /keys/{id}`: what is not named stays; an `expires_at` of null is never."""

    role: KeyRole | None = None
    permissions: _Permissions | None = None
    expires_at: Moment = None


class KeyRotationBody(BodyModel):
    """`POST /keys/{id}/rotate`; an overlap of 0 is for a secret that leaked."""

    overlap_seconds: Annotated[int, Field(ge=0, le=_OVERLAP_SECONDS_MAX)] | None = None


_Credentials = Annotated[
    dict[str, Annotated[str, Field(max_length=_CREDENTIAL_CHARACTERS_MAX)]],
    Field(
        max_length=_CREDENTIALS_MAX,
        examples=[{"api_login_id": "5KP3u95bQpv", "transaction_key": "346HZ32z3fP4hTG2"}],
    ),
]


class ProcessorAccountBody(BodyModel):
    """`POST /processor-accounts`; which credentials there are depends on the processor."""

    processor: Annotated[ShortText, Field(examples=["authorizenet"])]
    name: NameText | None = None
    credentials: _Credentials = Field(repr=False)
    active: bool = True


class ProcessorAccountChanges(BodyModel):
    """`PATCH /processor-accounts/{id}`: what is not named stays; so do other credentials."""

    name: NameText | None = None
    credentials: _Credentials | None = Field(default=None, repr=False)
    active: bool | None = None


class ReplayBody(BodyModel):
    """`POST /webhooks/replay`."""

    status: Literal["failed", "success", "pending"] = "failed"
    endpoint_id: ShortText | None = None
    event: ShortText | None = None
    from_: Moment = Field(default=None, alias="from")
    to: Moment = None
    event_ids: Annotated[list[EventIdText], Field(max_length=_IDS_MAX)] | None = None
    ids: Annotated[list[UuidText], Field(max_length=_IDS_MAX)] | None = None


class BrandingBody(BodyModel):
    """`branding` of a merchant: what its checkout looks like; null goes back to the default."""

    color: Color = None
    logo_url: Logo = None


class MerchantChanges(BodyModel):
    """`PATCH /merchant`."""

    name: Text = ""
    default_capture: Capture = "manual"
    enabled_methods: Annotated[list[Method], Field(min_length=1, max_length=16)] = Field(
        default_factory=list
    )
    allowed_origins: Annotated[list[Origin], Field(max_length=32)] = Field(default_factory=list)
    return_url: PageUrl = None
    branding: BrandingBody = Field(default_factory=BrandingBody)


class WebhookUrlBody(BodyModel):
    """`PUT /merchants/webhook`; null takes the address away."""

    webhook_url: Annotated[
        str | None, Field(max_length=2048, examples=["https://shop.example/webhooks"])
    ]


class ClockBody(BodyModel):
    """`POST /test/clock`."""

    advance_seconds: Annotated[int, Field(ge=0, le=_ADVANCE_SECONDS_MAX)]


class FaultBody(BodyModel):
    """`POST /test/faults`; it strikes when the point has been passed `after` times."""

    point: ShortText
    action: ShortText
    after: Annotated[int, Field(ge=0, le=1_000_000)] = 0
