"""Identifiers: their form, and that nobody can guess them."""

from __future__ import annotations

import re
import string
from collections import Counter
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.ids import _characters, _source, is_id, new_id, new_unit_id

PREFIXES = ["order", "pay", "rfnd", "cust", "plan", "evt", "we", "plink", "key", "op", "att"]
ALPHABET = string.ascii_letters + string.digits


@pytest.mark.parametrize("prefix", PREFIXES)
def test_an_id_is_a_prefix_and_sixteen_letters_and_digits(prefix: str) -> None:
    """The form that client libraries check for."""
    value = new_id(prefix)

    assert re.fullmatch(rf"{prefix}_[A-Za-z0-9]{{16}}", value)
    assert is_id(value, prefix)


def test_ids_do_not_repeat() -> None:
    """Not among a hundred thousand."""
    assert 100_000 == len({new_id("pay") for _ in range(100_000)})


def test_units_of_work_have_what_a_uuid_column_takes() -> None:
    """32 hexadecimal digits, none of them twice in ten thousand."""
    made = {new_unit_id() for _ in range(10_000)}

    assert 10_000 == len(made)
    assert all(UUID(unit_id).hex == unit_id for unit_id in made)


def test_each_character_is_equally_likely() -> None:
    """At every place: chi-squared over 62 characters stays far from what bias would give.

    With 61 degrees of freedom it exceeds 150 once in 10^8 times; bytes modulo 62 give some 260.
    """
    count = 30_000
    made = [new_id("x")[2:] for _ in range(count)]
    expected = count / len(ALPHABET)
    for place in range(16):
        seen = Counter(value[place] for value in made)
        assert set(ALPHABET) == set(seen)
        assert sum((seen[each] - expected) ** 2 / expected for each in ALPHABET) < 150


def test_bytes_that_would_favour_some_characters_are_thrown_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """248 and above are drawn again; 247 and below count."""
    drawn = iter([bytes([248, 255, *range(8)]), bytes(range(240, 248)) + bytes(8)])
    monkeypatch.setattr("gateway.domain.ids.secrets.token_bytes", lambda _count: next(drawn))
    monkeypatch.setattr("gateway.domain.ids._take_characters", _source(_characters, 16))

    assert "pay_abcdefgh23456789" == new_id("pay")


@pytest.mark.parametrize(
    "value",
    [
        "",
        "pay_",
        "pay_AAAAAAAAAAAAAAA",
        "pay_AAAAAAAAAAAAAAAAA",
        "pay_AAAAAAAAAAAAAAA\n",
        "pay_AAAAAAAAAAAAAAAA\n",
        "pay_AAAAAAAAAAAAAAA-",
        "pay_AAAAAAAAAAAAAAAä",
        "pay_" + "\u0661" * 16,
        "order_AAAAAAAAAAAAAAAA",
        "PAY_AAAAAAAAAAAAAAAA",
        " pay_AAAAAAAAAAAAAAAA",
        "payAAAAAAAAAAAAAAAAA",
    ],
)
def test_what_is_no_id_of_a_payment_is_told_apart(value: str) -> None:
    """Other lengths, characters, prefixes, and a newline at the end."""
    assert not is_id(value, "pay")


@given(st.text())
def test_any_text_can_be_asked_about(text: str) -> None:
    """The form is all there is to it."""
    assert (re.fullmatch(r"pay_[A-Za-z0-9]{16}", text) is not None) == is_id(text, "pay")
