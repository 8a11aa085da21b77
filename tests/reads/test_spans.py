"""How bars are put together from stored spans."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from gateway.storage.reads_dashboard_spans import Anew, Stored, cut_bars

MIDNIGHT = datetime(2026, 11, 1, tzinfo=UTC)


def at(hours: float) -> datetime:
    return MIDNIGHT + timedelta(hours=hours)


def test_takes_the_longest_spans_there_are() -> None:
    """A day that begins half past six in the evening is four pieces of three lengths."""
    cut = cut_bars([at(18.5), at(42.5)], [])

    assert [
        Stored(15, at(18.5), at(19), 0),
        Stored(60, at(19), at(24), 0),
        Stored(360, at(24), at(42), 0),
        Stored(15, at(42), at(42.5), 0),
    ] == cut.stored


def test_leaves_changed_quarters_out() -> None:
    """What has changed is added up anew, and the spans around it are shorter."""
    cut = cut_bars([at(0), at(6), at(12)], [at(7), at(30)])

    assert [Anew(at(7), 1)] == cut.anew
    assert [
        Stored(360, at(0), at(6), 0),
        Stored(60, at(6), at(7), 1),
        Stored(15, at(7.25), at(8), 1),
        Stored(60, at(8), at(12), 1),
    ] == cut.stored


@given(
    lengths=st.lists(st.integers(1, 120), min_size=1, max_size=6),
    start=st.integers(0, 200),
    changed=st.sets(st.integers(0, 400), max_size=8),
)
def test_has_every_quarter_once(lengths: list[int], start: int, changed: set[int]) -> None:
    """Each quarter of each bar is in one stored span of its own bar, or is added up anew."""
    numbers = [start + sum(lengths[:count]) for count in range(len(lengths) + 1)]
    cut = cut_bars([at(number / 4) for number in numbers], [at(number / 4) for number in changed])

    covered = [(piece.since, piece.bar) for piece in cut.anew]
    for piece in cut.stored:
        width = timedelta(minutes=piece.minutes)
        assert piece.since < piece.until
        assert [timedelta(0)] * 2 == [(end - MIDNIGHT) % width for end in piece[1:3]]
        quarters = (piece.until - piece.since) // timedelta(minutes=15)
        covered += [
            (piece.since + number * timedelta(minutes=15), piece.bar) for number in range(quarters)
        ]
    expected = [
        (at(number / 4), bar)
        for bar, (first, last) in enumerate(pairwise(numbers))
        for number in range(first, last)
    ]
    assert expected == sorted(covered)
    assert {at(each / 4) for each in changed if numbers[0] <= each < numbers[-1]} == {
        piece.since for piece in cut.anew
    }
