"""Webhooks of Authorize.Net: their signature, and what they are about.

The payload is thin, and nothing in it is believed but the id of the transaction.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import TypeGuard

from gateway.processors.protocol import InvalidNotification, Notification

__all__ = ["parse", "signature"]

_HEADER = "x-anet-signature"
_ALGORITHM = "sha512="
_ID_LENGTH_MAX = 255


def signature(body: bytes, signature_key: str) -> str:
    """What `X-ANET-Signature` says of a body.

    The key is used as the text that it is, not as the bytes that its hexadecimal digits name.
    """
    digest = hmac.new(signature_key.encode(), body, hashlib.sha512).hexdigest()
    return f"{_ALGORITHM}{digest.upper()}"


def parse(headers: Mapping[str, str], body: bytes, signature_key: str | None) -> Notification:
    """Read a notification after checking its signature. Raises InvalidNotification."""
    given = headers.get(_HEADER, "")
    if signature_key is None:
        raise InvalidNotification("there is no signature key to check it with")
    expected = signature(body, signature_key)
    if not hmac.compare_digest(given.lower().encode(), expected.lower().encode()):
        raise InvalidNotification("the signature is missing or wrong")
    try:
        message = json.loads(body)
    except ValueError:
        raise InvalidNotification("the body is no JSON") from None
    return _notification(message)


def _notification(message: object) -> Notification:
    if not isinstance(message, dict):
        raise InvalidNotification("the body is no JSON object")
    identity, kind = message.get("notificationId"), message.get("eventType")
    if not _is_name(identity) or not _is_name(kind):
        raise InvalidNotification("notificationId and eventType are needed")
    payload = message.get("payload")
    about = payload if isinstance(payload, dict) else {}
    reference = about.get("id")
    named = about.get("entityName") == "transaction" and _is_name(reference)
    return Notification(id=identity, kind=kind, reference=reference if named else None)


def _is_name(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and 0 < len(value) <= _ID_LENGTH_MAX
