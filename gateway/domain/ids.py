"""Identifiers: a prefix that names the kind, then sixteen letters and digits.

Units of work, which nobody is shown, have 32 hexadecimal digits instead.
"""

from __future__ import annotations

import re
import secrets
import string
from collections.abc import Callable

__all__ = ["is_id", "new_id", "new_unit_id"]

_ALPHABET = string.ascii_letters + string.digits
_LENGTH = 16
# 62 * 4 = 248: bytes from there on are thrown away, so that each character is equally likely.
_UNBIASED_BELOW = len(_ALPHABET) * (256 // len(_ALPHABET))
_TABLE = bytes(ord(_ALPHABET[byte % len(_ALPHABET)]) for byte in range(256))
_BIASED = bytes(range(_UNBIASED_BELOW, 256))
_UNIT_BYTES = 16
_BUFFERED = 4096  # bytes
_PATTERN = re.compile(r"[a-z]{2,6}_[A-Za-z0-9]{16}")


def _source(draw: Callable[[], bytes], length: int) -> Callable[[], bytes]:
    """Takes what ids are made of from the system in larger pieces, and hands each out once.

    A payment needs a dozen ids, and a call of the system for each takes longer than the rest.
    """
    drawn = b""
    used = 0

    def take() -> bytes:
        nonlocal drawn, used
        while used + length > len(drawn):
            drawn, used = drawn[used:] + draw(), 0
        used += length
        return drawn[used - length : used]

    return take


def _characters() -> bytes:
    return secrets.token_bytes(_BUFFERED).translate(_TABLE, _BIASED)


def _bytes() -> bytes:
    return secrets.token_bytes(_BUFFERED)


_take_characters = _source(_characters, _LENGTH)
_take_bytes = _source(_bytes, _UNIT_BYTES)


def new_id(prefix: str) -> str:
    """A new identifier such as `pay_4fGh…`: 95 bits from the system's cryptographic source."""
    return f"{prefix}_{_take_characters().decode('ascii')}"


def new_unit_id() -> str:
    """A new identifier of a unit of work: 128 bits, as a `uuid` column reads them."""
    return _take_bytes().hex()


def is_id(value: str, prefix: str) -> bool:
    """Whether `value` has the form of an identifier with this prefix."""
    return value.startswith(f"{prefix}_") and _PATTERN.fullmatch(value) is not None
