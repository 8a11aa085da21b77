"""Forms as PHP writes them become the objects that were meant, and bombs are refused."""

from __future__ import annotations

import time
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.errors import InvalidRequest
from gateway.web.razorpay.bodies import parse_form


def form(text: str, fields_max: int = 1_000) -> object:
    return parse_form(text.encode(), fields_max=fields_max)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("amount=100&currency=INR", {"amount": "100", "currency": "INR"}),
        ("notes[key]=v&notes[a%20b]=c+d", {"notes": {"key": "v", "a b": "c d"}}),
        ("notes%5Bkey%5D=%E2%82%B9", {"notes": {"key": "₹"}}),
        ("item[amount]=1&item[notes][x]=y", {"item": {"amount": "1", "notes": {"x": "y"}}}),
        (
            "line_items[0][name]=a&line_items[0][amount]=1&line_items[1][name]=b",
            {"line_items": [{"name": "a", "amount": "1"}, {"name": "b"}]},
        ),
        ("events[]=a&events[]=b", {"events": ["a", "b"]}),
        ("events[payment.paid]=1", {"events": {"payment.paid": "1"}}),
        ("notes[1]=x", {"notes": {"1": "x"}}),
        ("receipt=&a=b&", {"receipt": "", "a": "b"}),
    ],
)
def test_forms(text: str, meant: object) -> None:
    """Members, lists by number and lists by order."""
    assert meant == form(text)


@pytest.mark.parametrize(
    "text",
    [
        "a[[[[[[=1",
        "a]=1",
        "[a]=1",
        "=1",
        "a[b=1",
        "a[b]c=1",
        "a=1&a=2",
        "a=1&a[b]=2",
        "a[b]=1&a=2",
        "a[b]=1&a[b][c]=2",
        "a" + "[b]" * 16 + "=1",
        "a" + "[]" * 10_000 + "=1",
        "nothing",
        "a=1&&b=2",
        "a=%ff",
        "a=%00",
        "a=%ed%a0%80",
        "a%00=1",
    ],
)
def test_what_is_no_form(text: str) -> None:
    """Each is refused and says what is wrong."""
    with pytest.raises(InvalidRequest) as refusal:
        form(text)
    assert refusal.value.description


def test_a_form_has_so_many_fields_and_no_more() -> None:
    """The limit is counted before anything is taken apart."""
    fields = "&".join(f"a{number}=1" for number in range(10))

    assert 10 == len(form(fields, fields_max=10))  # type: ignore[arg-type]
    with pytest.raises(InvalidRequest, match="at most 9 fields"):
        form(fields, fields_max=9)


def test_bombs_are_quick_to_refuse() -> None:
    """A quarter of a megabyte of brackets takes no longer than reading it."""
    started = time.process_time()
    for bomb in ("a" + "[" * 250_000 + "=1", "a" + "[]" * 125_000 + "=1", "[" * 250_000):
        with pytest.raises(InvalidRequest):
            form(bomb)
    assert time.process_time() - started < 2


names = st.text(min_size=1, max_size=6).filter(lambda text: not set(text) & set("[]\0"))
leaves = st.text(max_size=6).filter(lambda text: "\0" not in text)
trees = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3)
        | st.dictionaries(
            names.filter(lambda name: not name.isdigit()), inner, min_size=1, max_size=3
        )
    ),
    max_leaves=8,
)


def _pairs(name: str, value: object) -> list[tuple[str, object]]:
    """What PHP's http_build_query makes of it."""
    if isinstance(value, dict):
        return [pair for key, item in value.items() for pair in _pairs(f"{name}[{key}]", item)]
    if isinstance(value, list):
        return [p for number, item in enumerate(value) for p in _pairs(f"{name}[{number}]", item)]
    return [(name, value)]


@given(st.dictionaries(names, trees, max_size=4))
def test_what_php_writes_is_read_back(meant: dict[str, object]) -> None:
    """Any nesting of objects, lists and texts survives the way through a form."""
    pairs = [pair for name, value in meant.items() for pair in _pairs(name, value)]

    assert meant == (form(urlencode(pairs)) if pairs else {})
