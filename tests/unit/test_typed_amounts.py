"""Amounts as people type them."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.money import AMOUNT_MAX, exponent
from gateway.domain.typed_amounts import CURRENCIES_BY_EXPONENT, EXPONENT_MAX, typed_amount


@pytest.mark.parametrize(
    ("text", "value", "currency"),
    [
        ("500", "500", None),
        (" 1,234.50 ", "1234.50", None),
        ("₹1,23,456.5", "123456.5", "INR"),
        ("$ 12", "12", "USD"),
        ("€12", "12", "EUR"),
        ("£0.01", "0.01", "GBP"),
        ("¥500", "500", "JPY"),
        ("kwd 1.005", "1.005", "KWD"),
        ("12 usd", "12", "USD"),
    ],
)
def test_reads_what_people_type(text: str, value: str, currency: str | None) -> None:
    """Groups, signs and codes are understood."""
    found = typed_amount(text)

    assert found is not None
    assert (Decimal(value), currency) == (found.value, found.currency)


@pytest.mark.parametrize(
    "text", ["", "x", "-5", "1e5", "1.2.3", "1,2", "12..", "1" * 50, "XXX 5", "ABC 5", "USD 5 USD"]
)
def test_leaves_what_is_no_amount(text: str) -> None:
    """Receipts and names are not taken for money."""
    assert typed_amount(text) is None


@given(
    st.integers(min_value=1, max_value=AMOUNT_MAX), st.sampled_from(["INR", "JPY", "KWD", "CLF"])
)
def test_an_amount_written_out_is_read_back(amount: int, currency: str) -> None:
    """In each currency's own digits, without losing or gaining a minor unit."""
    digits = exponent(currency)
    found = typed_amount(f"{currency} {Decimal(amount).scaleb(-digits):f}")

    assert found is not None
    assert amount == found.exact()[digits] == found.at_least()[digits] == found.at_most()[digits]


def test_bounds_are_rounded_towards_what_they_bound() -> None:
    """At least 0.5 yen is one yen, at most 1.5 yen is one; no yen is exactly that."""
    half, more = typed_amount("0.5"), typed_amount("1.5")

    assert half is not None
    assert more is not None
    assert (1, 1, None) == (half.at_least()[0], more.at_most()[0], more.exact()[0])


def test_every_currency_has_its_digits() -> None:
    """The table by digits is the one that amounts are checked with."""
    for digits, codes in CURRENCIES_BY_EXPONENT.items():
        assert {digits} == {exponent(code) for code in codes}
    assert max(CURRENCIES_BY_EXPONENT) == EXPONENT_MAX
