"""How much is measured."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Options"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """`quick` takes fewer and shorter rounds; `orders` pass through in the memory benchmark."""

    quick: bool = False
    orders: int = 200_000
    rate: int = 400
