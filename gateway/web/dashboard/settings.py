"""The merchant's settings: the same fields, rules and effects as `PATCH /api/v1/merchant`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web
from yarl import URL

from gateway.domain.errors import InvalidRequest
from gateway.domain.instruments import METHODS
from gateway.storage.reads_accounts import MerchantRecord, find_merchant
from gateway.web.api.common import found
from gateway.web.bodies import validated
from gateway.web.calls import call_of
from gateway.web.dashboard.frame import dashboard_response, said_and_done
from gateway.web.forms import Form, read_form
from gateway.web.merchant_changes import change_settings
from gateway.web.pages.headers import Policy
from gateway.web.schemas import MerchantChanges

__all__ = ["save_checkout", "save_payments", "save_profile", "show_settings"]

_PATH = "/dashboard/settings"
_TEXTS = ("name", "color", "logo_url", "default_capture", "allowed_origins", "return_url")
_BRAND_COLOR = "#2646d8"  # the checkout's, where a merchant has chosen none
_METHOD_NAMES: Mapping[str, str] = {
    "upi": "UPI",
    "card": "Cards",
    "netbanking": "Netbanking",
    "wallet": "Wallets",
}


async def show_settings(request: web.Request) -> web.Response:
    """`GET /dashboard/settings`."""
    return await _page(request)


async def save_profile(request: web.Request) -> web.Response:
    """`POST /dashboard/settings/profile`: what shoppers read and see."""
    form = await read_form(request)
    # A browser's colour field has no way to be empty, so having one of one's own is ticked.
    color = form.text("color") if "own_color" in form else None
    branding = {"color": color, "logo_url": form.text("logo_url") or None}
    members = {"name": form.text("name"), "branding": branding}
    return await _save(request, "profile", members, form)


async def save_payments(request: web.Request) -> web.Response:
    """`POST /dashboard/settings/payments`: how shoppers pay, and when money is taken."""
    form = await read_form(request)
    members = {
        "default_capture": form.text("default_capture"),
        "enabled_methods": form.all("enabled_methods"),
    }
    if not members["enabled_methods"]:
        return await _page(request, {"payments": "Leave at least one way to pay."}, form)
    return await _save(request, "payments", members, form)


async def save_checkout(request: web.Request) -> web.Response:
    """`POST /dashboard/settings/checkout`: which shops may show the checkout, and the way back."""
    form = await read_form(request)
    members = {
        "allowed_origins": form.lines("allowed_origins"),
        "return_url": form.text("return_url") or None,
    }
    return await _save(request, "checkout", members, form)


async def _save(
    request: web.Request, section: str, members: dict[str, Any], form: Form
) -> web.Response:
    try:
        await change_settings(request, validated(MerchantChanges, members))
    except InvalidRequest as refusal:
        return await _page(request, {section: _sentence(refusal.description)}, form)
    return await said_and_done(request, _PATH, "Your settings were saved.")


def _sentence(description: str) -> str:
    """A refusal of the API as a person reads it."""
    text = description.replace("branding.", "").replace("_", " ")
    return f"{text[:1].upper()}{text[1:]}."


async def _page(
    request: web.Request, errors: Mapping[str, str] | None = None, form: Form | None = None
) -> web.Response:
    call = call_of(request)
    async with call.services.pool.acquire() as connection:
        merchant = found(await find_merchant(connection, call.member.merchant_id), "Merchant")
    context = {
        "merchant": merchant,
        "values": _values(merchant, form),
        "methods": [(method, _METHOD_NAMES[method]) for method in METHODS],
        "errors": errors or {},
    }
    logo = merchant.logo_url or ""
    images = (str(URL(logo).origin()),) if logo.startswith("https:") else ()
    return dashboard_response(
        request,
        "dashboard/settings.html",
        context,
        active="settings",
        status=400 if errors else 200,
        policy=Policy(images=images),
    )


def _values(merchant: MerchantRecord, form: Form | None) -> dict[str, Any]:
    """What the fields hold: what was stored, or what was sent and refused."""
    stored: dict[str, Any] = {
        "name": merchant.name,
        "default_capture": merchant.default_capture,
        "enabled_methods": merchant.enabled_methods,
        "allowed_origins": "\n".join(merchant.allowed_origins),
        "return_url": merchant.return_url or "",
        "color": merchant.brand_color or _BRAND_COLOR,
        "own_color": merchant.brand_color is not None,
        "logo_url": merchant.logo_url or "",
    }
    sent = form if form is not None else Form([])
    texts = {name: sent.raw(name) for name in _TEXTS if name in sent}
    return {**stored, **texts}
