"""The settings page: the rules and effects of the API, for those who may."""

from __future__ import annotations

import html

import pytest

from gateway.seeding import TEST_MERCHANT_ID
from gateway.storage.pool import Pool
from tests.dashboard.people import Browser, People
from tests.web.client import ApiClient

METHODS = ["upi", "card"]


async def test_settings_are_the_apis(owner: Browser, api: ApiClient, pool: Pool) -> None:
    """What is saved here is what the API has and works by, at once; the trail has the fields."""
    await api.get("/merchant")  # the key is in the cache with the settings as they were
    for path, fields in (
        (
            "profile",
            {
                "name": "Corner Shop & Sons",
                "own_color": "on",
                "color": "#0A7A47",
                "logo_url": "https://cdn.shop.example/logo.png",
            },
        ),
        ("payments", {"default_capture": "automatic", "enabled_methods": METHODS}),
        (
            "checkout",
            {
                "allowed_origins": "https://shop.example\r\n\r\n http://localhost:3000/ \r\n",
                "return_url": "https://shop.example/thanks",
            },
        ),
    ):
        done = await owner.post(f"/dashboard/settings/{path}", **fields)
        assert (303, "/dashboard/settings") == (done.status, done.location), done.text
    merchant = (await api.get("/merchant")).json
    order = await api.order()
    refused = await api.post("/payments", {"order_id": order["id"], "method": "wallet"})
    page = await owner.get("/dashboard/settings")
    audits = await pool.fetch("SELECT * FROM audit_logs WHERE action = 'merchant.changed'")

    assert "Corner Shop & Sons" == merchant["name"]
    assert ("automatic", METHODS) == (merchant["default_capture"], merchant["enabled_methods"])
    assert ["https://shop.example", "http://localhost:3000"] == merchant["allowed_origins"]
    assert "https://shop.example/thanks" == merchant["return_url"]
    assert {"color": "#0a7a47", "logo_url": "https://cdn.shop.example/logo.png"} == merchant[
        "branding"
    ]
    assert (
        "img-src 'self' data: https://cdn.shop.example;" in page.headers["Content-Security-Policy"]
    )
    assert "automatic" == order["capture"]
    assert 400 == refused.status
    assert "Your settings were saved." in page.text
    assert "Corner Shop &amp; Sons" in page.text
    assert "https://shop.example\nhttp://localhost:3000</textarea>" in page.text
    assert 3 == len(audits)
    assert {None} == {each["mode"] for each in audits}
    assert all(each["actor"].startswith("user:") for each in audits)


@pytest.mark.parametrize(
    ("path", "fields", "said"),
    [
        ("profile", {"name": ""}, "Name must not be empty"),
        ("profile", {"name": "n" * 256}, "at most 255 characters"),
        ("profile", {"name": "Shop", "own_color": "on", "color": "red"}, "must be a colour"),
        ("profile", {"name": "Shop", "logo_url": "javascript:alert(1)"}, "must be an https URL"),
        ("profile", {"name": "Shop", "logo_url": "http://shop.example/a"}, "must be an https URL"),
        ("payments", {"default_capture": "manual"}, "at least one way to pay"),
        (
            "payments",
            {"default_capture": "later", "enabled_methods": METHODS},
            "Default capture must be",
        ),
        (
            "payments",
            {"default_capture": "manual", "enabled_methods": ["cash"]},
            "Invalid payment method",
        ),
        ("checkout", {"allowed_origins": "https://shop.example/path"}, "must be origins"),
        ("checkout", {"allowed_origins": "javascript:alert(1)"}, "must be origins"),
        ("checkout", {"allowed_origins": "*"}, "must be origins"),
        ("checkout", {"return_url": "javascript:alert(1)"}, "must be an http or https URL"),
        (
            "checkout",
            {"allowed_origins": "\n".join(f"https://s{n}.example" for n in range(33))},
            "at most 32 entries",
        ),
    ],
)
async def test_the_rules_are_the_apis(
    owner: Browser, pool: Pool, path: str, fields: dict[str, str], said: str
) -> None:
    """What the API refuses is refused here, with a sentence, and what was typed stays."""
    before = await pool.fetchrow("SELECT * FROM merchants WHERE id = $1", TEST_MERCHANT_ID)
    page = await owner.post(f"/dashboard/settings/{path}", **fields)
    after = await pool.fetchrow("SELECT * FROM merchants WHERE id = $1", TEST_MERCHANT_ID)

    assert 400 == page.status
    assert said in html.unescape(page.text)
    assert before == after
    for value in fields.values():
        if isinstance(value, str) and value.startswith("javascript"):
            assert value in html.unescape(page.text)


async def test_branding_can_be_taken_back(owner: Browser, api: ApiClient) -> None:
    """Without the tick and with an empty address the checkout looks as it did."""
    look = {"own_color": "on", "color": "#0a7a47", "logo_url": "https://shop.example/logo.png"}
    await owner.post("/dashboard/settings/profile", name="Shop", **look)
    await owner.post("/dashboard/settings/profile", name="Shop", color="#0a7a47", logo_url="")
    merchant = (await api.get("/merchant")).json

    assert {"color": None, "logo_url": None} == merchant["branding"]


async def test_who_may_not_sees_no_buttons(people: People) -> None:
    """Developers save what is theirs, readers nothing."""
    developer = await (await people.signed_in("developer")).get("/dashboard/settings")
    reader = await (await people.signed_in("read_only")).get("/dashboard/settings")

    assert "Save checkout" in developer.text
    assert "Save profile" not in developer.text
    assert "Save" not in reader.text
