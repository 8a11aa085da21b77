"""A merchant's colour as the design system needs it: readable everywhere, by day and by night.

Contrast is that of WCAG 2.2: 4.5 for texts (1.4.3). A colour is moved towards black or white until
it has what its place asks for, and no further, so that it stays the merchant's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

__all__ = ["contrast", "palette"]

Colour = tuple[int, int, int]

_FORM = re.compile(r"#[0-9a-f]{6}", re.ASCII)
_WHITE: Colour = (255, 255, 255)
_BLACK: Colour = (0, 0, 0)
_NIGHT: Colour = (20, 25, 34)  # --surface of dark.css
_TEXT_CONTRAST = 4.5
_SHAPE_CONTRAST_DAY = 1.25  # a pale button still has an edge
_SHAPE_CONTRAST_NIGHT = 2.4
_STEPS = 20


@lru_cache(maxsize=1024)
def palette(colour: str) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """The custom properties for light and for dark pages of a colour such as `#1d4ed8`.

    Raises ValueError for anything else: it becomes part of a style sheet.
    """
    if _FORM.fullmatch(colour) is None:
        raise ValueError("a colour has the form #1d4ed8")
    brand = (int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16))
    return (
        _properties(brand, paper=_WHITE, away=_BLACK, shape=_SHAPE_CONTRAST_DAY, tint=0.92),
        _properties(brand, paper=_NIGHT, away=_WHITE, shape=_SHAPE_CONTRAST_NIGHT, tint=0.82),
    )


def contrast(one: Colour, other: Colour) -> float:
    """From 1 for the same colour to 21 for black on white."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _properties(
    brand: Colour, *, paper: Colour, away: Colour, shape: float, tint: float
) -> Mapping[str, str]:
    fill = _moved(brand, away, paper, shape)
    label = max(_WHITE, _BLACK, key=lambda each: contrast(each, fill))
    if contrast(_WHITE, fill) >= _TEXT_CONTRAST:
        label = _WHITE
    soft = _mixed(brand, paper, tint)
    return {
        "--brand": _text(fill),
        "--brand-hover": _text(_mixed(fill, _BLACK if label == _WHITE else _WHITE, 0.14)),
        "--on-brand": _text(label),
        "--brand-ink": _text(_moved(brand, away, soft, _TEXT_CONTRAST)),
        "--brand-tint": _text(soft),
    }


def _moved(colour: Colour, towards: Colour, against: Colour, ratio: float) -> Colour:
    """The colour, moved only as far as its contrast needs."""
    for step in range(_STEPS + 1):
        moved = _mixed(colour, towards, step / _STEPS)
        if contrast(moved, against) >= ratio:
            return moved
    return towards


def _mixed(one: Colour, other: Colour, share: float) -> Colour:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def _luminance(colour: Colour) -> float:
    """Relative luminance (WCAG 2.2, definitions)."""
    parts = (part / 255 for part in colour)
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _text(colour: Colour) -> str:
    return f"#{colour[0]:02x}{colour[1]:02x}{colour[2]:02x}"
