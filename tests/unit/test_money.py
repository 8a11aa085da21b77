"""Amounts and the currencies they are in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from iso4217 import Currency

from gateway.domain.errors import InvalidRequest
from gateway.domain.money import AMOUNT_MAX, amount_minimum, check_amount, exponent

CODES = sorted(currency.code for currency in Currency if currency.exponent is not None)
currencies = st.sampled_from(CODES)


@pytest.mark.parametrize(
    ("currency", "digits"),
    [("INR", 2), ("USD", 2), ("JPY", 0), ("KRW", 0), ("KWD", 3), ("IQD", 3), ("CLF", 4)],
)
def test_the_exponent_is_the_currencys_own(currency: str, digits: int) -> None:
    """As ISO 4217 has it, not as a locale displays it."""
    assert digits == exponent(currency)


@pytest.mark.parametrize("currency", ["", "inr", "INR ", "INRR", "ABC", "₹", "XXX", "XAU", "999"])
def test_what_is_no_currency_is_refused(currency: str) -> None:
    """Unknown codes, other spellings, and codes without a minor unit."""
    for _ in range(2):
        with pytest.raises(InvalidRequest, match="currency must be an ISO 4217 code") as refused:
            exponent(currency)

        assert "currency" == refused.value.field


def test_the_smallest_amount_is_one_major_unit() -> None:
    """100 paise, 1 yen, 1,000 fils."""
    assert [100, 1, 1_000] == [amount_minimum(code) for code in ("INR", "JPY", "KWD")]


@given(currencies, st.data())
def test_amounts_within_the_bounds_are_taken_as_they_are(
    currency: str, data: st.DataObject
) -> None:
    """An integer comes back as the same integer."""
    amount = data.draw(st.integers(amount_minimum(currency), AMOUNT_MAX))

    assert amount == check_amount(amount, currency)


@given(currencies, st.integers(1))
def test_amounts_outside_the_bounds_are_refused(currency: str, excess: int) -> None:
    """By as little as one, on either side."""
    for amount in (amount_minimum(currency) - excess, AMOUNT_MAX + excess):
        with pytest.raises(InvalidRequest) as refused:
            check_amount(amount, currency)

        assert "amount" == refused.value.field


def test_every_amount_is_exact_in_javascript() -> None:
    """Clients read amounts as numbers."""
    assert 2**53 > AMOUNT_MAX == 999_999_999_999
