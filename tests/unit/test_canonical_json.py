"""Canonical JSON: the exact bytes, what is refused, and that nothing gets lost."""

from __future__ import annotations

import enum
import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.canonical_json import dumps

INTEGER_MAX = 2**53

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-INTEGER_MAX, INTEGER_MAX)
    | st.text(st.characters(exclude_categories=["Cs"]))
)
names = st.text(st.characters(exclude_categories=["Cs"])) | st.integers(0, 2**33).map(str)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner) | st.dictionaries(names, inner),
    max_leaves=20,
)


class Kind(enum.StrEnum):
    UPI = "upi"


class Level(enum.IntEnum):
    HIGH = 3


class Shouting(str):
    __slots__ = ()

    def __str__(self) -> str:
        return self.upper()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"b": 1, "a": [True, False, None]}, b'{"b":1,"a":[true,false,null]}'),
        ({"note": "₹500 — ठीक 😀"}, '{"note":"₹500 — ठीक 😀"}'.encode()),
        ({"10": 1, "b": 2, "9": 3, "a": 4, "0": 5}, b'{"0":5,"9":3,"10":1,"b":2,"a":4}'),
        ({"01": 1, "-1": 2, "1.0": 3, "": 4}, b'{"01":1,"-1":2,"1.0":3,"":4}'),
        ({"x": 1, "4294967295": 2, "4294967294": 3}, b'{"4294967294":3,"x":1,"4294967295":2}'),
        ({"x": 1, "٣": 2}, '{"x":1,"٣":2}'.encode()),
        ('\b\t\n\f\r"\\/', b'"\\b\\t\\n\\f\\r\\"\\\\/"'),
        ("\x00\x0b\x1f\x7f", b'"\\u0000\\u000b\\u001f\x7f"'),
        ("\u2028\u2029<>&", '"\u2028\u2029<>&"'.encode()),
        ("\ud800 and \udfff", b'"\\ud800 and \\udfff"'),
        ("\udc00\ud800", b'"\\udc00\\ud800"'),
        ("\ud83d\ude00", '"😀"'.encode()),
        ({"\udead": "a\nb"}, b'{"\\udead":"a\\nb"}'),
        ({"__proto__": {"x": 1}}, b'{"__proto__":{"x":1}}'),
        ((1, (2,)), b"[1,[2]]"),
        ({Kind.UPI: Kind.UPI, "level": Level.HIGH}, b'{"upi":"upi","level":3}'),
        ({Shouting("a"): Shouting("b")}, b'{"a":"b"}'),
        (INTEGER_MAX, b"9007199254740992"),
        (-INTEGER_MAX, b"-9007199254740992"),
        ({}, b"{}"),
        ([], b"[]"),
    ],
)
def test_writes_what_javascript_would(value: object, expected: bytes) -> None:
    """Order, escapes and numbers are those of JSON.stringify."""
    assert expected == dumps(value)


@pytest.mark.parametrize(
    "value",
    [
        1.0,
        float("nan"),
        INTEGER_MAX + 1,
        -INTEGER_MAX - 1,
        2**80,
        b"bytes",
        {1: "integer name"},
        {None: "no name"},
        {"a": {"b": [0.5]}},
        {"a": {1, 2}},
        object(),
        {"\ud83d\ude00": 1, "😀": 2},
    ],
)
def test_refuses_what_javascript_would_read_differently(value: object) -> None:
    """A float, a big integer, a foreign type and a doubled name raise ValueError, nested or not."""
    for nested in (value, [value], {"notes": {"inner": value}}, {"7": value}):
        with pytest.raises(ValueError, match=r".+"):
            dumps(nested)


def test_nesting_has_a_limit() -> None:
    """A value nested deeper than allowed, or containing itself, raises ValueError."""
    circular: list[Any] = []
    circular.append(circular)

    assert b"[[[]]]" == dumps([[[]]], depth_max=3)
    assert b'{"1":{"1":{}}}' == dumps({"1": {"1": {}}}, depth_max=3)
    too_deep: list[object] = [[[[[]]]], {"a": {"a": {"a": {}}}}, {"1": {"1": {"1": {}}}}, circular]
    for value in too_deep:
        with pytest.raises(ValueError, match="nested too deeply"):
            dumps(value, depth_max=3)


@given(values)
def test_nothing_is_lost(value: object) -> None:
    """What is written reads back as the same value."""
    assert value == json.loads(dumps(value))


@given(values)
def test_own_bytes_are_a_fixed_point(value: object) -> None:
    """Writing what was read back gives the same bytes."""
    body = dumps(value)

    assert body == dumps(json.loads(body))


@given(st.recursive(scalars, st.lists, max_leaves=20))
def test_ordinary_values_are_written_as_orjson_does(value: object) -> None:
    """Without names there is no order to mind, and the quick way is taken."""
    assert orjson.dumps(value) == dumps(value)
