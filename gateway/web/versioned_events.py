"""Webhook bodies of the gateway's own format, in the version of the contract that is spoken there.

The body is stored once, in the newest version. What is sent is made of it by pure functions, so
every attempt has the same bytes; in the newest version they are the stored ones.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from gateway.domain import canonical_json
from gateway.domain.versions import FIRST_VERSION, UnknownVersion, Versions, back
from gateway.storage.deliveries import Delivery

__all__ = ["in_version", "versioned_body"]


def versioned_body(versions: Versions) -> Callable[[Delivery], bytes]:
    """Makes the body of a delivery whose event is still kept."""

    def body_of(delivery: Delivery) -> bytes:
        if delivery.body is None:
            raise AssertionError("deliveries without a body are not sent")
        return in_version(versions, delivery.body, delivery.api_version)

    return body_of


def in_version(versions: Versions, body: bytes, api_version: str | None) -> bytes:
    """The stored body of an event as the version has it; None stands for the first one."""
    try:
        changes = versions.changes_since(api_version or FIRST_VERSION)
    except UnknownVersion:  # a later gateway was here; ours knows nothing newer than the body
        return body
    return canonical_json.dumps(back(changes, json.loads(body))) if changes else body
