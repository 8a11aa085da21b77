"""Identifiers: a prefix that names the kind, then sixteen letters and digits."""

from __future__ import annotations

import re
import secrets
import string

__all__ = ["is_id", "new_id"]

_ALPHABET = string.ascii_letters + string.digits
_LENGTH = 16
# 62 * 4 = 248: bytes from there on are thrown away, so that each character is equally likely.
_UNBIASED_BELOW = len(_ALPHABET) * (256 // len(_ALPHABET))
_TABLE = bytes(ord(_ALPHABET[byte % len(_ALPHABET)]) for byte in range(256))
_BIASED = bytes(range(_UNBIASED_BELOW, 256))
_PATTERN = re.compile(r"[a-z]{2,6}_[A-Za-z0-9]{16}")


def new_id(prefix: str) -> str:
    """A new identifier such as `pay_4fGh…`: 95 bits from the system's cryptographic source."""
    characters = b""
    while len(characters) < _LENGTH:
        characters += secrets.token_bytes(_LENGTH + 8).translate(_TABLE, _BIASED)
    return f"{prefix}_{characters[:_LENGTH].decode('ascii')}"


def is_id(value: str, prefix: str) -> bool:
    """Whether `value` has the form of an identifier with this prefix."""
    return value.startswith(f"{prefix}_") and _PATTERN.fullmatch(value) is not None
