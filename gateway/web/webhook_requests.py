"""The request that a delivery is, for people who look into why their server refuses it.

Requests are not kept: their parts are, and they are put together again as the deliverer does it.
The signatures are those of the secrets that hold now.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from gateway import __version__
from gateway.security.records import endpoint_record
from gateway.security.signatures import webhook_headers
from gateway.storage.reads_delivery_log import SentEvent
from gateway.storage.reads_webhooks import DeliveryRecord
from gateway.web.razorpay_events import razorpay_event
from gateway.web.services import Services
from gateway.web.versioned_events import in_version

__all__ = ["USER_AGENT", "request_body", "request_headers"]

USER_AGENT = f"payment-gateway/{__version__}"
"""What webhooks say they come from."""

_SIGNATURES = frozenset({"X-Webhook-Signature", "X-Razorpay-Signature", "webhook-signature"})
_HIDDEN = "(hidden)"


def request_body(services: Services, sent: SentEvent, merchant_id: UUID) -> bytes | None:
    """The body in the endpoint's format and version, the same bytes on every attempt."""
    if sent.body is None:
        return None
    if sent.format == "razorpay":
        return razorpay_event(sent.body, merchant_id)
    return in_version(services.versions, sent.body, sent.api_version)


def request_headers(
    services: Services,
    delivery: DeliveryRecord,
    sent: SentEvent,
    body: bytes,
    *,
    requested_at: datetime,
    with_signatures: bool,
) -> Mapping[str, str]:
    """The headers of an attempt that was made at this time, without the trace's."""
    headers = webhook_headers(
        event_id=delivery.event_id,
        timestamp=int(requested_at.timestamp()),
        body=body,
        secrets=_secrets(services, delivery.endpoint_id, sent),
        user_agent=USER_AGENT,
    )
    if with_signatures:
        return headers
    return {name: _HIDDEN if name in _SIGNATURES else value for name, value in headers.items()}


def _secrets(services: Services, endpoint_id: str, sent: SentEvent) -> list[str]:
    """The secret that signs, and the one before it while that one holds, too."""
    sealed = [sent.secret_sealed]
    previous, expires_at = sent.previous_secret_sealed, sent.previous_secret_expires_at
    if previous is not None and expires_at is not None and services.clock.now() < expires_at:
        sealed.append(previous)
    record = endpoint_record(endpoint_id)
    return [services.vault.open(each, record=record).decode() for each in sealed]
