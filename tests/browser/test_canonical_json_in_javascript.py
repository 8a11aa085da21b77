"""Canonical JSON against the engine that receivers use."""

from __future__ import annotations

import json

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from playwright.async_api import Browser

from gateway.domain.canonical_json import dumps

# Names around the borders at which an engine stops to treat them as numbers, and other quirks.
QUIRKS: list[object] = [
    {"b": 1, "4294967294": 2, "4294967295": 3, "4294967296": 4, "a": 5, "0": 6, "00": 7, "-0": 8},
    {"9007199254740991": 1, "9007199254740992": 2, "2": 3, "10": 4, "1e3": 5, "1.5": 6, " 1": 7},
    {"2147483647": 1, "2147483648": 2, "x": 0, "999": 3, "1073741824": 4},
    {"__proto__": {"toJSON": 1}, "constructor": 2, "toJSON": "text", "length": 3},
    {"٣": 1, "3": 2, "\ud800": 3, "\udc00\ud800": "\ud83d\ude00", "\uffff": "\ufeff"},
    [2**53, -(2**53), 2**53 - 1, 0, 10**15, 10**9],
    "".join(map(chr, range(0x100))) + "\u2028\u2029\u200b\ud7ff\ue000\U0010ffff",
]
BATCH = 400  # values in one call of the engine: each call costs a millisecond or two

text = st.text(st.characters(exclude_categories=[])) | st.text()  # with lone surrogates, and not
integers = st.integers(-(2**53), 2**53)
numeric_names = st.integers(0, 2**34).map(str) | st.integers(0, 12).map(str)
names = text | numeric_names | st.sampled_from(["__proto__", "01", "4294967295"])
values = st.recursive(
    st.none() | st.booleans() | integers | text,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(names, inner, max_size=8),
    max_leaves=20,
)


async def _javascript_writes(chromium: Browser, texts: list[str]) -> list[bytes]:
    page = await chromium.new_page()
    written: list[str] = await page.evaluate(
        "texts => texts.map(text => JSON.stringify(JSON.parse(text)))", texts
    )
    return [text.encode() for text in written]


def _values() -> list[object]:
    """The quirks, and a batch that hypothesis made up; nothing that is refused."""
    accepted = list(QUIRKS)

    @settings(
        max_examples=BATCH,
        phases=[Phase.generate],
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(values)
    def collect(value: object) -> None:
        try:
            dumps(value)
        except ValueError as refusal:  # two names that are one in UTF-16
            assert "two names" in str(refusal)  # noqa: PT017  # any other refusal is a fault
        else:
            accepted.append(value)

    collect()
    assert BATCH // 2 < len(accepted)
    return accepted


async def test_stringify_of_parse_gives_our_bytes(chromium: Browser) -> None:
    """A receiver that signs JSON.stringify(JSON.parse(body)) signs exactly what we signed."""
    bodies = [dumps(value) for value in _values()]

    assert bodies == await _javascript_writes(chromium, [body.decode() for body in bodies])


async def test_names_are_ordered_as_the_engine_orders_them(chromium: Browser) -> None:
    """JSON in Python's order, read and written by the engine, comes out as our bytes too."""
    values = _values()

    written = await _javascript_writes(chromium, [json.dumps(value) for value in values])

    assert [dumps(value) for value in values] == written


async def test_values_reach_javascript_as_they_were(chromium: Browser) -> None:
    """The engine sees the same code units that Python meant, surrogates included."""
    page = await chromium.new_page()
    sent = ["a\ud800b", "\ud83d\ude00", "😀", "\udfff", "\x00\x1f\x7f", "\u2028"]

    units = await page.evaluate(
        "body => JSON.parse(body).map(s => s.split('').map(unit => unit.charCodeAt(0)))",
        dumps(sent).decode(),
    )

    assert [_code_units(item) for item in sent] == units
    assert sent[2] == json.loads(dumps(sent))[1]


def _code_units(item: str) -> list[int]:
    encoded = item.encode("utf-16-le", "surrogatepass")
    return [int.from_bytes(encoded[at : at + 2], "little") for at in range(0, len(encoded), 2)]
