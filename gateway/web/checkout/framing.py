"""Which pages may show the checkout in a frame, and hear from it what became of the payment."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["frame_ancestors", "parent_origin"]

_ORIGIN = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?)(?::[0-9]{1,5})?",
    re.ASCII,
)
_LOOPBACK = ("localhost", "127.0.0.1")
# Our own pages frame each other: the bank's challenge comes back to the checkout inside a frame.
_SELF = "'self'"


def frame_ancestors(allowed_origins: Sequence[str], mode: str) -> tuple[str, ...]:
    """The sources of `frame-ancestors`: the merchant's origins, and in test mode any loopback."""
    origins = [origin for origin in allowed_origins if _ORIGIN.fullmatch(origin)]
    if mode == "test":
        origins += [f"{scheme}://{host}:*" for host in _LOOPBACK for scheme in ("http", "https")]
    return (_SELF, *origins)


def parent_origin(origin: str, allowed_origins: Sequence[str], mode: str) -> str | None:
    """The origin, if the embedding page may be told anything: the same rule, for messages."""
    parts = _ORIGIN.fullmatch(origin)
    if parts is None:
        return None
    is_loopback = mode == "test" and parts["host"] in _LOOPBACK
    return origin if is_loopback or origin in allowed_origins else None
