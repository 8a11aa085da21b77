"""The developers' docs: what to copy, with the merchant's own key in it and never a secret.

Each snippet is a file, `templates/dashboard/snippets/<what>.<language>.txt`, so that tests run what
merchants copy.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from aiohttp import web

from gateway import resources
from gateway.storage.reads_keys import oldest_key
from gateway.web.calls import call_of
from gateway.web.dashboard.frame import dashboard_response

__all__ = ["DOCS_LANGUAGES", "fill_snippet", "show_docs"]

DOCS_LANGUAGES: Mapping[str, str] = {
    "curl": "curl",
    "python": "Python",
    "node": "Node",
    "php": "PHP",
}
_SDK = "sdk.html"
_INSTRUMENTS: tuple[tuple[str, str], ...] = (
    ("4242 4242 4242 4242", "Success"),
    ("4000 0000 0000 3220", "The bank asks for a challenge"),
    ("4000 0000 0000 0002", "Declined"),
    ("4000 0000 0000 9995", "Insufficient funds"),
    ("4000 0000 0000 0069", "Expired card"),
    ("4000 0000 0000 0119", "The bank has an error"),
    ("4000 0000 0000 0259", "Success, and a dispute once it is captured"),
    ("success@bank", "Success"),
    ("failure@bank", "Failure"),
    ("timeout@bank", "Nobody knows at first"),
)


async def show_docs(request: web.Request) -> web.Response:
    """`GET /dashboard/docs`."""
    call = call_of(request)
    member, services = call.member, call.services
    async with services.pool.acquire() as connection:
        key = await oldest_key(connection, member.scope, services.clock.now())
    asked = request.query.get("in", "")
    language = asked if asked in DOCS_LANGUAGES else "curl"
    gateway_url = services.settings.public_url or f"{request.scheme}://{request.host}"
    key_id = key.id if key is not None else f"key_{member.mode}_…"

    def snippet(name: str) -> str:
        return fill_snippet(name, gateway_url=gateway_url, key_id=key_id)

    context = {
        "gateway_url": gateway_url.rstrip("/"),
        "key_id": key.id if key is not None else None,
        "languages": DOCS_LANGUAGES,
        "language": language,
        "create_order": snippet(f"create-order.{language}"),
        "sdk": snippet(_SDK),
        "verify_payment": snippet(f"verify-payment.{language}"),
        "webhook": snippet(f"webhook.{language}"),
        "instruments": _INSTRUMENTS,
    }
    return dashboard_response(request, "dashboard/docs.html", context, active="docs")


def fill_snippet(name: str, *, gateway_url: str, key_id: str) -> str:
    """A snippet's text for one merchant. Raises FileNotFoundError when there is none."""
    filled = _snippet(name).replace("GATEWAY_URL", gateway_url.rstrip("/"))
    return filled.replace("KEY_ID", key_id)


@cache
def _snippet(name: str) -> str:
    path = resources.path("templates") / "dashboard" / "snippets" / f"{name}.txt"
    return path.read_text(encoding="utf-8").rstrip("\n")
