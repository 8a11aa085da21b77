"""The section `webhooks` of the document: what merchants' servers are sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, Field

from gateway.web.api.answers import Answer, Order, Payment, Refund
from gateway.web.openapi.examples import example_of

__all__ = ["EVENT_MODELS", "webhook_of"]


class OrderData(Answer):
    """What an event about an order tells; its payment where one is the cause."""

    payment: Payment | None = None
    order: Order


class PaymentData(Answer):
    """What an event about a payment tells."""

    payment: Payment


class RefundData(Answer):
    """What an event about a refund tells."""

    refund: Refund
    payment: Payment


class OrderEvent(Answer):
    """Something happened to an order."""

    event: str
    timestamp: Annotated[int, Field(examples=[1_793_527_530])]
    """Unix seconds."""
    data: OrderData


class PaymentEvent(Answer):
    """Something happened to a payment."""

    event: str
    timestamp: Annotated[int, Field(examples=[1_793_527_530])]
    """Unix seconds."""
    data: PaymentData


class RefundEvent(Answer):
    """Something happened to a refund."""

    event: str
    timestamp: Annotated[int, Field(examples=[1_793_527_530])]
    """Unix seconds."""
    data: RefundData


class OtherEvent(Answer):
    """Something happened; `data` says to what."""

    event: str
    timestamp: Annotated[int, Field(examples=[1_793_527_530])]
    """Unix seconds."""
    data: dict[str, Any]


EVENT_MODELS: Mapping[str, type[BaseModel]] = {
    "order": OrderEvent,
    "payment": PaymentEvent,
    "refund": RefundEvent,
    "": OtherEvent,
}
"""The bodies, by what stands before the dot of the event's name."""

_HEADERS = {
    "X-Webhook-Signature": "HMAC-SHA256 of the body in hex; the key is the endpoint's secret.",
    "webhook-id": "The event's id, the same on every attempt (Standard Webhooks).",
    "webhook-timestamp": "Unix seconds of this attempt (Standard Webhooks).",
    "webhook-signature": "`v1,` and the signature in base64 (Standard Webhooks).",
}


def webhook_of(name: str, schemas: Mapping[str, Any]) -> dict[str, Any]:
    """One event's entry; the same call whichever endpoint it goes to."""
    model = EVENT_MODELS.get(name.partition(".")[0], OtherEvent)
    reference = {"$ref": f"#/components/schemas/{model.__name__}"}
    schema = {"allOf": [reference, {"properties": {"event": {"const": name}}}]}
    example = {**example_of(reference, schemas), "event": name}
    return {
        "post": {
            "operationId": name,
            "summary": f"Event {name}",
            "parameters": [
                {
                    "name": header,
                    "in": "header",
                    "required": True,
                    "description": text,
                    "schema": {"type": "string"},
                }
                for header, text in _HEADERS.items()
            ],
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": schema, "example": example}},
            },
            "responses": {"2XX": {"description": "Received: it is not sent again"}},
        }
    }
