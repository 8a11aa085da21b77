"""What an e-mail address looks like. Whether mail arrives there nobody can know."""

from __future__ import annotations

import re

__all__ = ["is_email"]

# RFC 5321, 4.5.3.1: at most 64 octets before the at sign and 254 in all.
_EMAIL = re.compile(r"[^@\s<>\"(),:;\\]{1,64}@[^@\s<>\"(),:;\\]{1,189}")


def is_email(text: str) -> bool:
    """Something at something, without what would end an address in a mail's header."""
    return text.isprintable() and _EMAIL.fullmatch(text) is not None
