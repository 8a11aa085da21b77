"""Whether a request that changes something was made by our own page.

Two proofs are asked for: the browser says that the page was ours (Fetch Metadata, or else Origin),
and the form has a token that only our page could know.
"""

from __future__ import annotations

import base64
import hmac
import re
import secrets
from collections.abc import Callable
from urllib.parse import urlsplit

from aiohttp import web

from gateway.security.vault import Vault
from gateway.web.errors import Refused
from gateway.web.forms import read_form

__all__ = ["FIELD", "HEADER", "NotOurPage", "VisitorTokens", "check_source", "check_token"]

FIELD = "csrf_token"
HEADER = "X-CSRF-Token"
_PURPOSE = "visitor form"
_VISITOR_BYTES = 24
_VISITOR = re.compile(r"[A-Za-z0-9_-]{32}")
_TOKEN_CHARACTERS_MAX = 128


class NotOurPage(Refused):
    """The request changes something and did not come from one of our pages."""

    code = "PERMISSION_ERROR"
    status = 403
    reason = "csrf"

    def __init__(self) -> None:
        super().__init__("The form is too old or did not come from this site")


def check_source(request: web.Request, public_url: str | None) -> None:
    """Raise NotOurPage when the browser says that another site made the request.

    Clients that say nothing are no browsers that could be tricked; they still need the token.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        if site not in ("same-origin", "none"):
            raise NotOurPage
        return
    origin = request.headers.get("Origin")
    if origin is not None and not _is_ours(origin, request.host, public_url):
        raise NotOurPage


def _is_ours(origin: str, host: str, public_url: str | None) -> bool:
    if public_url is not None and origin == "{0.scheme}://{0.netloc}".format(urlsplit(public_url)):
        return True
    scheme, _, rest = origin.partition("://")
    return scheme in ("http", "https") and rest == host


async def check_token(request: web.Request, expected: str) -> None:
    """Raise NotOurPage unless header or form have the token."""
    given = request.headers.get(HEADER)
    if given is None:
        given = (await read_form(request)).raw(FIELD)
    fits = 0 < len(given) <= _TOKEN_CHARACTERS_MAX
    if not fits or not hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode()):
        raise NotOurPage


class VisitorTokens:
    """Tokens for people without a session: made of a cookie, kept nowhere.

    Without one, a stranger's page could sign its visitors in to the stranger's account.
    """

    def __init__(self, vault: Vault, cookie_name: str, *, secure: bool) -> None:
        self._vault = vault
        self._cookie_name = cookie_name
        self._secure = secure

    def token_for(self, request: web.Request) -> tuple[str, Callable[[web.Response], None]]:
        """The token for a form, and what is to be done to the response that has the form."""
        visitor = self._visitor(request)
        if visitor is not None:
            return self._token(visitor), lambda _response: None
        made = secrets.token_urlsafe(_VISITOR_BYTES)
        return self._token(made), lambda response: self._keep(response, made)

    async def check(self, request: web.Request) -> None:
        """Raise NotOurPage unless the request has the token that goes with its cookie."""
        visitor = self._visitor(request)
        if visitor is None:
            raise NotOurPage
        await check_token(request, self._token(visitor))

    def _visitor(self, request: web.Request) -> str | None:
        value = request.cookies.get(self._cookie_name)
        return value if value is not None and _VISITOR.fullmatch(value) else None

    def _token(self, visitor: str) -> str:
        return base64.urlsafe_b64encode(self._vault.keyed_hash(_PURPOSE, visitor.encode())).decode()

    def _keep(self, response: web.Response, visitor: str) -> None:
        response.set_cookie(
            self._cookie_name,
            visitor,
            path="/",
            secure=self._secure,
            httponly=True,
            samesite="Lax",
        )
