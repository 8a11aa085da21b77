"""One page: a template, rendered for who looks at it, with the headers that protect it."""

from __future__ import annotations

import gzip
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import aiohttp_jinja2
from aiohttp import web
from markupsafe import Markup

from gateway.web.calls import call_of
from gateway.web.pages import formats
from gateway.web.pages.assets import ASSETS, takes_gzip
from gateway.web.pages.catalogue import LANGUAGES, Catalogue
from gateway.web.pages.headers import Policy, page_headers
from gateway.web.pages.viewers import Viewer, viewer_of

__all__ = ["CATALOGUES", "Page", "page_of", "page_response"]

_NONCE_BYTES = 16
_COMPRESSION = 3  # nearly as small as 9, in half the time

Catalogues = Mapping[str, Catalogue]
CATALOGUES: web.AppKey[Catalogues] = web.AppKey("catalogues", dict)


class Page:
    """What templates know as `page`: who looks, and how to write for them."""

    languages = LANGUAGES

    def __init__(self, request: web.Request, catalogue: Catalogue, viewer: Viewer) -> None:
        self.catalogue = catalogue
        self.language = viewer.language
        self.locale = viewer.locale
        self.nonce = secrets.token_urlsafe(_NONCE_BYTES)
        self.request_id = call_of(request).request_id
        self._assets = request.app[ASSETS]

    def text(self, source: str, **values: Any) -> Markup:
        """The text in the viewer's language, as HTML; values are escaped."""
        found = self.catalogue.markup(source)
        return found % values if values else found

    def amount(self, amount: int, currency: str) -> str:
        """`amount` in minor units, as the viewer writes it."""
        return formats.format_amount(amount, currency, self.locale)

    def number(self, number: int) -> str:
        """A count, as the viewer writes it."""
        return formats.format_number(number, self.locale)

    def moment(self, moment: datetime) -> Markup:
        """A time in UTC, which `times.js` writes in the viewer's own zone."""
        exact = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        shown = formats.format_moment(moment, self.locale)
        return Markup(
            '<time datetime="{exact}" title="{exact}" data-local>{shown} UTC</time>'
        ).format(exact=exact, shown=shown)

    def script(self, name: str) -> Markup:
        """The tag of a script that this response's policy allows."""
        return self._assets.script(name, self.nonce)


def page_of(request: web.Request, language: str | None = None) -> Page:
    """A page for the viewer who asks, in their language or in `language`, for one response."""
    viewer = viewer_of(request, language)
    return Page(request, request.app[CATALOGUES][viewer.language], viewer)


def page_response(
    request: web.Request,
    template: str,
    context: Mapping[str, Any] | None = None,
    *,
    status: int = 200,
    policy: Policy | None = None,
    page: Page | None = None,
    compress: bool = False,
) -> web.Response:
    """The template with the context, as a response. By default nobody may frame it.

    `compress` is for pages without secrets: the length of a page that repeats what a stranger wrote
    would tell of a token beside it (BREACH).
    """
    page = page or page_of(request)
    text = aiohttp_jinja2.render_string(template, request, {**(context or {}), "page": page})
    public_url: str = call_of(request).services.settings.public_url or ""
    headers = page_headers(policy or Policy(), page.nonce, secure=public_url.startswith("https://"))
    body = text.encode()
    if compress:
        headers["Vary"] = "Accept-Encoding"
        if takes_gzip(request.headers.get("Accept-Encoding", "")):
            headers["Content-Encoding"] = "gzip"
            body = gzip.compress(body, _COMPRESSION, mtime=0)
    return web.Response(status=status, body=body, headers=headers)
