"""Amounts and the currencies they are in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from iso4217 import Currency

from gateway.domain.errors import InvalidRequest
from gateway.domain.money import AMOUNT_MAX, NO_AMOUNT_LIMITS, AmountLimits, amount_limits, exponent

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
    assert [100, 1, 1_000] == [NO_AMOUNT_LIMITS.minimum(code) for code in ("INR", "JPY", "KWD")]


@given(currencies, st.data())
def test_amounts_within_the_bounds_are_taken_as_they_are(
    currency: str, data: st.DataObject
) -> None:
    """An integer comes back as the same integer."""
    amount = data.draw(st.integers(NO_AMOUNT_LIMITS.minimum(currency), AMOUNT_MAX))

    assert amount == NO_AMOUNT_LIMITS.check(amount, currency)


@given(currencies, st.integers(1))
def test_amounts_outside_the_bounds_are_refused(currency: str, excess: int) -> None:
    """By as little as one, on either side."""
    for amount in (NO_AMOUNT_LIMITS.minimum(currency) - excess, AMOUNT_MAX + excess):
        with pytest.raises(InvalidRequest) as refused:
            NO_AMOUNT_LIMITS.check(amount, currency)

        assert "amount" == refused.value.field


def test_every_amount_is_exact_in_javascript() -> None:
    """Clients read amounts as numbers."""
    assert 2**53 > AMOUNT_MAX == 999_999_999_999


def test_an_operator_sets_bounds_by_currency() -> None:
    """Both, or one of them; other currencies stay as they are."""
    limits = amount_limits(["INR:50-50000000", "JPY:50-", "KWD:-900000"])

    assert [50, 50, 1_000, 100] == [limits.minimum(code) for code in ("INR", "JPY", "KWD", "USD")]
    assert [50_000_000, AMOUNT_MAX, 900_000, AMOUNT_MAX] == [
        limits.maximum(code) for code in ("INR", "JPY", "KWD", "USD")
    ]
    for amount in (50, 50_000_000):
        assert amount == limits.check(amount, "INR")
    for amount, text in ((49, "at least 50"), (50_000_001, "at most 50000000")):
        with pytest.raises(InvalidRequest, match=f"amount must be {text}"):
            limits.check(amount, "INR")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("INR", "not like INR:100-50000000"),
        ("INR:100", "not like"),
        ("INR:-", "not like"),
        ("inr:1-2", "not like"),
        ("INR:1.5-2", "not like"),
        ("INR:1-2-3", "not like"),
        ("INR:1-9999999999999", "not like"),
        ("XXX:1-2", "no currency"),
        ("ABC:1-2", "no currency"),
        ("INR:0-5", "no amount"),
        ("INR:6-5", "no amount"),
        ("INR:-99", "no amount"),
    ],
)
def test_bounds_that_cannot_be(text: str, problem: str) -> None:
    """What is wrong is said with its place, not with its text."""
    with pytest.raises(ValueError, match=f"number 2 .*{problem}"):
        amount_limits(["USD:1-2", text])


def test_bounds_are_given_once() -> None:
    """Two for a currency are none."""
    with pytest.raises(ValueError, match="number 3 is of a currency that was there before"):
        amount_limits(["USD:1-2", "INR:1-2", "USD:3-4"])


@given(currencies, st.integers(1, AMOUNT_MAX), st.integers(1, AMOUNT_MAX), st.integers())
def test_nothing_outside_the_bounds_is_taken(
    currency: str, one: int, other: int, amount: int
) -> None:
    """An amount is taken when it is within, and refused otherwise."""
    lowest, highest = sorted((one, other))
    limits = amount_limits([f"{currency}:{lowest}-{highest}"])
    assert AmountLimits({currency: (lowest, highest)}) == limits

    if lowest <= amount <= highest:
        assert amount == limits.check(amount, currency)
    else:
        with pytest.raises(InvalidRequest):
            limits.check(amount, currency)
