"""Chance that repeats itself: drawn from the reference, so that a repeat gets the same answer."""

from __future__ import annotations

import math
from collections.abc import Callable
from hashlib import blake2b
from statistics import NormalDist
from typing import TypeAlias

Delay: TypeAlias = Callable[[str], float]  # the reference → seconds

_NORMAL = NormalDist()
_Z99 = _NORMAL.inv_cdf(0.99)
_BYTES = 6  # 48 bits: a double holds them and the half exactly


def draw(reference: str, purpose: str) -> float:
    """A number between 0 and 1, both excluded, uniform over references; one for each purpose."""
    digest = blake2b(reference.encode(), digest_size=_BYTES, person=purpose.encode()).digest()
    return (int.from_bytes(digest) + 0.5) / (1 << 8 * _BYTES)


def fixed(seconds: float) -> Delay:
    """Always the same."""
    return lambda _reference: seconds


def uniform(shortest_seconds: float, longest_seconds: float) -> Delay:
    """Evenly spread. Raises ValueError unless 0 ≤ shortest ≤ longest."""
    if not 0 <= shortest_seconds <= longest_seconds:
        raise ValueError(f"not a range of seconds: {shortest_seconds}, {longest_seconds}")
    width = longest_seconds - shortest_seconds
    return lambda reference: shortest_seconds + width * draw(reference, "delay")


def parse(text: str) -> Delay:
    """`lognormal:120:380`: log-normal, half of them below 120 ms and 99 % below 380 ms.

    Raises ValueError for another form, and unless 0 < half ≤ 99 %.
    """
    kind, _, numbers = text.partition(":")
    try:
        median, p99 = (float(number) for number in numbers.split(":"))
    except ValueError:
        median = p99 = 0.0
    if kind != "lognormal" or not 0 < median <= p99 < math.inf:
        raise ValueError(f"simulator_delay is lognormal:P50:P99 in milliseconds, not {text!r}")
    scale = math.log(p99 / median) / _Z99
    return lambda reference: _lognormal(draw(reference, "delay"), median / 1000, scale)


def _lognormal(drawn: float, median_seconds: float, scale: float) -> float:
    return median_seconds * math.exp(scale * _NORMAL.inv_cdf(drawn))
