"""Texts, amounts, times and languages of pages, each by itself."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp.test_utils import make_mocked_request
from babel import Locale
from jinja2.ext import extract_from_ast

from gateway import resources
from gateway.web.pages.catalogue import LANGUAGES, load_catalogues
from gateway.web.pages.formats import format_amount, format_moment, format_number
from gateway.web.pages.headers import Policy, page_headers
from gateway.web.pages.setup import make_environment
from gateway.web.pages.viewers import viewer_of

ROOT = Path(__file__).resolve().parents[2]
PLACES = re.compile(r"%\((\w+)\)s")
ENGLISH_ONLY = ("dashboard/",)


def texts_of_templates() -> Iterator[str]:
    environment = make_environment()
    for name in environment.list_templates(extensions=["html"]):
        if not name.startswith(ENGLISH_ONLY):
            source = (resources.path("templates") / name).read_text()
            for _line, _function, text in extract_from_ast(environment.parse(source)):
                first = text[0] if isinstance(text, tuple) else text
                if first is not None:  # else it is a variable: its text is marked elsewhere
                    yield first


def texts_of_code() -> Iterator[str]:
    for path in (ROOT / "gateway" / "web").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            is_marked = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
            if is_marked and node.func.id == "message" and "dashboard" not in path.parts:
                assert isinstance(node.args[0], ast.Constant), f"{path}:{node.lineno}"
                yield node.args[0].value


@pytest.mark.parametrize("language", [each for each in LANGUAGES if each != "en"])
def test_every_text_is_translated(language: str) -> None:
    """No page of this language falls back to English, and the places are the same."""
    catalogue = load_catalogues(resources.path("templates") / "locales")[language]
    used = {*texts_of_templates(), *texts_of_code()}

    assert used
    assert set() == {text for text in used if not catalogue.knows(text)}
    for text in used:
        assert sorted(PLACES.findall(text)) == sorted(PLACES.findall(catalogue.text(text)))


@pytest.mark.parametrize("language", [each for each in LANGUAGES if each != "en"])
def test_no_translation_is_left_over(language: str) -> None:
    """What no page says any more is taken out of the catalogue."""
    catalogue = load_catalogues(resources.path("templates") / "locales")[language]
    used = {*texts_of_templates(), *texts_of_code()}

    assert set() == catalogue.sources - used


@pytest.mark.parametrize(
    ("amount", "currency", "locale", "expected"),
    [
        (50_000, "INR", "en", "₹500.00"),
        (50_000, "INR", "en_IN", "₹500.00"),
        (12_345_678, "INR", "en_IN", "₹1,23,456.78"),
        (12_345_678, "INR", "hi", "₹1,23,456.78"),
        (50_000, "EUR", "de", "500,00 €"),
        (500, "JPY", "en", "¥500"),
        (5_000, "KWD", "en", "KWD 5.000"),
        (123_456, "IQD", "en", "IQD 123.456"),
        (1, "USD", "en", "$0.01"),
        (999_999_999_999, "USD", "en", "$9,999,999,999.99"),
    ],
)
def test_amounts(amount: int, currency: str, locale: str, expected: str) -> None:
    """The digits are the currency's, the signs and groups the locale's."""
    shown = format_amount(amount, currency, Locale.parse(locale))

    assert expected == shown.replace("\xa0", " ")


def test_times_and_counts() -> None:
    """Times say the minute, counts are grouped as the locale groups them."""
    moment = datetime(2026, 11, 25, 10, 18, tzinfo=UTC)

    shown = format_moment(moment, Locale.parse("en_GB"))
    assert "25 Nov 2026, 10:18:00" == shown
    assert "12,34,567" == format_number(1_234_567, Locale.parse("en_IN"))


@pytest.mark.parametrize(
    ("chosen", "accepted", "language", "locale"),
    [
        ("", "", "en", "en"),
        ("", "hi-IN,hi;q=0.9,en;q=0.8", "hi", "hi_IN"),
        ("", "en-IN", "en", "en_IN"),
        ("", "de-AT,en;q=0.5", "en", "de_AT"),
        ("", "en;q=0.2,hi;q=0.9", "hi", "hi"),
        ("en", "hi-IN", "en", "en"),
        ("hi", "en-GB", "hi", "hi"),
        ("en", "hi,en-IN;q=0.1", "en", "en_IN"),
        ("xx", "tlh, x;q=z, ;;;, *", "en", "en"),
        ("", "zh-Hant-TW", "en", "zh"),
        ("", "en-Latn-IN", "en", "en_IN"),
        ("", "hi;q=0", "en", "en"),
        ("", "," * 5_000 + "hi", "en", "en"),
    ],
)
def test_who_looks(chosen: str, accepted: str, language: str, locale: str) -> None:
    """A choice comes before the browser's preferences; nonsense is English."""
    path = f"/checkout?lang={chosen}"
    request = make_mocked_request("GET", path, headers={"Accept-Language": accepted})

    viewer = viewer_of(request)

    assert (language, locale) == (viewer.language, str(viewer.locale))


def test_a_policy_adds_only_what_it_names() -> None:
    """Frames and images are allowed where the page said so; https gateways say so for a year."""
    policy = Policy(frame_ancestors=("https://shop.example",), images=("https://cdn.example",))

    headers = page_headers(policy, "abc", secure=True)

    content = headers["Content-Security-Policy"]
    assert "frame-ancestors https://shop.example;" in content
    assert "img-src 'self' data: https://cdn.example;" in content
    assert "frame-src 'none'" in content
    assert "X-Frame-Options" not in headers
    assert "max-age=31536000" == headers["Strict-Transport-Security"]
