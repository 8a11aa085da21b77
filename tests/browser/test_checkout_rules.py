"""The rules of the checkout's script against those of the server, which decide: they must agree."""

from __future__ import annotations

import random
from datetime import datetime

import pytest
from playwright.async_api import Page

from gateway import resources
from gateway.domain.errors import InvalidRequest
from gateway.domain.instruments import CardData, card_instrument, card_network, passes_luhn

NUMBERS = 3_000


@pytest.fixture
async def cards(page: Page) -> Page:
    """A page that has the script's rules about cards, and nothing else."""
    await page.goto("about:blank")
    script = resources.path("templates") / "assets" / "checkout-cards.js"
    await page.add_script_tag(content=script.read_text())
    return page


def numbers() -> list[str]:
    """Card numbers around all ranges, right and wrong, of every length."""
    chance = random.Random(7)
    starts = [str(each) for each in range(10, 100)]
    starts += [str(chance.randrange(1_000, 10_000)) for _ in range(400)]
    starts += ["2220", "2221", "2720", "2721", "3527", "3528", "3589", "3590", "6011", "6012"]
    found = []
    for _ in range(NUMBERS):
        start = chance.choice(starts)
        length = chance.randint(13, 19)
        found.append(start + "".join(chance.choices("0123456789", k=length - len(start))))
    return found


async def test_networks_and_check_digits(cards: Page) -> None:
    """The network that is shown is the one that is stored, and no right number is refused."""
    asked = numbers()
    brands = await cards.evaluate("numbers => numbers.map(Cards.brandOf)", asked)
    wrong = await cards.evaluate("numbers => numbers.map(Cards.wrongNumber)", asked)
    networks = [card_network(number) for number in asked]

    assert [network if network != "unknown" else "" for network in networks] == brands
    assert 8 == len(set(networks)), "every network is among them, and none"
    for number, verdict in zip(asked, wrong, strict=True):
        if verdict == "":
            assert passes_luhn(number)
        elif verdict == "field.card_number":
            assert not passes_luhn(number)
        else:
            assert "incomplete" == verdict
            assert card_network(number) in ("amex", "mastercard", "diners", "visa")


async def test_half_a_number_has_no_network_yet(cards: Page) -> None:
    """A network is named as soon as it is sure, and not before."""
    named = await cards.evaluate(
        "starts => starts.map(Cards.brandOf)", ["", "4", "5", "55", "6", "60", "601", "6011", "22"]
    )

    assert ["", "visa", "", "mastercard", "", "", "", "discover", ""] == named


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12/30", (12, 2030)),
        ("1/30", (1, 2030)),
        ("01 / 2031", (1, 2031)),
        ("0129", (1, 2029)),
        ("12-2040", (12, 2040)),
        ("13/30", None),
        ("00/30", None),
        ("12/3", None),
        ("12/203", None),
        ("", None),
        ("ab/cd", None),
    ],
)
async def test_dates(cards: Page, text: str, expected: tuple[int, int] | None) -> None:
    """However a date is written, it means one month or none."""
    found = await cards.evaluate("text => Cards.dateOf(text)", text)

    assert (found and (found["month"], found["year"])) == expected


async def test_a_card_is_valid_to_the_end_of_its_month(cards: Page) -> None:
    """The script and the server draw the line at the same month."""
    await cards.clock.set_fixed_time("2026-11-30T12:00:00Z")
    now = datetime.fromisoformat("2026-11-30T12:00:00+00:00")
    for month, year in ((10, 2026), (11, 2026), (12, 2026), (1, 2027), (12, 2076), (1, 2077)):
        wrong = await cards.evaluate("text => Cards.wrongDate(text)", f"{month:02}/{year}")
        card = CardData(number="4242424242424242", expiry_month=month, expiry_year=year, cvv="123")
        try:
            card_instrument(card, now)
        except InvalidRequest:
            assert wrong, (month, year)
        else:
            assert not wrong, (month, year)
