"""Means of payment: what is taken, what is refused, what is kept."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.errors import ExpiredCard, InvalidCard, InvalidVpa
from gateway.domain.instruments import (
    CardData,
    Instrument,
    Nonce,
    card_from_bytes,
    card_instrument,
    card_network,
    card_to_bytes,
    check_vpa,
    normalize_card_number,
    passes_luhn,
)

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)

# The doubled digits as a table, and otherwise told in other words than the code's.
DOUBLED = {0: 0, 1: 2, 2: 4, 3: 6, 4: 8, 5: 1, 6: 3, 7: 5, 8: 7, 9: 9}


def check_digit(payload: str) -> str:
    """The digit that makes `payload` a valid number (ISO/IEC 7812-1, annex B)."""
    total = 0
    for place, digit in enumerate(payload[::-1]):
        total += DOUBLED[int(digit)] if place % 2 == 0 else int(digit)
    return str(-total % 10)


payloads = st.text("0123456789", min_size=12, max_size=18)
numbers = payloads.map(lambda payload: payload + check_digit(payload))


@pytest.mark.parametrize(
    ("number", "network"),
    [
        ("4242424242424242", "visa"),
        ("4000000000000002", "visa"),
        ("4000000000009995", "visa"),
        ("4000000000000069", "visa"),
        ("4000000000000119", "visa"),
        ("4000000000003220", "visa"),
        ("4222222222222", "visa"),
        ("5555555555554444", "mastercard"),
        ("5105105105105100", "mastercard"),
        ("2223003122003222", "mastercard"),
        ("378282246310005", "amex"),
        ("340000000000009", "amex"),
        ("6521111111111117", "rupay"),
        ("6074819999999996", "rupay"),
        ("8100000000000008", "rupay"),
        ("6011111111111117", "discover"),
        ("30569309025904", "diners"),
        ("38520000023237", "diners"),
        ("3530111333300000", "jcb"),
        ("9000000000000001", "unknown"),
    ],
)
def test_known_numbers_are_taken_and_known_by_their_network(number: str, network: str) -> None:
    """The networks' own test numbers."""
    digits = normalize_card_number(number[:-1] + check_digit(number[:-1]))

    assert network == card_network(digits)


@pytest.mark.parametrize(
    "number",
    [
        "4242424242424242",
        "4000000000000002",
        "4222222222222",
        "5555555555554444",
        "378282246310005",
        "6011111111111117",
        "30569309025904",
        "3530111333300000",
    ],
)
def test_the_check_digit_of_published_numbers_is_right(number: str) -> None:
    """Against numbers that others have made, not against our own arithmetic."""
    assert passes_luhn(number)
    assert check_digit(number[:-1]) == number[-1]


@pytest.mark.parametrize(
    ("prefix", "network"),
    [
        ("50", "unknown"),
        ("51", "mastercard"),
        ("55", "mastercard"),
        ("56", "unknown"),
        ("2220", "unknown"),
        ("2221", "mastercard"),
        ("2720", "mastercard"),
        ("2721", "unknown"),
        ("34", "amex"),
        ("3501", "unknown"),
        ("37", "amex"),
        ("60", "rupay"),
        ("65", "rupay"),
        ("66", "unknown"),
        ("80", "unknown"),
        ("81", "rupay"),
        ("89", "rupay"),
        ("90", "unknown"),
        ("643", "unknown"),
        ("644", "discover"),
        ("649", "discover"),
        ("36", "diners"),
        ("3527", "unknown"),
        ("3528", "jcb"),
        ("3589", "jcb"),
        ("3590", "unknown"),
    ],
)
def test_networks_begin_and_end_where_they_say(prefix: str, network: str) -> None:
    """The edges of every range."""
    assert network == card_network(prefix.ljust(16, "0"))


@given(numbers)
def test_every_valid_number_is_taken(number: str) -> None:
    """Of any length from 13 to 19, with spaces and dashes or without."""
    assert number == normalize_card_number(number)
    grouped = " ".join(number[place : place + 4] for place in range(0, len(number), 4))
    assert number == normalize_card_number(grouped)
    assert number == normalize_card_number(grouped.replace(" ", "-"))


@given(numbers, st.data())
def test_a_changed_digit_is_always_noticed(number: str, data: st.DataObject) -> None:
    """Whichever digit it is, and whatever it becomes."""
    place = data.draw(st.integers(0, len(number) - 1))
    other = data.draw(st.sampled_from([each for each in "0123456789" if each != number[place]]))
    with pytest.raises(InvalidCard, match="Card validation failed"):
        normalize_card_number(number[:place] + other + number[place + 1 :])


@given(numbers, st.data())
def test_swapped_neighbours_are_noticed(number: str, data: st.DataObject) -> None:
    """All but 09 and 90, which the method cannot tell apart."""
    place = data.draw(st.integers(0, len(number) - 2))
    one, other = number[place], number[place + 1]
    swapped = number[:place] + other + one + number[place + 2 :]

    assert (one == other or {one, other} == {"0", "9"}) == passes_luhn(swapped)


@pytest.mark.parametrize(
    "number",
    [
        "",
        "0",
        "424242424242",
        "42424242424242424242",
        "4242 4242 4242 424x",
        "4242.4242.4242.4242",
        "4242\u00a04242\u00a04242\u00a04242",
        "\u0664\u0662\u0664\u0662" * 4,
        "²²²²²²²²²²²²²²²²",
        "4242424242424242\n",
        "+4242424242424242",
    ],
)
def test_what_is_no_card_number_is_refused(number: str) -> None:
    """Too short, too long, other characters, other scripts' digits."""
    with pytest.raises(InvalidCard, match="Card validation failed") as refused:
        normalize_card_number(number)

    assert "card.number" == refused.value.field
    assert not number or number not in str(refused.value)


def card(
    number: str = "4242424242424242", month: int = 12, year: int = 2030, cvv: str = "123"
) -> CardData:
    return CardData(number=number, expiry_month=month, expiry_year=year, cvv=cvv)


def test_only_the_mask_of_a_card_is_kept() -> None:
    """Network, last four digits and expiry; neither number nor CVV nor name."""
    assert Instrument(
        method="card",
        card_network="visa",
        card_last4="4242",
        card_expiry_month=12,
        card_expiry_year=2030,
    ) == card_instrument(card(), NOW)


def test_card_data_does_not_show() -> None:
    """Whoever prints it learns nothing (P8)."""
    assert "CardData()" == repr(card())


def test_card_data_survives_sealing() -> None:
    """What is sealed as bytes comes back as it was."""
    for holder, postal_code in ((None, None), ("Zoë O'Neil", None), (None, "46282")):
        data = CardData(
            number="4242424242424242",
            expiry_month=1,
            expiry_year=2031,
            cvv="007",
            holder_name=holder,
            postal_code=postal_code,
        )
        assert data == card_from_bytes(card_to_bytes(data))


def test_card_data_sealed_before_there_were_postal_codes_is_read() -> None:
    """And without one it is written as it was, for gateways of that version."""
    sealed = b'["4242424242424242", 1, 2031, "007", null]'
    data = CardData(number="4242424242424242", expiry_month=1, expiry_year=2031, cvv="007")

    assert data == card_from_bytes(sealed)
    assert sealed == card_to_bytes(data)


def test_a_nonce_survives_sealing_and_does_not_show() -> None:
    """It is sealed in the place of card data."""
    nonce = Nonce(descriptor="COMMON.ACCEPT.INAPP.PAYMENT", value="eyJjb2RlIjoi")

    assert nonce == card_from_bytes(card_to_bytes(nonce))
    assert "eyJjb2RlIjoi" not in repr(nonce)


@pytest.mark.parametrize(
    ("month", "year", "now"),
    [
        (11, 2026, datetime(2026, 11, 1, tzinfo=UTC)),
        (11, 2026, datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC)),
        (12, 2026, datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC)),
        (1, 2027, datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC)),
        (2, 2028, datetime(2028, 2, 29, 23, 59, 59, tzinfo=UTC)),
        (12, 2076, NOW),
    ],
)
def test_a_card_is_valid_to_the_end_of_its_month(month: int, year: int, now: datetime) -> None:
    """To its last second."""
    assert month == card_instrument(card(month=month, year=year), now).card_expiry_month


@pytest.mark.parametrize(
    ("month", "year", "now"),
    [
        (11, 2026, datetime(2026, 12, 1, tzinfo=UTC)),
        (12, 2025, datetime(2026, 1, 1, tzinfo=UTC)),
        (2, 2028, datetime(2028, 3, 1, tzinfo=UTC)),
        (12, 26, NOW),
        (0, 2030, NOW),
        (13, 2030, NOW),
        (-1, 2030, NOW),
        (12, 2077, NOW),
    ],
)
def test_a_card_that_is_over_or_never_was_is_refused(month: int, year: int, now: datetime) -> None:
    """From the first second of the next month; and for dates that are none."""
    with pytest.raises(ExpiredCard, match="Card expiry date invalid") as refused:
        card_instrument(card(month=month, year=year), now)

    assert refused.value.field is not None
    assert refused.value.field.startswith("card.expiry_")


@pytest.mark.parametrize(
    ("number", "cvv"),
    [("4242424242424242", "000"), ("5555555555554444", "999"), ("378282246310005", "1234")],
)
def test_the_networks_own_cvv_length_is_taken(number: str, cvv: str) -> None:
    """Three digits, four of American Express."""
    assert number[-4:] == card_instrument(card(number, cvv=cvv), NOW).card_last4


@pytest.mark.parametrize(
    ("number", "cvv"),
    [
        ("4242424242424242", "12"),
        ("4242424242424242", "1234"),
        ("4242424242424242", ""),
        ("4242424242424242", "12a"),
        ("4242424242424242", "12 "),
        ("4242424242424242", "-12"),
        ("4242424242424242", "١٢٣"),
        ("378282246310005", "123"),
        ("378282246310005", "12345"),
    ],
)
def test_another_cvv_is_refused(number: str, cvv: str) -> None:
    """Without being quoted."""
    with pytest.raises(InvalidCard, match="Card validation failed") as refused:
        card_instrument(card(number, cvv=cvv), NOW)

    assert "card.cvv" == refused.value.field
    assert "Card validation failed" == str(refused.value)


@pytest.mark.parametrize(
    "vpa", ["success@bank", "a@b", "first.last-name_1@okhdfc", "9999999999@upi", ".@0", "A@B"]
)
def test_upi_addresses_are_taken_as_they_are(vpa: str) -> None:
    """Name and handle."""
    assert vpa == check_vpa(vpa)


@pytest.mark.parametrize(
    "vpa",
    [
        "",
        "@",
        "user",
        "user@",
        "@bank",
        "user@@bank",
        "user@bank@bank",
        "user name@bank",
        "user@ba nk",
        "user@bank.com",
        "user@ba-nk",
        "user+tag@bank",
        "üser@bank",
        "user@bank\n",
        "\nuser@bank",
        "u" * 251 + "@bank",
    ],
)
def test_other_upi_addresses_are_refused(vpa: str) -> None:
    """In the contract's words."""
    with pytest.raises(InvalidVpa, match="VPA format invalid") as refused:
        check_vpa(vpa)

    assert "vpa" == refused.value.field
