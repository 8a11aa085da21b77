"""Charts as shapes: what the templates draw as SVG and repeat as a table.

All shapes stand in a square that is stretched to the place there is; lines keep their width, and
labels are text beside it, so nothing is ever too small to read. Shapes and rows are many, so they
are put together here and not by the template's loops.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup, escape

__all__ = ["NOTHING", "SIZE", "Chart", "Frame", "Part", "bar_chart", "line_chart", "nice_ceiling"]

NOTHING: Final = "\N{EN DASH}"
"""Stands where there is no value."""
SIZE: Final = 10_000
"""Width and height of the square."""

_GAP: Final = 28  # per cent of a bar's place
_WIDEST: Final = 600
_LOWEST: Final = 20  # what is there is to be seen
_LABELS_MAX: Final = 7
_STEPS: Final = (12, 16, 20, 40, 60, 80, 100)  # a quarter of each is whole
_LINES: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One series: its name, the number of its colour, and a value for each bar."""

    name: str
    tone: str
    values: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A line across, and what it stands for."""

    y: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """What to draw. `rows` are the bars as rows of a table: the label, then each column.

    `axis` are the labels under it, about evenly spread. `paths` are the bars of one tone each,
    `lines` the points of lines, `dots` points without neighbours.
    """

    id: str
    title: str
    description: str
    columns: Sequence[str]
    rows: Markup
    bars: int
    ticks: Sequence[Tick]
    axis: Sequence[str]
    legend: Sequence[tuple[str, str]]
    paths: Sequence[tuple[str, str]] = ()
    lines: Sequence[str] = ()
    dots: Sequence[tuple[int, int]] = ()
    is_empty: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What a chart is about, whatever its shapes: texts, and how its values are written."""

    id: str
    title: str
    description: str
    labels: Sequence[str]
    write: Callable[[int], str]
    write_short: Callable[[int], str]


def bar_chart(frame: Frame, parts: Sequence[Part]) -> Chart:
    """Bars of parts that stand on each other."""
    totals = [sum(values) for values in zip(*(part.values for part in parts), strict=True)]
    ceiling = nice_ceiling(max(totals, default=0))
    several = len(parts) > 1
    columns = [*(part.values for part in parts if several), totals]
    is_empty = not any(totals)
    return Chart(
        id=frame.id,
        title=frame.title,
        description=frame.description,
        columns=[*(part.name for part in parts if several), "Total" if several else frame.title],
        rows=Markup() if is_empty else _rows(frame, columns),
        bars=len(totals),
        ticks=_ticks(ceiling, frame.write_short),
        axis=_axis(frame.labels),
        legend=[(part.name, part.tone) for part in parts] if several else [],
        paths=_paths(parts, len(totals), ceiling),
        is_empty=is_empty,
    )


def line_chart(frame: Frame, values: Sequence[int | None], ceiling: int) -> Chart:
    """One line, interrupted where there is no value."""
    count = max(1, len(values))
    points = [
        None if value is None else ((2 * number + 1) * SIZE // (2 * count), _height(value, ceiling))
        for number, value in enumerate(values)
    ]
    pieces = _pieces(points)
    return Chart(
        id=frame.id,
        title=frame.title,
        description=frame.description,
        columns=[frame.title],
        rows=_rows(frame, [values]) if pieces else Markup(),
        bars=len(values),
        ticks=_ticks(ceiling, frame.write_short),
        axis=_axis(frame.labels),
        legend=[],
        lines=[" ".join(f"{x},{y}" for x, y in piece) for piece in pieces if len(piece) > 1],
        dots=[piece[0] for piece in pieces if len(piece) == 1],
        is_empty=not pieces,
    )


def _rows(frame: Frame, columns: Sequence[Sequence[int | None]]) -> Markup:
    """A row of a table for each bar."""
    written = [
        [NOTHING if value is None else frame.write(value) for value in column] for column in columns
    ]
    rows = zip(frame.labels, *written, strict=True)
    # Escaped once for all: that takes as long as for a single cell.
    text = str(escape("\n".join("\t".join(row) for row in rows)))
    cells = (row.replace("\t", "</th><td class='amount'>", 1) for row in text.split("\n"))
    joined = "</td></tr><tr><th scope='row'>".join(cells)
    inner = joined.replace("\t", "</td><td class='amount'>")
    return Markup(f"<tr><th scope='row'>{inner}</td></tr>")  # noqa: S704 - escaped above


def nice_ceiling(most: int) -> int:
    """A round number that is not below, a quarter of which is round too."""
    if most <= 2 * _LINES:
        return _LINES if most <= _LINES else 2 * _LINES
    power = 1
    while _STEPS[-1] * power < most:
        power *= 10
    return next(step * power for step in _STEPS if step * power >= most)


def _ticks(ceiling: int, write: Callable[[int], str]) -> Sequence[Tick]:
    """Lines a quarter apart, the highest first."""
    values = [ceiling * number // _LINES for number in range(_LINES, -1, -1)]
    return [Tick(y=_height(value, ceiling), text=write(value)) for value in values]


def _axis(labels: Sequence[str]) -> Sequence[str]:
    """A few of the labels, the first and the last among them."""
    if len(labels) <= _LABELS_MAX:
        return labels
    last = len(labels) - 1
    return [labels[round(number * last / (_LABELS_MAX - 1))] for number in range(_LABELS_MAX)]


def _paths(parts: Sequence[Part], count: int, ceiling: int) -> Sequence[tuple[str, str]]:
    place = SIZE // max(1, count)
    width = min(place * (100 - _GAP) // 100, _WIDEST)
    margin = (place - width) // 2
    below = [0] * count
    found: list[tuple[str, str]] = []
    for part in parts:
        bars: list[str] = []
        for number, value in enumerate(part.values):
            if value > 0:
                bottom = _height(below[number], ceiling)
                below[number] += value
                top = min(_height(below[number], ceiling), bottom - _LOWEST)
                x = number * SIZE // count + margin
                bars.append(f"M{x} {top}h{width}v{bottom - top}h-{width}z")
        found.append((part.tone, "".join(bars)))
    return found


def _height(value: int, ceiling: int) -> int:
    """Where the value stands, counted from the top."""
    return SIZE - value * SIZE // ceiling


def _pieces(
    points: Sequence[tuple[int, int] | None],
) -> Sequence[Sequence[tuple[int, int]]]:
    pieces: list[list[tuple[int, int]]] = []
    before = False
    for point in points:
        if point is not None:
            if not before:
                pieces.append([])
            pieces[-1].append(point)
        before = point is not None
    return pieces
