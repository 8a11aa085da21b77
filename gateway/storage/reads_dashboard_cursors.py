"""Where a page of a list begins: after a row, towards older or newer ones.

A row's place is its time of creation and its id, which never change, so pages stay where they are
while rows arrive.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

__all__ = ["Cursor"]

_TEXT = re.compile(r"(?P<direction>[on])(?P<micros>[0-9]{1,17})-(?P<id>[a-z]{2,6}_[A-Za-z0-9]{16})")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECONDS_MAX = 253_402_300_799_000_000  # the year 9999, where Python's times end


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """The rows older than this place, or the newer ones; the row itself is in neither."""

    created_at: datetime
    id: str
    newer: bool = False

    def __str__(self) -> str:
        """For an address; `parse` reads it."""
        micros = (self.created_at - _EPOCH) // timedelta(microseconds=1)
        return f"{'n' if self.newer else 'o'}{micros}-{self.id}"

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """Raises ValueError for anything but what `str` writes."""
        match = _TEXT.fullmatch(text)
        if match is None or int(match["micros"]) > _MICROSECONDS_MAX:
            raise ValueError("this is no place in the list")
        moment = _EPOCH + timedelta(microseconds=int(match["micros"]))
        return cls(created_at=moment, id=match["id"], newer=match["direction"] == "n")
