"""What a merchant may enter as the address of a webhook."""

from __future__ import annotations

import re
import socket
from typing import Literal

from yarl import URL

from gateway.security.addresses import OutboundGuard

__all__ = ["validate_webhook_url"]

_NOT_IN_URLS = re.compile(r"[\x00-\x20\x7f-\xa0\\\u2028\u2029]")
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NAME_CHARACTERS_MAX = 253
# The last label of a name that some resolver reads as a number: URL Standard, "ends in a number".
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_PORT = re.compile(r":([0-9]*)$")
_INTERNAL_NAMES = re.compile(r"(.*\.)?(localhost|local|internal|localdomain|home\.arpa)")


def validate_webhook_url(
    url: str,
    guard: OutboundGuard,
    mode: Literal["test", "live"],
    *,
    characters_max: int = 2048,
) -> str:
    """The URL to store, without the space around it.

    Raises ValueError with a reason for the merchant. This is a courtesy: what counts is the guard
    at connect time, because a name may lead elsewhere tomorrow.
    """
    text = url.strip(" \t\r\n")
    if not text or len(text) > characters_max:
        raise ValueError(f"Webhook URL must have between 1 and {characters_max} characters")
    if _NOT_IN_URLS.search(text):
        raise ValueError("Webhook URL must not contain spaces, control characters or backslashes")
    parsed = _parsed(text)
    _check_form(text, parsed, mode)
    _check_host(parsed.raw_host or "", guard)
    return text


def _parsed(text: str) -> URL:
    """By the parser that the client uses, so that both see the same host."""
    try:
        return URL(text)
    except ValueError:  # UnicodeError of a name that has no ASCII form included
        raise ValueError("Webhook URL is not a valid URL") from None


def _check_form(text: str, parsed: URL, mode: Literal["test", "live"]) -> None:
    allowed = ("https",) if mode == "live" else ("https", "http")
    authority = re.split(r"[/?#]", text.partition("://")[2], maxsplit=1)[0]
    if parsed.scheme not in allowed or "://" not in text:
        raise ValueError(f"Webhook URL must begin with {' or '.join(f'{s}://' for s in allowed)}")
    if "@" in authority:
        raise ValueError("Webhook URL must not contain a user name or password")
    if "#" in text:
        raise ValueError("Webhook URL must not contain a fragment")
    if not parsed.raw_host or (authority.startswith("[") and ":" not in parsed.raw_host):
        raise ValueError("Webhook URL must name a host")
    _check_port(authority)


def _check_port(authority: str) -> None:
    after_host = authority.rpartition("]")[2]
    if ":" not in after_host:
        return
    port = _PORT.search(after_host)
    if port is None or not port[1].isascii() or not 1 <= int(port[1] or 0) <= 65535:
        raise ValueError("Webhook URL must have a port between 1 and 65535")


def _check_host(host: str, guard: OutboundGuard) -> None:
    name = host.lower().removesuffix(".")
    address = _as_address(name)
    if address is not None:
        reason = guard.refuses(address)
        if reason is not None:
            raise ValueError(f"Webhook URL must not point to {reason}")
        return
    labels = name.split(".")
    if len(name) > _NAME_CHARACTERS_MAX or not all(map(_LABEL.fullmatch, labels)):
        raise ValueError("Webhook URL does not have a valid host name")
    if _NUMBER.fullmatch(labels[-1]):
        raise ValueError("Webhook URL does not have a valid host name")
    if _INTERNAL_NAMES.fullmatch(name) and not guard.allows_internal_names:
        raise ValueError("Webhook URL must not point to an internal name")


def _as_address(name: str) -> str | None:
    """The address a host means literally, in any notation a resolver takes: 127.1, 0x7f000001."""
    if ":" in name:
        return name
    try:
        return socket.inet_ntoa(socket.inet_aton(name))
    except (OSError, UnicodeError):
        return None
