"""Draws and delays of the simulated bank."""

from __future__ import annotations

import pytest

from gateway.processors._chance import draw, fixed, parse, uniform

REFERENCES = [f"att_{number}" for number in range(10_000)]


def test_draws_repeat_themselves() -> None:
    """The same reference and purpose draw the same number, another purpose another one."""

    assert draw("att_1", "verdict") == draw("att_1", "verdict")
    assert draw("att_1", "verdict") != draw("att_1", "delay")
    assert draw("att_1", "verdict") != draw("att_2", "verdict")


def test_draws_are_spread_evenly() -> None:
    """A tenth of the references falls into each tenth."""
    tenths = [0] * 10
    for reference in REFERENCES:
        tenths[int(draw(reference, "delay") * 10)] += 1

    assert all(850 <= count <= 1150 for count in tenths)


def test_lognormal_has_the_named_percentiles() -> None:
    """Half of the delays are below the first number, 99 % below the second, in milliseconds."""
    delay = parse("lognormal:120:380")
    drawn = sorted(delay(reference) for reference in REFERENCES)

    assert drawn[5000] == pytest.approx(0.120, rel=0.03)
    assert drawn[9900] == pytest.approx(0.380, rel=0.06)
    assert drawn[0] > 0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "normal:1:2",
        "lognormal",
        "lognormal:1",
        "lognormal:1:2:3",
        "lognormal:a:b",
        "lognormal:0:5",
        "lognormal:5:4",
        "lognormal:1:inf",
        "lognormal:nan:nan",
        "lognormal:-1:1",
    ],
)
def test_a_wrong_distribution_is_refused(text: str) -> None:
    """The message says what the setting wants."""

    with pytest.raises(ValueError, match="lognormal:P50:P99"):
        parse(text)


def test_a_range_keeps_its_limits() -> None:
    """Even delays lie between both ends; a range the wrong way round is refused."""
    drawn = [uniform(3, 5)(reference) for reference in REFERENCES]

    assert 3 <= min(drawn) < 3.01
    assert 4.99 < max(drawn) <= 5
    assert 2.0 == fixed(2.0)("att_1")
    with pytest.raises(ValueError, match="range"):
        uniform(5, 3)
