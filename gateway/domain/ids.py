"""Identifiers: a prefix that names the kind, then sixteen letters and digits."""

from __future__ import annotations

import re
import secrets
import string
from collections.abc import Callable

__all__ = ["is_id", "new_id"]

_ALPHABET = string.ascii_letters + string.digits
_LENGTH = 16
# 62 * 4 = 248: bytes from there on are thrown away, so that each character is equally likely.
_UNBIASED_BELOW = len(_ALPHABET) * (256 // len(_ALPHABET))
_TABLE = bytes(ord(_ALPHABET[byte % len(_ALPHABET)]) for byte in range(256))
_BIASED = bytes(range(_UNBIASED_BELOW, 256))
_BUFFERED = 4096  # bytes
_PATTERN = re.compile(r"[a-z]{2,6}_[A-Za-z0-9]{16}")


def _character_source() -> Callable[[], bytes]:
    """Takes what ids are made of from the system in larger pieces, and hands each out once.

    A payment needs a dozen ids, and a call of the system for each takes longer than the rest.
    """
    characters = b""
    used = 0

    def take() -> bytes:
        nonlocal characters, used
        while used + _LENGTH > len(characters):
            drawn = secrets.token_bytes(_BUFFERED).translate(_TABLE, _BIASED)
            characters, used = characters[used:] + drawn, 0
        used += _LENGTH
        return characters[used - _LENGTH : used]

    return take


_take = _character_source()


def new_id(prefix: str) -> str:
    """A new identifier such as `pay_4fGh…`: 95 bits from the system's cryptographic source."""
    return f"{prefix}_{_take().decode('ascii')}"


def is_id(value: str, prefix: str) -> bool:
    """Whether `value` has the form of an identifier with this prefix."""
    return value.startswith(f"{prefix}_") and _PATTERN.fullmatch(value) is not None
