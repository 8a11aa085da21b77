"""How figures are written and drawn: amounts, times, ranges, charts, zones."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from aiohttp.test_utils import make_mocked_request
from babel import Locale
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.errors import InvalidRequest
from gateway.domain.money import AMOUNT_MAX
from gateway.web.dashboard.charts import SIZE, Frame, Part, bar_chart, line_chart, nice_ceiling
from gateway.web.dashboard.overview import rate
from gateway.web.dashboard.ranges import range_of
from gateway.web.dashboard.writing import Writer
from gateway.web.dashboard.zones import zone_of
from gateway.web.pages.formats import format_amount
from gateway.web.pages.viewers import LOCALES

KOLKATA = ZoneInfo("Asia/Kolkata")
NOW = datetime(2026, 11, 25, 10, 20, tzinfo=UTC)
FRAME = Frame(
    id="c", title="T", description="D", labels=["a", "b", "c"], write=str, write_short=str
)


@given(
    st.integers(min_value=0, max_value=AMOUNT_MAX),
    st.sampled_from(["INR", "USD", "EUR", "JPY", "KWD", "CLF", "CHF"]),
    st.sampled_from(sorted(LOCALES)),
)
def test_amounts_are_written_as_everywhere(amount: int, currency: str, locale: str) -> None:
    """The quick way gives the same text as the one of all other pages."""
    parsed = Locale.parse(locale)

    assert format_amount(amount, currency, parsed) == Writer(parsed, KOLKATA).amount(
        amount, currency
    )


def test_times_are_the_viewers_and_exact_in_utc() -> None:
    """In words in the zone, in the attributes in UTC."""
    written = Writer(Locale.parse("en_IN"), KOLKATA).moment(
        datetime(2026, 11, 24, 19, 5, tzinfo=UTC)
    )

    assert 'datetime="2026-11-24T19:05:00Z" title="2026-11-24T19:05:00Z"' in written
    assert "25 Nov 2026, 12:35" in written


@pytest.mark.parametrize(
    ("cookie", "zone"),
    [
        ("Asia/Kolkata", "Asia/Kolkata"),
        ("America/Argentina/Buenos_Aires", "America/Argentina/Buenos_Aires"),
        ("Asia%2FKolkata", "Asia/Kolkata"),
        ("Etc/GMT+5", "Etc/GMT+5"),
        ("", "UTC"),
        ("Asia/Nowhere", "UTC"),
        ("../../../etc/passwd", "UTC"),
        ("/etc/localtime", "UTC"),
        ("posixrules/../..", "UTC"),
        ("x" * 5000, "UTC"),
        ("Asia\\Kolkata", "UTC"),
    ],
)
def test_a_zone_is_one_there_is(cookie: str, zone: str) -> None:
    """Anything else is UTC, and no path into the file system."""
    request = make_mocked_request("GET", "/dashboard", headers={"Cookie": f'zone="{cookie}"'})

    assert zone == zone_of(request).key


def asked(query: str, zone: ZoneInfo = KOLKATA, now: datetime = NOW, days_max: int = 366):
    return range_of(make_mocked_request("GET", f"/dashboard?{query}"), now, zone, days_max=days_max)


def test_days_are_cut_at_the_viewers_midnight() -> None:
    """In India half an hour past the hour of UTC; today is part of the range."""
    found = asked("range=7d")

    assert 8 == len(found.edges)
    assert datetime(2026, 11, 18, 18, 30, tzinfo=UTC) == found.edges[0]
    assert datetime(2026, 11, 25, 18, 30, tzinfo=UTC) == found.edges[-1]
    assert (date(2026, 11, 19), date(2026, 11, 25)) == (found.first, found.last)


def test_days_may_be_longer_or_shorter() -> None:
    """Where the clocks are changed; hours stay hours."""
    berlin = ZoneInfo("Europe/Berlin")
    spring = asked("range=custom&from=2026-03-28&to=2026-03-30", berlin)
    autumn = asked("range=custom&from=2026-10-25&to=2026-10-25&unit=hour", berlin)

    lengths = [
        (later - edge) / timedelta(hours=1)
        for edge, later in zip(spring.edges, spring.edges[1:], strict=False)
    ]
    assert [24, 23, 24] == lengths
    assert 26 == len(autumn.edges)


def test_hours_are_whole_on_the_viewers_wall() -> None:
    """The last one is the hour that is."""
    found = asked("range=24h", ZoneInfo("Asia/Kathmandu"))

    assert 25 == len(found.edges)
    assert {15} == {edge.minute for edge in found.edges}
    assert found.edges[-2] <= NOW < found.edges[-1]


@pytest.mark.parametrize("zone", ["Asia/Kathmandu", "Australia/Lord_Howe", "Africa/Cairo", "UTC"])
def test_edges_begin_a_quarter_of_an_hour(zone: str) -> None:
    """The stored sums are of quarters, so no bar may begin within one."""
    found = asked("range=90d", ZoneInfo(zone))

    assert all(edge.minute % 15 == edge.second == edge.microsecond == 0 for edge in found.edges)
    assert list(found.edges) == sorted(set(found.edges))


def test_long_ranges_are_not_cut_into_hours() -> None:
    """Seven days are, eight are not; and there is a longest one."""
    assert "hour" == asked("range=custom&from=2026-01-01&to=2026-01-07&unit=hour").unit
    assert "day" == asked("range=custom&from=2026-01-01&to=2026-01-08&unit=hour").unit
    with pytest.raises(InvalidRequest, match="At most 30 days"):
        asked("range=90d", days_max=30)


@given(st.integers(min_value=0, max_value=AMOUNT_MAX * 1_000_000))
def test_a_ceiling_is_round_and_not_far(most: int) -> None:
    """Not below, divisible by four, and never so high that the bars are flat."""
    ceiling = nice_ceiling(most)

    assert most <= ceiling
    assert 0 == ceiling % 4
    assert ceiling <= max(8, 2 * most)


def test_bars_stand_on_each_other() -> None:
    """Each part begins where the one below ends; a bar is as high as its value."""
    chart = bar_chart(
        FRAME,
        [
            Part(name="Low", tone="a", values=[10, 0, 40]),
            Part(name="High", tone="b", values=[30, 0, 0]),
        ],
    )
    low, high = dict(chart.paths)["a"], dict(chart.paths)["b"]

    assert ["a", "10", "30", "40", "b", "0", "0", "0", "c", "40", "0", "40"] == re.findall(
        r">([^<>]+)<", chart.rows
    )
    assert 2 == low.count("M")
    assert f" {SIZE * 3 // 4}h" in low
    assert " 0h" in high
    assert ["40", "30", "20", "10", "0"] == [tick.text for tick in chart.ticks]
    assert not chart.is_empty


def test_names_in_a_chart_are_text() -> None:
    """Whatever writes a value or a label, the rows of the table are escaped."""
    frame = Frame(
        id="c",
        title="T",
        description="D",
        labels=["<b>"],
        write=lambda _value: "<i>",
        write_short=str,
    )
    chart = bar_chart(frame, [Part(name="P", tone="a", values=[1])])

    assert "&lt;b&gt;" in chart.rows
    assert "&lt;i&gt;" in chart.rows
    assert "<b>" not in chart.rows


def test_a_line_is_interrupted_where_nothing_is() -> None:
    """A gap is no zero; a value by itself is a dot."""
    chart = line_chart(
        Frame(id="c", title="T", description="D", labels=list("abcde"), write=str, write_short=str),
        [500, 1000, None, 0, None],
        1000,
    )

    assert ["1000,5000 3000,0"] == list(chart.lines)
    assert [(7000, 10000)] == list(chart.dots)
    assert "<th scope='row'>c</th><td class='amount'>\N{EN DASH}</td>" in chart.rows
    assert line_chart(FRAME, [None] * 3, 1000).is_empty


def test_a_rate_is_not_rounded_up() -> None:
    """99.99 % are not all of them, and of nothing there is no share."""
    assert ("99.9%", "100.0%", "0.0%", "\N{EN DASH}") == (
        rate(99_999, 100_000),
        rate(3, 3),
        rate(0, 3),
        rate(0, 0),
    )
