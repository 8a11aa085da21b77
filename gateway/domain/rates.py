"""How often something may happen, as people write it: `100/60`, a hundred times a minute."""

from __future__ import annotations

import re

__all__ = ["OFF", "rate_of"]

OFF = "off"

_RATE = re.compile(r"([1-9][0-9]{0,8})/([1-9][0-9]{0,4})", re.ASCII)


def rate_of(text: str) -> tuple[int, int] | None:
    """Times, and the seconds they are counted in; None for no limit.

    Raises ValueError for what is neither a rate nor `off`.
    """
    found = _RATE.fullmatch(text)
    if found is not None:
        return int(found[1]), int(found[2])
    if text != OFF:
        raise ValueError("is to be requests/seconds such as 100/60, or off")
    return None
