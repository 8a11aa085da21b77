"""Bodies are read two ways, a quick one and an exact one, and both say the same."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.errors import InvalidRequest
from gateway.web.bodies import _plain_object, parse_json

BOM = b"\xef\xbb\xbf"  # orjson refuses it, so what begins with it is read the exact way

scalars = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(max_size=8)
scalars |= st.floats(allow_nan=False, allow_infinity=False)
names = st.sampled_from(["a", "b", "a:b", "", "é", '"', "\\"]) | st.text(max_size=4)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.lists(st.tuples(names, inner), max_size=4),
    max_leaves=12,
)
objects = st.lists(st.tuples(names, values), max_size=5)


def written(value: Any, ascii_only: bool, gap: str) -> str:
    """JSON in which a list of pairs is an object, so that a name may come twice."""
    if isinstance(value, list) and all(isinstance(each, tuple) for each in value) and value:
        members = (
            f"{json.dumps(name, ensure_ascii=ascii_only)}{gap}:{gap}"
            f"{written(item, ascii_only, gap)}"
            for name, item in value
        )
        return "{" + f"{gap},{gap}".join(members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(written(item, ascii_only, gap) for item in value) + "]"
    return json.dumps(value, ensure_ascii=ascii_only)


def outcome(data: bytes) -> tuple[str, Any]:
    try:
        return "value", parse_json(data)
    except InvalidRequest as refusal:
        return refusal.description, refusal.field


@given(objects, st.booleans(), st.sampled_from(["", " ", "\n\t"]))
def test_the_quick_way_and_the_exact_one_agree(
    members: list[Any], ascii_only: bool, gap: str
) -> None:
    """Names that come twice, huge numbers, colons in texts, gaps, whatever is nested in what."""
    data = written(members, ascii_only, gap).encode("utf-8", "surrogatepass")

    exact, quick = outcome(BOM + data), outcome(data)

    assert exact == quick
    assert repr(exact) == repr(quick)  # 1, 1.0 and true are equal and not the same


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":1,"a":2}',
        b'{"a" :1,"a":2}',
        b'{"a":{"b":1,"b":2},"c":"::"}',
        b'{"a":18446744073709551616}',
        b'{"a":1.0}',
        b'{"a":"\\u0000"}',
        b'{"a":[1]}',
        b'{"a":{"b":{"c":{"d":{"e":1}}}}}',
        b"[]",
        b"{",
    ],
)
def test_what_needs_a_closer_look_is_not_read_quickly(body: bytes) -> None:
    """Whatever orjson would read otherwise than the contract has it."""
    assert _plain_object(body) is None


def test_what_nearly_every_body_is_is_read_quickly() -> None:
    """Texts, numbers, and an object in it."""
    body = b'{"amount":50000,"currency":"INR","notes":{"shop":"1"},"receipt":null,"save":false}'

    assert json.loads(body) == _plain_object(body)
