"""Signatures that merchants check: of webhooks, twice over, and of the checkout's answer."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping, Sequence

__all__ = [
    "Signer",
    "checkout_signature",
    "hex_signature",
    "verify_checkout_signature",
    "verify_webhook",
    "webhook_headers",
]

_PREFIX = "whsec_"
_KEY_BYTES_MIN = 24  # Standard Webhooks 1.0.0
_KEY_BYTES_MAX = 64
_SIGNATURES_MAX = 16  # compared at most, however many a request brings


class Signer:
    """Signs the deliveries of one endpoint; made once, used for every attempt.

    `secrets` begin with the current one; those that follow were rotated away and are still valid.
    Raises ValueError when there is none or an empty one: anybody could forge its signature.
    """

    __slots__ = ("_constant", "_legacy_key", "_standard_keys")

    def __init__(self, secrets: Sequence[str], *, user_agent: str) -> None:
        if not secrets or not all(secrets):
            raise ValueError("a webhook secret is needed to sign with")
        self._legacy_key = secrets[0].encode()
        self._standard_keys = tuple(_standard_key(secret) for secret in secrets)
        self._constant = {"Content-Type": "application/json", "User-Agent": user_agent}

    def __repr__(self) -> str:
        return f"Signer(secrets={len(self._standard_keys)})"

    def headers(self, *, event_id: str, timestamp: int, body: bytes) -> dict[str, str]:
        """Every header of a delivery (the public contract, section 4); `timestamp` in seconds."""
        legacy = hmac.digest(self._legacy_key, body, "sha256").hex()
        content = _standard_content(event_id, str(timestamp), body)
        return {
            "X-Webhook-Signature": legacy,
            "X-Razorpay-Signature": legacy,
            "x-razorpay-event-id": event_id,
            "webhook-id": event_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": " ".join(
                _standard_signature(key, content) for key in self._standard_keys
            ),
            "Idempotency-Key": event_id,
            **self._constant,
        }


def webhook_headers(
    *, event_id: str, timestamp: int, body: bytes, secrets: Sequence[str], user_agent: str
) -> dict[str, str]:
    """The headers of one delivery; whoever sends many to an endpoint keeps a `Signer`."""
    signer = Signer(secrets, user_agent=user_agent)
    return signer.headers(event_id=event_id, timestamp=timestamp, body=body)


def verify_webhook(
    *,
    headers: Mapping[str, str],
    body: bytes,
    secret: str,
    now: int,
    tolerance_seconds: int = 300,
) -> bool:
    """Whether a delivery came from us just now, as a merchant's server checks it.

    `body` is what was received, byte for byte; `now` is in unix seconds. Headers are looked up
    whatever their case.
    """
    lowered = {name.lower(): value for name, value in headers.items()}
    event_id, timestamp = lowered.get("webhook-id", ""), lowered.get("webhook-timestamp", "")
    if not (secret and timestamp.isascii() and timestamp.isdecimal() and len(timestamp) <= 12):
        return False
    if abs(now - int(timestamp)) > tolerance_seconds:
        return False
    expected = _standard_signature(
        _standard_key(secret), _standard_content(event_id, timestamp, body)
    )
    signatures = lowered.get("webhook-signature", "").split(" ")[:_SIGNATURES_MAX]
    return any([_same(expected, signature) for signature in signatures])  # noqa: C419  # all of them


def checkout_signature(order_id: str, payment_id: str, secret: str) -> str:
    """What the checkout hands to the merchant's page: hex HMAC-SHA256 of `order_id|payment_id`."""
    return hex_signature(f"{order_id}|{payment_id}".encode(), secret)


def verify_checkout_signature(
    order_id: str, payment_id: str, *, signature: str, secret: str
) -> bool:
    """Whether the checkout signed this order and payment with the key's secret."""
    return bool(secret) and _same(checkout_signature(order_id, payment_id, secret), signature)


def hex_signature(message: bytes, secret: str) -> str:
    """Lower-case hex HMAC-SHA256, the key being the secret string as it stands."""
    return hmac.digest(secret.encode(), message, "sha256").hex()


def _standard_content(event_id: str, timestamp: str, body: bytes) -> bytes:
    return b"%b.%b.%b" % (event_id.encode(), timestamp.encode(), body)


def _standard_signature(key: bytes, content: bytes) -> str:
    return "v1," + base64.b64encode(hmac.digest(key, content, "sha256")).decode()


def _standard_key(secret: str) -> bytes:
    """The bytes a `whsec_` secret encodes; of any other secret, the string itself."""
    encoded = secret.removeprefix(_PREFIX)
    if encoded == secret:
        return secret.encode()
    try:
        key = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return secret.encode()
    return key if _KEY_BYTES_MIN <= len(key) <= _KEY_BYTES_MAX else secret.encode()


def _same(expected: str, given: str) -> bool:
    """Compare in constant time; a stray byte in a header is a difference, not an error."""
    return hmac.compare_digest(expected.encode(), given.encode("utf-8", "surrogatepass"))
