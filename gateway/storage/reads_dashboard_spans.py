"""How bars of any length are put together from the spans that sums are stored for."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from gateway.storage.spans import SPANS_MINUTES

__all__ = ["Anew", "Cut", "Stored", "cut_bars"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE = timedelta(minutes=1)
_QUARTER = SPANS_MINUTES[0]


class Stored(NamedTuple):
    """The spans of `minutes` that begin from `since` on and before `until` belong to a bar."""

    minutes: int
    since: datetime
    until: datetime
    bar: int


class Anew(NamedTuple):
    """A quarter of an hour that belongs to a bar and has changed since it was summed up."""

    since: datetime
    bar: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """All pieces of all bars."""

    stored: Sequence[Stored]
    anew: Sequence[Anew]


def cut_bars(edges: Sequence[datetime], changed: Collection[datetime]) -> Cut:
    """The fewest stored spans for the bars between `edges`, without the `changed` quarters.

    Edges and changed quarters begin quarters of an hour.
    """
    holes = sorted(map(_minutes, changed))
    stored: list[Stored] = []
    anew: list[Anew] = []
    for bar, (first, last) in enumerate(pairwise(map(_minutes, edges))):
        begin = first
        for hole in (each for each in holes if first <= each < last):
            stored += _pieces(begin, hole, bar)
            anew.append(Anew(_moment(hole), bar))
            begin = hole + _QUARTER
        stored += _pieces(begin, last, bar)
    return Cut(stored=stored, anew=anew)


def _pieces(since: int, until: int, bar: int) -> Iterator[Stored]:
    for minutes, begin, end in _spans(since, until, len(SPANS_MINUTES) - 1):
        yield Stored(minutes, _moment(begin), _moment(end), bar)


def _spans(since: int, until: int, level: int) -> Iterator[tuple[int, int, int]]:
    """The time in spans of this level where they fit, before and after them in shorter ones."""
    minutes = SPANS_MINUTES[level]
    begin, end = -(-since // minutes) * minutes, until // minutes * minutes
    if begin >= end:
        if level and since < until:
            yield from _spans(since, until, level - 1)
        return
    if since < begin:
        yield from _spans(since, begin, level - 1)
    yield minutes, begin, end
    if end < until:
        yield from _spans(end, until, level - 1)


def _minutes(moment: datetime) -> int:
    return (moment - _EPOCH) // _MINUTE


def _moment(minutes: int) -> datetime:
    return _EPOCH + minutes * _MINUTE
