"""Deliveries, endpoints and events, as they are answered."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from gateway.web.api.answers.common import (
    EXAMPLE_ID,
    Answer,
    EndpointId,
    EventId,
    Listed,
    Time,
    Uuid,
)

__all__ = [
    "DefaultSecret",
    "Delivery",
    "DeliveryAttempt",
    "DeliveryList",
    "DeliveryWithAttempts",
    "Event",
    "EventList",
    "NewWebhookEndpoint",
    "Received",
    "Replayed",
    "Scheduled",
    "Told",
    "WebhookEndpoint",
    "WebhookEndpointList",
    "WebhookSecret",
    "WebhookUrl",
]


class Delivery(Answer):
    """One event on its way to one endpoint."""

    id: Uuid
    event: Annotated[str, Field(examples=["payment.success"])]
    event_id: EventId
    endpoint_id: EndpointId
    status: Literal["pending", "success", "failed"]
    attempts: Annotated[int, Field(ge=0, examples=[1])]
    created_at: Time
    last_attempt_at: Time | None
    next_retry_at: Annotated[datetime | None, Field(examples=[None])]
    response_code: Annotated[int | None, Field(examples=[200])]


class DeliveryAttempt(Answer):
    """One request to an endpoint."""

    number: Annotated[int, Field(ge=1, examples=[1])]
    requested_at: Time
    duration_milliseconds: Annotated[int | None, Field(examples=[35])]
    response_code: Annotated[int | None, Field(examples=[200])]
    response_body: Annotated[str | None, Field(examples=["ok"])]
    error: Annotated[str | None, Field(examples=[None])]


class DeliveryWithAttempts(Delivery):
    """The delivery with its requests."""

    attempt_log: list[DeliveryAttempt]


class Scheduled(Answer):
    """The delivery begins anew."""

    id: Uuid
    status: Literal["pending"]
    message: Annotated[str, Field(examples=["Webhook retry scheduled"])]


class Replayed(Answer):
    """How many deliveries begin anew."""

    message: Annotated[str, Field(examples=["Webhook replay scheduled"])]
    count: Annotated[int, Field(ge=0, examples=[3])]
    has_more: Annotated[bool, Field(examples=[False])]
    """Whether the limit was met, so that the same call would find more."""


class WebhookEndpoint(Answer):
    """A URL that events are sent to; no events listed means all."""

    id: EndpointId
    url: Annotated[str, Field(examples=["https://shop.example/webhooks"])]
    description: Annotated[str | None, Field(examples=[None])]
    events: Annotated[list[str], Field(examples=[["payment.success"]])]
    format: Literal["gateway", "razorpay"]
    active: bool
    is_default: bool
    disabled_reason: Annotated[str | None, Field(examples=[None])]
    created_at: Time
    updated_at: Time


class NewWebhookEndpoint(WebhookEndpoint):
    """With the secret, which is shown this once."""

    secret: Annotated[str, Field(examples=["whsec_…"])]


class WebhookSecret(Answer):
    """The endpoint's new secret, shown this once."""

    id: EndpointId
    secret: Annotated[str, Field(examples=["whsec_…"])]


class DefaultSecret(Answer):
    """The new secret of the one webhook URL."""

    webhook_secret: Annotated[str, Field(examples=["whsec_…"])]


class WebhookUrl(Answer):
    """The one webhook URL."""

    message: Annotated[str, Field(examples=["Webhook configuration updated"])]
    webhook_url: Annotated[str | None, Field(examples=["https://shop.example/webhooks"])]


class Told(Answer):
    """It will be done."""

    message: Annotated[str, Field(examples=["Test webhook scheduled"])]


class Received(Answer):
    """It is kept, and will be handled."""

    received: Literal[True]


class Event(Answer):
    """Something that happened; `data` is null once it has been deleted for its age."""

    id: EventId
    type: Annotated[str, Field(examples=["payment.success"])]
    order_id: Annotated[str | None, Field(examples=[f"order_{EXAMPLE_ID}"])]
    payment_id: Annotated[str | None, Field(examples=[f"pay_{EXAMPLE_ID}"])]
    refund_id: Annotated[str | None, Field(examples=[None])]
    data: dict[str, Any] | None
    request_id: Annotated[str | None, Field(examples=["5f0c7d0e"])]
    created_at: Time


class DeliveryList(Listed[Delivery]):
    """Deliveries of webhooks, newest first."""


class WebhookEndpointList(Listed[WebhookEndpoint]):
    """Webhook endpoints, newest first."""


class EventList(Listed[Event]):
    """Events, newest first."""
