"""A merchant's colour and logo: what is taken, and what becomes of it on the page."""

from __future__ import annotations

import re

import pytest

from gateway.web.checkout.rendering import initials
from gateway.web.pages.colours import contrast, palette
from tests.checkout.shopper import Shopper
from tests.web.client import ApiClient

PIXEL = "data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA="
LOGO = "https://cdn.shop.example/logo.png"


async def page_of(api: ApiClient, shopper: Shopper, more: str = "") -> tuple[str, str]:
    """The checkout of a new order, and its policy."""
    order = await api.order()
    page = await shopper.browse("GET", f"/checkout?order_id={order['id']}{more}")
    return page.body.decode(), page.headers["Content-Security-Policy"]


async def test_branding_is_kept_and_taken_back(api: ApiClient) -> None:
    """Each part by itself; null goes back to the default; what was changed is audited by name."""
    assert {"color": None, "logo_url": None} == (await api.get("/merchant")).json["branding"]
    for change, expected in (
        ({"color": "#FF5500"}, {"color": "#ff5500", "logo_url": None}),
        ({"logo_url": LOGO}, {"color": "#ff5500", "logo_url": LOGO}),
        ({"color": None, "logo_url": PIXEL}, {"color": None, "logo_url": PIXEL}),
    ):
        answer = await api.call("PATCH", "/merchant", {"branding": change})
        assert (200, expected) == (answer.status, answer.json["branding"])


@pytest.mark.parametrize(
    "branding",
    [
        {"color": "red"},
        {"color": "#fff"},
        {"color": "#12345g"},
        {"color": "#123456;}body{display:none"},
        {"color": 1},
        {"logo_url": "http://shop.example/logo.png"},
        {"logo_url": "javascript:alert(1)"},
        {"logo_url": "https://shop.example/a b"},
        {"logo_url": "https://user@shop.example/logo.png"},
        {"logo_url": "data:text/html;base64,PGI+"},
        {"logo_url": "data:image/png,<svg>"},
        {"logo_url": "data:image/png;base64," + "A" * 40_000},
        {"logo": LOGO},
        "#123456",
        None,
    ],
)
async def test_other_branding_is_refused(api: ApiClient, branding: object) -> None:
    """It becomes part of a style sheet and of a policy, so only its own forms are taken."""
    answer = await api.call("PATCH", "/merchant", {"branding": branding})

    assert 400 == answer.status
    assert "branding" in answer.error["field"]


async def test_the_page_wears_the_merchants_colours(api: ApiClient, shopper: Shopper) -> None:
    """By day and by night; a shop's own choice comes first, a forced theme has only its own."""
    await api.call("PATCH", "/merchant", {"branding": {"color": "#0a7a47"}})
    text, policy = await page_of(api, shopper)
    chosen, _ = await page_of(api, shopper, "&color=%23ffd400&theme=dark")

    nonce = re.findall('<style nonce="([^"]+)">', text)[0]
    assert f"'nonce-{nonce}'" in policy
    assert "--brand: #0a7a47" in text
    assert "@media (prefers-color-scheme: dark)" in text
    assert "--brand: #ffd400" in chosen
    assert 'data-theme="dark"' in chosen
    assert 1 == chosen.count("--on-brand:")


async def test_logos(api: ApiClient, shopper: Shopper) -> None:
    """A logo from elsewhere is the one thing the policy lets in, and its initials stand behind."""
    await api.call("PATCH", "/merchant", {"branding": {"logo_url": LOGO}})
    text, policy = await page_of(api, shopper)
    assert f'src="{LOGO}"' in text
    assert "img-src 'self' data: https://cdn.shop.example;" in policy

    await api.call("PATCH", "/merchant", {"branding": {"logo_url": PIXEL}})
    text, policy = await page_of(api, shopper)
    assert f'src="{PIXEL}"' in text
    assert "img-src 'self' data:;" in policy
    assert ">TM</span>" in text


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Test Merchant", "TM"),
        ("acme", "A"),
        ("  The Corner Shop Ltd. ", "TC"),
        ("चाय घर", "चघ"),
        ("!!!", "·"),
        ("", "·"),
    ],
)
def test_initials(name: str, expected: str) -> None:
    """The first letters of the first two words, in any script."""

    assert expected == initials(name)


def colour(text: str) -> tuple[int, int, int]:
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


@pytest.mark.parametrize(
    "brand",
    ["#000000", "#ffffff", "#ffd400", "#2646d8", "#777777", "#00ff00", "#ff0000", "#141922"],
)
def test_every_colour_is_readable(brand: str) -> None:
    """Texts on it and in it have a contrast of 4.5 whatever the merchant chose (WCAG 1.4.3)."""
    for properties, paper in zip(palette(brand), ("#ffffff", "#141922"), strict=True):
        fill, label = colour(properties["--brand"]), colour(properties["--on-brand"])
        ink, tint = colour(properties["--brand-ink"]), colour(properties["--brand-tint"])
        assert 4.5 <= contrast(fill, label)
        assert 4.5 <= contrast(colour(properties["--brand-hover"]), label)
        assert 4.5 <= contrast(ink, tint)
        assert 4.3 <= contrast(ink, colour(paper))
        assert 1.2 <= contrast(fill, colour(paper))


def test_only_a_colour_is_a_colour() -> None:
    """What is none never reaches the style sheet."""
    with pytest.raises(ValueError, match="has the form"):
        palette("#12345; }")
