"""What a check has found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Finding", "Report"]


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem keeps a gateway from starting or from keeping its promises."""

    kind: Literal["ok", "warning", "problem"]
    text: str


@dataclass(frozen=True, slots=True)
class Report:
    """The text, and whether no problem was found."""

    text: str
    is_good: bool
